"""The fencing token of the one server that may write."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nobody has claimed it with a token yet."""
    op.add_column("meta", sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"))
