"""Byte-level faults of a provider, each with its right value: `make faults`, docs/reference/faults.md."""
