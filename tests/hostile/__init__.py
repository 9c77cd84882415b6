"""Input that an attacker may hand in, and output that must never result."""
