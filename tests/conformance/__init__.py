"""Golden cases, run by the same code in CPython and inside the browser's Python."""
