"""The first tables: identity, what devices said, how far they are, what workspaces are shown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

COORDINATE = ("workspace", "level", "instance", "option", "dim")


def _key(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "meta",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("epoch", sa.Text, nullable=False),
        _number("revision"),
    )
    for name in ("reports", "published"):
        op.create_table(name, *_key(*COORDINATE), sa.Column("v", sa.Text), sa.Column("w", sa.Text), _number("revision"))
    op.create_table(
        "clients",
        *_key("workspace", "device", "client"),
        _number("seq"),
        sa.Column("acks", sa.Text, nullable=False),
        sa.Column("seen", sa.Float(53), nullable=False),
    )
    op.create_table("shelves", *_key("workspace"), _number("head"), _number("floor"))
