"""The paths to the parts of each dialect's answers, for the events of a stream and for whole answers alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sporewright.routing.dialects.chat_terms import Reading, Says, ToolFields, Where

__all__ = ["ANTHROPIC", "ANY", "COHERE", "GEMINI", "OPENAI", "RESPONSES"]


def _of(says: Says, type_: str, at: Sequence[str] = ()) -> Reading:
    """In an event of this type, at this place."""
    return {"says": says, "at": [], "where": {"path": ["type"], "equals": type_}, "take": at}


_ERRORS: Sequence[Reading] = [
    # As gateways and servers of several dialects say it, whatever they were asked in.
    _of("error", "error"),
    {"says": "error", "at": [], "where": {"path": ["object"], "equals": "error"}},
    {"says": "error", "at": ["error"]},
]
ANY: Sequence[Reading] = [*_ERRORS, {"says": "usage", "at": ["usage"]}]
"""Of an event that is of no dialect's."""


def _life(at: Sequence[str], beyond: Sequence[str], **more: Any) -> Reading:
    """Whatever says something here in another field than these."""
    return {"says": "life", "at": at, "where": {"path": [], "beyond": beyond}, **more}  # type: ignore[typeddict-item]


def _choices(place: str, **tool: Any) -> list[Reading]:
    each = ["choices"]
    fields = {
        "call": ["index"],
        "id": ["id"],
        "name": ["function", "name"],
        "arguments": ["function", "arguments"],
        "extra": ["extra_content"],
    }
    parts = [place, "content"]
    return [
        {"says": "text", "each": each, "at": parts},
        {"says": "text", "each": each, "at": parts, "where": {"path": ["type"], "equals": "text"}, "take": ["text"]},
        {"says": "text", "each": each, "at": [place, "refusal"]},
        {"says": "reasoning", "each": each, "at": [place, "reasoning_content"]},
        {"says": "reasoning", "each": each, "at": [place, "reasoning"]},
        {"says": "reasoning", "each": each, "at": [*parts, "0", "thinking", "0", "text"]},
        {"says": "tool", "each": each, "at": [place, "tool_calls"], "fields": fields, **tool},  # type: ignore[typeddict-item]
    ]


_MORE = ("audio", "images", "reasoning_details", "thinking_blocks", "reasoning_text", "executed_tools", "video")
"""The other parts that an answer may have: sound, pictures, thoughts in a provider's own form, its own tools."""


OPENAI: Sequence[Reading] = [
    *_choices("delta", where={"path": [], "beyond": []}),
    # A dialect grows: whatever is new in a stream is a sign of life.
    _life(["delta"], ["role", "content", "tool_calls"], each=["choices"]),
    _life(["delta", "content"], ["type", "text"], each=["choices"]),
    *_choices("message", whole=True),
    {"says": "life", "each": ["choices"], "at": ["message"], "where": {"path": [], "among": _MORE}},
    {"says": "life", "each": ["choices"], "at": ["message"], "where": {"path": ["function_call", "name"]}},
    {"says": "life", "each": ["choices"], "at": ["message", "tool_calls"], "where": {"path": ["custom", "name"]}},
    # Content in parts, of which some are no text.
    _life(["message", "content"], ["type", "text"], each=["choices"]),
    {"says": "finish", "each": ["choices"], "at": ["finish_reason"]},
    {"says": "open", "each": ["choices"], "at": [], "where": {"path": [], "has": "finish_reason"}},
    {"says": "usage", "at": ["usage"]},
    {"says": "usage", "at": ["x_groq", "usage"]},
    *_ERRORS,
    {"says": "error", "at": ["x_groq", "error"]},
    # A gateway whose own provider failed says so in a choice.
    {"says": "error", "each": ["choices"], "at": ["error"]},
    {"says": "error", "each": ["choices"], "at": [], "where": {"path": ["finish_reason"], "equals": "error"}},
    # A piece without any of this: a role, a keep-alive.
    {"says": "quiet", "at": []},
]

_OUTPUT = ["output", "*", "content"]
_ITEMS = (
    *("result", "results", "action", "actions", "input", "code", "operation", "output", "outputs", "tools"),
    *("encrypted_content", "queries", "server_label"),
)
"""The parts of an item of an output that is no message, no thought and no function's call."""
_ADDED: Where = {"path": ["type"], "equals": "response.output_item.added"}
_COMPLETED: Where = {"path": ["type"], "equals": "response.completed"}
_WHOLE: Where = {"path": ["status"], "equals": "completed"}
_FUNCTION: Where = {"path": ["type"], "equals": "function_call"}
_FUNCTION_FIELDS: ToolFields = {"id": ["call_id"], "name": ["name"], "arguments": ["arguments"]}
RESPONSES: Sequence[Reading] = [
    _of("text", "response.output_text.delta", ["delta"]),
    _of("text", "response.refusal.delta", ["delta"]),
    _of("reasoning", "response.reasoning_summary_text.delta", ["delta"]),
    _of("reasoning", "response.reasoning_text.delta", ["delta"]),
    {
        "says": "tool",
        "event": _ADDED,
        "at": [],
        "where": {"path": ["item", "type"], "equals": "function_call"},
        "fields": {
            "call": ["output_index"],
            "id": ["item", "call_id"],
            "name": ["item", "name"],
            "arguments": ["item", "arguments"],
        },
    },
    {
        "says": "tool",
        "at": [],
        "where": {"path": ["type"], "equals": "response.function_call_arguments.delta"},
        "fields": {"call": ["output_index"], "arguments": ["delta"]},
    },
    {"says": "reasoning", "at": ["output", "*", "summary"], "take": ["text"]},
    {
        "says": "reasoning",
        "at": _OUTPUT,
        "where": {"path": ["type"], "equals": "reasoning_text"},
        "take": ["text"],
    },
    {"says": "text", "at": _OUTPUT, "where": {"path": ["type"], "equals": "output_text"}, "take": ["text"]},
    {"says": "text", "at": _OUTPUT, "where": {"path": ["type"], "equals": "refusal"}, "take": ["refusal"]},
    {"says": "tool", "at": ["output"], "where": _FUNCTION, "fields": _FUNCTION_FIELDS, "whole": True},
    {"says": "life", "at": ["output"], "where": {"path": [], "among": _ITEMS}},
    # It goes on in the background, and is asked for later.
    *(Reading(says="life", at=[], where={"path": ["status"], "equals": name}) for name in ("queued", "in_progress")),
    # It is completed, and where functions are called that is why; cut short it says the reason.
    {"says": "finish", "event": _COMPLETED, "at": ["type"]},
    {"says": "finish", "event": _COMPLETED, "at": ["response", "output"], "where": _FUNCTION, "take": ["type"]},
    {"says": "finish", "event": _WHOLE, "at": ["status"]},
    {"says": "finish", "event": _WHOLE, "at": ["output"], "where": _FUNCTION, "take": ["type"]},
    {"says": "finish", "at": ["response", "incomplete_details", "reason"]},
    {"says": "finish", "at": ["incomplete_details", "reason"]},
    {"says": "usage", "at": ["response", "usage"]},
    {"says": "usage", "at": ["usage"]},
    *_ERRORS,
    _of("error", "response.failed"),
    *(_of("done", f"response.{name}") for name in ("completed", "incomplete", "failed")),
    *(_of("quiet", name) for name in ("response.created", "response.queued", "response.in_progress", "keepalive")),
    *(_of("quiet", f"response.{name}.added") for name in ("output_item", "content_part", "reasoning_summary_part")),
]

ANTHROPIC: Sequence[Reading] = [
    {"says": "text", "at": ["delta", "text"]},
    {"says": "text", "at": ["content_block", "text"]},
    {"says": "reasoning", "at": ["delta", "thinking"]},
    {
        "says": "tool",
        "at": [],
        "where": {"path": ["content_block", "type"], "equals": "tool_use"},
        "fields": {"call": ["index"], "id": ["content_block", "id"], "name": ["content_block", "name"]},
    },
    {
        "says": "tool",
        "at": [],
        "where": {"path": ["delta", "type"], "equals": "input_json_delta"},
        "fields": {"call": ["index"], "arguments": ["delta", "partial_json"]},
    },
    {"says": "text", "at": ["content"], "where": {"path": ["type"], "equals": "text"}, "take": ["text"]},
    {"says": "reasoning", "at": ["content"], "where": {"path": ["type"], "equals": "thinking"}, "take": ["thinking"]},
    {
        "says": "tool",
        "at": ["content"],
        "where": {"path": ["type"], "equals": "tool_use"},
        "fields": {"id": ["id"], "name": ["name"], "arguments": ["input"]},
        "whole": True,
    },
    # A thought that is encrypted, the result of a tool of the provider's, a file.
    {"says": "life", "at": ["content"], "where": {"path": [], "among": ("data", "content", "file_id", "source")}},
    # A turn may pause where the provider's own tool is called.
    *(
        Reading(says="life", at=["content"], where={"path": ["type"], "begins": name})
        for name in ("server_tool_", "mcp_tool_")
    ),
    _life(["content_block"], ["type", "id", "name", "text", "citations", "caller", "input"]),
    {"says": "finish", "at": ["delta", "stop_reason"]},
    {"says": "finish", "at": ["stop_reason"]},
    {"says": "usage", "at": ["message", "usage"]},
    {"says": "usage", "at": ["usage"]},
    *_ERRORS,
    _of("done", "message_stop"),
    *(_of("quiet", name) for name in ("message_start", "content_block_start", "content_block_stop", "ping")),
]

_DATA = (
    *("inlineData", "fileData", "executableCode", "codeExecutionResult", "functionResponse", "thoughtSignature"),
    *("inline_data", "file_data", "executable_code", "code_execution_result", "thought_signature", "toolCall"),
)
_PARTS = {"each": ["candidates"], "at": ["content", "parts"]}
GEMINI: Sequence[Reading] = [
    {"says": "text", "where": {"path": ["thought"], "equals": None}, "take": ["text"], **_PARTS},  # type: ignore[typeddict-item]
    {"says": "reasoning", "where": {"path": ["thought"]}, "take": ["text"], **_PARTS},  # type: ignore[typeddict-item]
    {
        "says": "tool",
        "where": {"path": ["functionCall", "name"]},
        "fields": {
            "id": ["functionCall", "id"],
            "name": ["functionCall", "name"],
            "arguments": ["functionCall", "args"],
            "signature": ["thoughtSignature"],
        },
        **_PARTS,  # type: ignore[typeddict-item]
    },
    # A picture, code, the signature of a thought.
    {"says": "life", "where": {"path": [], "among": _DATA}, **_PARTS},  # type: ignore[typeddict-item]
    {"says": "finish", "each": ["candidates"], "at": ["finishReason"]},
    # A prompt that was refused has no candidates.
    {"says": "finish", "at": ["promptFeedback", "blockReason"]},
    {"says": "usage", "at": ["usageMetadata"]},
    *_ERRORS,
]

COHERE: Sequence[Reading] = [
    {"says": "text", "at": ["delta", "message", "content", "text"]},
    {"says": "reasoning", "at": ["delta", "message", "content", "thinking"]},
    {"says": "reasoning", "at": ["delta", "message", "tool_plan"]},
    {
        "says": "tool",
        "at": [],
        "where": {"path": ["delta", "message", "tool_calls"]},
        "fields": {
            "call": ["index"],
            "id": ["delta", "message", "tool_calls", "id"],
            "name": ["delta", "message", "tool_calls", "function", "name"],
            "arguments": ["delta", "message", "tool_calls", "function", "arguments"],
        },
    },
    {"says": "text", "at": ["message", "content"], "where": {"path": ["type"], "equals": "text"}, "take": ["text"]},
    {
        "says": "reasoning",
        "at": ["message", "content"],
        "where": {"path": ["type"], "equals": "thinking"},
        "take": ["thinking"],
    },
    {"says": "reasoning", "at": ["message", "tool_plan"]},
    {
        "says": "tool",
        "at": ["message", "tool_calls"],
        "fields": {"id": ["id"], "name": ["function", "name"], "arguments": ["function", "arguments"]},
        "whole": True,
    },
    {"says": "error", "at": ["delta", "error"]},
    {"says": "error", "at": [], "where": {"path": ["delta", "finish_reason"], "equals": "ERROR"}},
    {"says": "error", "at": [], "where": {"path": ["finish_reason"], "equals": "ERROR"}},
    *_ERRORS,
    {"says": "finish", "at": ["delta", "finish_reason"]},
    {"says": "finish", "at": ["finish_reason"]},
    {"says": "usage", "at": ["delta", "usage"]},
    {"says": "usage", "at": ["usage"]},
    _of("done", "message-end"),
    *(_of("quiet", name) for name in ("message-start", "content-start", "content-end", "tool-call-end")),
]
