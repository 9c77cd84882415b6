"""Structured logs on standard error: for people on a terminal, one JSON object a line elsewhere."""

from __future__ import annotations

import sys

import structlog
import structlog.tracebacks

from sporewright.errors import SporewrightError, StorageError

__all__ = ["configure_logging", "told"]


# Without the values of variables, among which are names, cells and tokens.
_tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def told(why: SporewrightError) -> str:
    """An error for those outside: what a database says of itself (host, user, path) stays in the log."""
    return "the server cannot write to its database now" if isinstance(why, StorageError) else str(why)


def configure_logging() -> None:
    """Set up structlog for this process. What is logged names slices and reasons, never a token."""
    people = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            *([] if people else [_tracebacks]),
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
            if people
            else structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
