"""End to end: a real server, a real browser."""
