"""All tests that run in CPython."""
