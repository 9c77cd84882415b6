"""Replays measured requests through the router and other policies (docs/explanation/simulate.md)."""
