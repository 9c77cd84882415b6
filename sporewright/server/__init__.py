"""The orchestrator: sessions of devices, roll-up, publication, storage (docs/reference/wire.md)."""
