"""Byte-level faults of a provider, each with its right value: `make faults`, docs/faults.md."""
