"""How providers say things, as data: when to come back, and what the events of a stream mean."""

from __future__ import annotations

from collections.abc import Sequence

from sporewright.routing.terms import Mark, PaceHeader, Repeatable

__all__ = ["DONE", "MARKS", "PACE_HEADERS", "REPEATABLE"]

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

MARKS: Sequence[Mark] = [
    {"dialect": "openai", "mark": "known", "path": ["choices"]},
    # Of several choices each says for itself that it is whole.
    {"dialect": "openai", "mark": "part", "path": ["choices", "0", "index"]},
    {"dialect": "openai", "mark": "token", "path": ["choices", "0", "delta", "content"]},
    {"dialect": "openai", "mark": "token", "path": ["choices", "0", "delta", "reasoning_content"]},
    {"dialect": "openai", "mark": "token", "path": ["choices", "0", "delta", "tool_calls"]},
    {"dialect": "openai", "mark": "token", "path": ["choices", "0", "text"]},
    # Who speaks of finish reasons, be it by null, gives one with a whole answer: an end mark alone is a gateway's.
    {"dialect": "openai", "mark": "open", "path": ["choices", "0"], "has": "finish_reason"},
    {"dialect": "openai", "mark": "finish", "path": ["choices", "0", "finish_reason"]},
    {"dialect": "openai", "mark": "error", "path": ["error"]},
    {"dialect": "openai-responses", "mark": "known", "path": ["type"], "equals": "response.created"},
    {"dialect": "openai-responses", "mark": "known", "path": ["type"], "equals": "response.in_progress"},
    {"dialect": "openai-responses", "mark": "token", "path": ["type"], "equals": "response.output_text.delta"},
    {"dialect": "openai-responses", "mark": "done", "path": ["type"], "equals": "response.completed"},
    {"dialect": "openai-responses", "mark": "done", "path": ["type"], "equals": "response.incomplete"},
    {"dialect": "openai-responses", "mark": "error", "path": ["type"], "equals": "response.failed"},
    {"dialect": "openai-responses", "mark": "usage", "path": ["response", "usage"]},
    {"dialect": "anthropic", "mark": "known", "path": ["type"], "equals": "message_start"},
    {"dialect": "anthropic", "mark": "known", "path": ["type"], "equals": "content_block_start"},
    {"dialect": "anthropic", "mark": "known", "path": ["type"], "equals": "ping"},
    # OpenAI's chat completions and Anthropic's message_delta say usage and errors at the same place.
    {"dialect": "openai", "mark": "usage", "path": ["usage"]},
    {"dialect": "anthropic", "mark": "token", "path": ["type"], "equals": "content_block_delta"},
    {"dialect": "anthropic", "mark": "finish", "path": ["delta", "stop_reason"]},
    {"dialect": "anthropic", "mark": "done", "path": ["type"], "equals": "message_stop"},
    {"dialect": "gemini", "mark": "known", "path": ["candidates"]},
    {"dialect": "gemini", "mark": "token", "path": ["candidates", "0", "content", "parts"]},
    {"dialect": "gemini", "mark": "finish", "path": ["candidates", "0", "finishReason"]},
    {"dialect": "gemini", "mark": "usage", "path": ["usageMetadata"]},
]

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
