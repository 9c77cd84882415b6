"""Structured logs on standard error: for people on a terminal, one JSON object a line elsewhere."""

from __future__ import annotations

import sys

import structlog

__all__ = ["configure_logging"]


def configure_logging() -> None:
    """Set up structlog for this process. What is logged names slices and reasons, never a token."""
    people = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            *([] if people else [structlog.processors.dict_tracebacks]),
            structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
