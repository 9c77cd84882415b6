"""The providers' dialects as data: how each is asked for a chat, and where its answer says what.

From the providers' public references, as of 2025. A new provider is a new row here and an exchange in
`tests/routing/chats.json`, never a branch in an interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sporewright.routing.dialects.chat_terms import Auth, Counting, DialectName, DialectRow, Field, Only, Where
from sporewright.routing.dialects.readings import ANTHROPIC, COHERE, GEMINI, OPENAI, RESPONSES

__all__ = ["DIALECTS", "SUFFICES"]

SUFFICES = ("length", "content_filter")
"""Reasons of an end that are an answer without a word."""

_BEARER: Auth = {"header": "authorization", "prefix": "Bearer "}
_CHAT_USAGE: Counting = {
    "input": [["prompt_tokens"]],
    "output": [["completion_tokens"]],
    "total": [["total_tokens"]],
    "cached": [["prompt_tokens_details", "cached_tokens"]],
}
# What only tunes, counts or files a call: left out where a dialect has no word for it.
_FILED = ("prompt_cache_key", "prompt_cache_retention", "safety_identifier")
_IGNORED = (
    *("stream", "stream_options", "model", "user", "store", "metadata", "service_tier", "parallel_tool_calls"),
    *_FILED,
)
_CALLS = ["messages", "*", "tool_calls", "*"]
_PARTS = ["messages", "*", "content", "*"]


def _only(*at: str, names: Sequence[str], **where: str) -> Only:
    row: Only = {"at": at, "names": names}
    for name, value in where.items():
        row["where"] = {"path": [name], "equals": value}
    return row


def _shapes(*, assistant: Sequence[str], function: Sequence[str] = (), call: Sequence[str] = ()) -> list[Only]:
    """The fields of OpenAI's messages and tools that a dialect of templates can express.

    A speaker's name, the thoughts behind an answer, sound: an option that cannot be told them is not asked.
    """
    everyone = ("role", "content")
    return [
        *(_only("messages", "*", names=everyone, role=role) for role in ("system", "developer", "user")),
        _only("messages", "*", names=(*everyone, "tool_calls", "annotations", *assistant), role="assistant"),
        # Which tool it was is said by the call.
        _only("messages", "*", names=(*everyone, "tool_call_id", "name"), role="tool"),
        _only(*_PARTS, names=("type", "text", "cache_control", "annotations"), type="text"),
        _only(*_PARTS, names=("type", "image_url", "cache_control"), type="image_url"),
        _only(*_PARTS, "image_url", names=("url", "detail")),
        _only(*_CALLS, names=("id", "type", "index", "function", *call)),
        _only(*_CALLS, "function", names=("name", "arguments")),
        _only("tools", "*", names=("type", "function", "cache_control")),
        _only("tools", "*", "function", names=("name", "description", "parameters", *function)),
        _only("tool_choice", names=("type", "function")),
        _only("tool_choice", "function", names=("name",)),
    ]


def _format(*names: str) -> list[Only]:
    """Of a response format, what is said of its schema; its name is a label."""
    return [
        _only("response_format", names=("type", "json_schema")),
        _only("response_format", "json_schema", names=("name", "schema", *names)),
    ]


def _same(*names: str) -> list[Field]:
    return [{"of": [name], "to": [name]} for name in names]


def _types(*names: str) -> list[Where]:
    return [{"path": ["type"], "equals": name} for name in names]


_OPENAI: DialectRow = {
    "path": "/v1/chat/completions",
    "auth": _BEARER,
    "headers": {},
    "model": ["model"],
    "streamed": {"stream": True, "stream_options": {"include_usage": True}},
    "fields": None,
    "ignores": [],
    "defaults": [],
    "end": "[DONE]",
    "marks": [{"path": [], "has": "choices"}],
    "readings": OPENAI,
    "finish": {"function_call": "tool_calls", "model_length": "length"},
    "usage": _CHAT_USAGE,
}

_RESPONSES: DialectRow = {
    "path": "/v1/responses",
    "auth": _BEARER,
    "headers": {},
    "model": ["model"],
    "streamed": {"stream": True},
    "fields": [
        *_same("temperature", "top_p", "user", "store", "metadata", "service_tier", "parallel_tool_calls", *_FILED),
        {"of": ["max_tokens"], "to": ["max_output_tokens"]},
        {"of": ["max_completion_tokens"], "to": ["max_output_tokens"]},
        {"of": ["reasoning_effort"], "to": ["reasoning", "effort"]},
        {"of": ["verbosity"], "to": ["text", "verbosity"]},
        {"of": ["response_format", "type"], "to": ["text", "format", "type"]},
        *(
            Field(of=["response_format", "json_schema", name], to=["text", "format", name])
            for name in ("name", "description", "schema", "strict")
        ),
    ],
    "ignores": ("stream", "stream_options", "model"),
    "only": [*_shapes(assistant=["refusal"], function=["strict"]), *_format("description", "strict")],
    # Kept there for thirty days unless it is told not to; chat completions are not.
    "defaults": [(["store"], False)],
    "messages": {
        "to": ["input"],
        "roles": {name: name for name in ("system", "developer", "user", "assistant", "tool")},
        "message": {"role": "$role", "content": "$parts"},
        "text": {"type": "input_text", "text": "$text"},
        "answer": {"type": "output_text", "text": "$text"},
        "refusal": {"type": "refusal", "refusal": "$text"},
        "image_data": {"type": "input_image", "image_url": "$url", "detail": "$detail"},
        "image_url": {"type": "input_image", "image_url": "$url", "detail": "$detail"},
        "alone": ["call", "result"],
        "call": {"type": "function_call", "call_id": "$id", "name": "$name", "arguments": "$json"},
        "result": {"type": "function_call_output", "call_id": "$id", "output": "$text"},
    },
    "tools": {
        "to": ["tools"],
        "tool": {
            "type": "function",
            "name": "$name",
            "description": "$description",
            "parameters": "$parameters",
            "strict": "$strict",
        },
        # There it would be strict.
        "assumed": {"strict": False},
        "tools": "$tools",
        "choice_to": ["tool_choice"],
        "choices": {
            **{name: name for name in ("auto", "none", "required")},
            "function": {"type": "function", "name": "$name"},
        },
    },
    "end": None,
    "marks": [{"path": ["type"], "begins": "response."}, {"path": ["type"], "equals": "keepalive"}],
    "readings": RESPONSES,
    "finish": {
        "response.completed": "stop",
        "completed": "stop",
        "function_call": "tool_calls",
        "max_output_tokens": "length",
    },
    "usage": {
        "input": [["input_tokens"]],
        "output": [["output_tokens"]],
        "total": [["total_tokens"]],
        "cached": [["input_tokens_details", "cached_tokens"]],
    },
}

_CACHED = {"cache_control": "$cache_control"}
_ANTHROPIC: DialectRow = {
    "path": "/v1/messages",
    "auth": {"header": "x-api-key", "prefix": ""},
    # The second one asks for CORS headers: without it no page may call.
    "headers": {"anthropic-version": "2023-06-01", "anthropic-dangerous-direct-browser-access": "true"},
    "model": ["model"],
    "streamed": {"stream": True},
    "fields": [
        {"of": ["max_tokens"], "to": ["max_tokens"]},
        {"of": ["max_completion_tokens"], "to": ["max_tokens"]},
        {"of": ["temperature"], "to": ["temperature"]},
        {"of": ["top_p"], "to": ["top_p"]},
        {"of": ["stop"], "to": ["stop_sequences"], "form": "list"},
    ],
    "ignores": _IGNORED,
    "only": _shapes(assistant=["refusal"]),
    "defaults": [(["max_tokens"], 4096)],  # required there
    "messages": {
        "to": ["messages"],
        "system": ["system"],
        "system_as": "$text",
        "roles": {"user": "user", "assistant": "assistant", "tool": "user"},
        "message": {"role": "$role", "content": "$parts"},
        "text": {"type": "text", "text": "$text", **_CACHED},
        "image_data": {
            "type": "image",
            "source": {"type": "base64", "media_type": "$media", "data": "$data"},
            **_CACHED,
        },
        "image_url": {"type": "image", "source": {"type": "url", "url": "$url"}, **_CACHED},
        "call": {"type": "tool_use", "id": "$id", "name": "$name", "input": "$arguments"},
        "result": {"type": "tool_result", "tool_use_id": "$id", "content": "$text"},
    },
    "tools": {
        "to": ["tools"],
        "tool": {"name": "$name", "description": "$description", "input_schema": "$parameters", **_CACHED},
        "tools": "$tools",
        "choice_to": ["tool_choice"],
        "choices": {
            "auto": {"type": "auto"},
            "none": {"type": "none"},
            "required": {"type": "any"},
            "function": {"type": "tool", "name": "$name"},
        },
    },
    "end": None,
    "marks": [
        *_types("message_start", "message_delta", "message_stop", "ping"),
        {"path": ["type"], "begins": "content_block_"},
    ],
    "readings": ANTHROPIC,
    "finish": {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "tool_use": "tool_calls",
        "refusal": "content_filter",
    },
    "usage": {
        # What was read from or written to its cache is not in `input_tokens`.
        "input": [["input_tokens"], ["cache_read_input_tokens"], ["cache_creation_input_tokens"]],
        "output": [["output_tokens"]],
        "total": [],
        "cached": [["cache_read_input_tokens"]],
    },
}

_GEMINI: DialectRow = {
    "path": "/v1beta/models/{model}:generateContent",
    "stream_path": "/v1beta/models/{model}:streamGenerateContent?alt=sse",
    "auth": {"header": "x-goog-api-key", "prefix": ""},
    "headers": {},
    "model": [],
    "streamed": {},
    "fields": [
        {"of": ["max_tokens"], "to": ["generationConfig", "maxOutputTokens"]},
        {"of": ["max_completion_tokens"], "to": ["generationConfig", "maxOutputTokens"]},
        {"of": ["temperature"], "to": ["generationConfig", "temperature"]},
        {"of": ["top_p"], "to": ["generationConfig", "topP"]},
        {"of": ["stop"], "to": ["generationConfig", "stopSequences"], "form": "list"},
        {"of": ["n"], "to": ["generationConfig", "candidateCount"]},
        {"of": ["seed"], "to": ["generationConfig", "seed"]},
        {"of": ["presence_penalty"], "to": ["generationConfig", "presencePenalty"]},
        {"of": ["frequency_penalty"], "to": ["generationConfig", "frequencyPenalty"]},
        {
            "of": ["response_format", "type"],
            "to": ["generationConfig", "responseMimeType"],
            "values": {"text": "text/plain", "json_object": "application/json", "json_schema": "application/json"},
        },
        {"of": ["response_format", "json_schema", "schema"], "to": ["generationConfig", "responseJsonSchema"]},
    ],
    "ignores": _IGNORED,
    "only": [
        *_shapes(assistant=["refusal"], call=["extra_content"]),
        _only(*_CALLS, "extra_content", names=["google"]),
        _only(*_CALLS, "extra_content", "google", names=["thought_signature"]),
        *_format(),
    ],
    "defaults": [],
    "messages": {
        "to": ["contents"],
        "system": ["systemInstruction"],
        "system_as": {"parts": [{"text": "$text"}]},
        "roles": {"user": "user", "assistant": "model", "tool": "user"},
        "message": {"role": "$role", "parts": "$parts"},
        "text": {"text": "$text"},
        "image_data": {"inlineData": {"mimeType": "$media", "data": "$data"}},
        "image_url": {"fileData": {"fileUri": "$url"}},
        # Without the signature of the thought that it came from, a call is refused.
        "call": {"functionCall": {"name": "$name", "args": "$arguments"}, "thoughtSignature": "$signature"},
        "result": {"functionResponse": {"name": "$name", "response": {"result": "$text"}}},
    },
    "tools": {
        "to": ["tools"],
        "tool": {"name": "$name", "description": "$description", "parameters": "$parameters"},
        "tools": [{"functionDeclarations": "$tools"}],
        "choice_to": ["toolConfig", "functionCallingConfig"],
        "choices": {
            "auto": {"mode": "AUTO"},
            "none": {"mode": "NONE"},
            "required": {"mode": "ANY"},
            "function": {"mode": "ANY", "allowedFunctionNames": ["$name"]},
        },
    },
    "end": None,
    "marks": [{"path": [], "has": name} for name in ("candidates", "promptFeedback", "usageMetadata")],
    "readings": GEMINI,
    "finish": {
        "STOP": "stop",
        "MAX_TOKENS": "length",
        **dict.fromkeys(["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"], "content_filter"),
        **dict.fromkeys(["IMAGE_SAFETY", "IMAGE_RECITATION", "IMAGE_PROHIBITED_CONTENT"], "content_filter"),
    },
    "usage": {
        "input": [["promptTokenCount"]],
        "output": [["candidatesTokenCount"], ["thoughtsTokenCount"]],
        "total": [["totalTokenCount"]],
        "cached": [["cachedContentTokenCount"]],
    },
}

_COHERE: DialectRow = {
    "path": "/v2/chat",
    "auth": _BEARER,
    "headers": {},
    "model": ["model"],
    "streamed": {"stream": True},
    "fields": [
        *_same("messages", "tools", "max_tokens", "temperature", "seed"),
        *_same("presence_penalty", "frequency_penalty"),
        {
            "of": ["response_format", "type"],
            "to": ["response_format", "type"],
            "values": {"text": "text", "json_object": "json_object", "json_schema": "json_object"},
        },
        {"of": ["response_format", "json_schema", "schema"], "to": ["response_format", "json_schema"]},
        {"of": ["max_completion_tokens"], "to": ["max_tokens"]},
        {"of": ["top_p"], "to": ["p"]},
        {"of": ["stop"], "to": ["stop_sequences"], "form": "list"},
    ],
    "ignores": _IGNORED,
    "only": [*_shapes(assistant=["tool_plan", "citations"]), *_format()],
    "skips_empty": True,
    "defaults": [],
    "end": None,
    "marks": [
        *_types("message-start", "message-end"),
        *(Where(path=["type"], begins=name) for name in ("content-", "tool-", "citation-")),
    ],
    "readings": COHERE,
    "finish": {
        "COMPLETE": "stop",
        "STOP_SEQUENCE": "stop",
        "MAX_TOKENS": "length",
        "TOOL_CALL": "tool_calls",
        "ERROR_TOXIC": "content_filter",
    },
    "usage": {
        "input": [["tokens", "input_tokens"]],
        "output": [["tokens", "output_tokens"]],
        "total": [],
        "cached": [],
    },
}

DIALECTS: Mapping[DialectName, DialectRow] = {
    "openai": _OPENAI,
    "openai-responses": _RESPONSES,
    # Says usage unasked, and refuses a request with a field that it does not know.
    "mistral": {**_OPENAI, "streamed": {"stream": True}, "skips_empty": True},
    "anthropic": _ANTHROPIC,
    "gemini": _GEMINI,
    "cohere": _COHERE,
}
