"""How providers say things, as data: when to come back, what ends a stream, and what may be asked twice."""

from __future__ import annotations

from collections.abc import Sequence

from sporewright.routing.terms import Answers, PaceHeader, Repeatable

__all__ = ["ANSWERS", "DONE", "PACE_HEADERS", "REPEATABLE"]

PACE_HEADERS: Sequence[PaceHeader] = [
    # The first that can be read wins: the finest one, the standard's, the drafts', and the providers' own.
    {"header": "retry-after-ms", "form": "milliseconds"},
    {"header": "retry-after", "form": "retry-after"},
    {"header": "ratelimit", "form": "structured"},
    {"header": "ratelimit-reset", "form": "seconds", "unless_left": "ratelimit-remaining"},
    {"header": "x-ratelimit-reset-requests", "form": "duration", "unless_left": "x-ratelimit-remaining-requests"},
    {"header": "x-ratelimit-reset-tokens", "form": "duration", "unless_left": "x-ratelimit-remaining-tokens"},
    {"header": "x-ratelimit-reset", "form": "seconds", "unless_left": "x-ratelimit-remaining"},
]

DONE = "[DONE]"

ANSWERS: Answers = {
    # What is no chat: embeddings, rankings, pictures, sounds, and servers that answer in words of their own.
    "fields": [
        *([name] for name in ("data", "embeddings", "embedding", "results", "response", "outputs", "predictions")),
        *([name] for name in ("generations", "generated_text", "text", "output_text", "images", "audio")),
        ["message", "content"],
        ["message", "tool_calls"],
        ["message", "thinking"],
    ],
    "lines": ["/api/chat", "/api/generate"],
    "lists": [":streamGenerateContent"],
}

REPEATABLE: Repeatable = {
    "methods": ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"],
    # Inference changes nothing at the provider: asked twice it costs twice, and that is all.
    "paths": [
        "/chat/completions",
        "/completions",
        "/responses",
        "/messages",
        "/embeddings",
        "/rerank",
        "/api/chat",
        "/api/generate",
        ":generateContent",
        ":streamGenerateContent",
    ],
    "headers": ["idempotency-key", "x-idempotency-key"],
}
