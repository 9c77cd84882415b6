"""The conventions of providers as data: when to come back, what ends a stream, and what may be asked twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sporewright.routing.terms import AllowanceHeader, Answers, PaceHeader, Repeatable

__all__ = ["ALLOWANCE_HEADERS", "ANSWERS", "DONE", "PACE_HEADERS", "REPEATABLE"]

_UNITS: Sequence[Literal["requests", "tokens"]] = ("requests", "tokens")


def _allowances(form: str) -> list[AllowanceHeader]:
    return [
        {"unit": unit, "left": form.format(unit=unit, said="remaining"), "limit": form.format(unit=unit, said="limit")}
        for unit in _UNITS
    ]


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

ALLOWANCE_HEADERS: Sequence[AllowanceHeader] = [
    # When it is full again is not read: a declared pool has a refill of its own.
    *_allowances("x-ratelimit-{said}-{unit}"),
    *_allowances("anthropic-ratelimit-{unit}-{said}"),
    *(row for window in ("minute", "hour", "day") for row in _allowances(f"x-ratelimit-{{said}}-{{unit}}-{window}")),
    {"unit": "requests", "left": "ratelimit-remaining", "limit": "ratelimit-limit"},
    {"unit": "requests", "left": "x-ratelimit-remaining", "limit": "x-ratelimit-limit"},
    {"unit": "requests", "left": "ratelimit", "structured": True},
]

DONE = "[DONE]"

_MESSAGE = [["message", "content"], ["message", "tool_calls", "0", "function", "name"], ["message", "thinking"]]
_EMBEDDINGS = [
    *(["data", "0", name] for name in ("embedding", "embeddings")),
    ["data", "0", "0", "#"],
    *(["embedding"], ["embeddings"]),
]
_LLAMA_CPP = [["tokens_predicted", "#"], ["id_slot", "#"], ["slot_id", "#"]]
"""Its own answers, which differ from OpenAI's; what they say besides is said by others, too."""
_SCORES = [[*at, name, "#"] for at in ([], ["data", "0"]) for name in ("score", "relevance_score")]
_COMPLETION = ["choices", "0", "text"]

ANSWERS: Answers = {
    # The first row whose end the path has says whose words an answer is in: the caller can read no others.
    "paths": [
        {"end": "/chat/completions", "dialects": ["openai"], "fields": []},
        {"end": "/completions", "dialects": ["openai"], "fields": _LLAMA_CPP, "beside": [_COMPLETION]},
        {"end": "/responses", "dialects": ["openai-responses"], "fields": [["output_text"]]},
        {"end": "/messages", "dialects": ["anthropic"], "fields": []},
        {"end": ":generateContent", "dialects": ["gemini"], "fields": []},
        {"end": ":streamGenerateContent", "dialects": ["gemini"], "fields": []},
        # Some servers answer with a list of vectors, and nothing around it.
        {"end": "/embeddings", "dialects": [], "fields": _EMBEDDINGS, "lists": [[]]},
        # Nothing may be left of a ranking.
        {"end": "/rerank", "dialects": [], "fields": _SCORES, "lists": [["results"], []]},
        {"end": "/api/chat", "dialects": [], "fields": _MESSAGE},
        {"end": "/api/generate", "dialects": [], "fields": [["response"], ["thinking"]]},
    ],
    # If the path says nothing: calls that are no chat, and servers that answer in fields of their own.
    "fields": [
        *([name] for name in ("data", "embeddings", "embedding", "results", "response", "outputs", "predictions")),
        *([name] for name in ("generations", "generated_text", "text", "output_text", "images", "audio")),
        *(["completion"], ["token", "text"]),
        *_MESSAGE,
    ],
    "beside": [_COMPLETION],
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
    # A body that has none of these is another service's, whose path happens to end so: mail is sent by /messages, too.
    "fields": [
        "model",
        "messages",
        "prompt",
        "input",
        "inputs",
        "contents",
        "query",
        "texts",
        "documents",
        "stream",
        "conversation",
        "previous_response_id",
    ],
    "headers": ["idempotency-key", "x-idempotency-key"],
}
