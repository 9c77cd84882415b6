"""sporewright."""
