"""The machine that decides how a routed call proceeds, without I/O (docs/reference/plan.md)."""
