"""Pools: what is scarce has a cap, an allowance and a price; pure arithmetic (P1–P7, docs/explanation/model.md)."""

from sporewright.pools.calendar import Zone
from sporewright.pools.declared import Pool, pools_from
from sporewright.pools.draws import Asked, Used
from sporewright.pools.ledger import Ledger, PoolState, Refused
from sporewright.pools.word import Word, declined, hear

__all__ = ["Asked", "Ledger", "Pool", "PoolState", "Refused", "Used", "Word", "Zone", "declined", "hear", "pools_from"]
