"""The holder of each client: all devices of one holder have one voice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """A client from before is its device's own: that is whom a token names unless it was told otherwise."""
    op.add_column("clients", sa.Column("holder", sa.Text, nullable=False, server_default=""))
    op.execute("UPDATE clients SET holder = workspace || '/' || device")
