"""Commands for those who work on the project: `make docs`, `make release`."""
