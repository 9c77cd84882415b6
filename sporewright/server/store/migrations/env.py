"""Alembic's way to the database: over the connection, and in the transaction, of the store that is opening."""

from __future__ import annotations

from alembic import context

from sporewright.server.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
