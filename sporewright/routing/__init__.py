"""What a routed call does, decided without I/O (docs/reference/plan.md)."""
