"""The tables of the server, step by step; Alembic runs what is missing when a store opens."""
