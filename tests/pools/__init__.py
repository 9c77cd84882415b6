"""Pools: declared, drawn on, leased and priced (P1–P7)."""
