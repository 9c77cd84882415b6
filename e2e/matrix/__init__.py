"""Routed fetch beside plain fetch, case by case: a server that does what the address says, and the page's module."""
