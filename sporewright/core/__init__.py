"""The algebra: cells, fold, resolve, the way up, the way down. Pure; no clock, no I/O, no dependency."""
