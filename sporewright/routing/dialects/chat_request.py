"""An OpenAI-shaped request in an option's own dialect: path, body and headers, by the dialect's rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sporewright.errors import ConfigError
from sporewright.jsontext import shown
from sporewright.routing.dialects.chat_terms import DialectRow, Messages
from sporewright.routing.dialects.rows import holds, reach, says_something
from sporewright.routing.dialects.sse_events import read_json

__all__ = ["chat_body", "chat_path", "key_headers"]

_VERSION = re.compile(r"^/v\d\w*(?=/)")
_ENDS_WITH_VERSION = re.compile(r"/v\d\w*/*$")
_DATA = re.compile(r"^data:([^;,]+);base64,(.*)$", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOTHING = "chat: messages: none of them says anything"
_SYSTEM = ("system", "developer")


def chat_path(dialect: DialectRow, base: str, *, model: str | None, is_streaming: bool, path: str | None = None) -> str:
    """Path and query below an option's address whose path is `base`; ConfigError where a model is missing."""
    whole = dialect.get("stream_path", dialect["path"]) if is_streaming else dialect["path"]
    if path is not None:
        whole = path
    elif _ENDS_WITH_VERSION.search(base):
        whole = _VERSION.sub("", whole)
    if "{model}" not in whole:
        return whole
    if not isinstance(model, str):
        raise ConfigError(f"chat: a model is needed, in the upstream or in the request, not {shown(model)}")
    return whole.replace("{model}", quote(_SURROGATE.sub("\ufffd", model), safe="/!*'()"))


def key_headers(dialect: DialectRow, key: str | None) -> dict[str, str]:
    """The headers of the dialect's every request, the key included."""
    auth = dialect["auth"]
    own = {} if key is None else {auth["header"]: auth["prefix"] + key}
    return {**dialect["headers"], **own}


def chat_body(dialect: DialectRow, request: Mapping[str, Any], *, model: str | None) -> dict[str, Any]:
    """The request as this dialect says it; ConfigError names what it has no words for."""
    is_streaming = request.get("stream") is True
    body: dict[str, Any] = dict(request) if dialect["fields"] is None else {}
    if model is not None and dialect["model"]:
        _put(body, dialect["model"], model)
    if dialect["fields"] is not None:
        _map(body, dialect, request)
    if dialect.get("skips_empty", False):
        body["messages"] = _spoken(body.get("messages"))
    if is_streaming:
        body = {**dialect["streamed"], **body}
    for path, value in dialect["defaults"]:
        if reach(body, path) is None:
            _put(body, path, value)
    return body


def _map(body: dict[str, Any], dialect: DialectRow, request: Mapping[str, Any]) -> None:
    fields = dialect["fields"] or ()
    sayable = {field["of"][0] for field in fields} | set(dialect["ignores"])
    sayable |= {"messages"} if "messages" in dialect else set()
    sayable |= {"tools", "tool_choice"} if "tools" in dialect else set()
    for name, value in request.items():
        if says_something(value) and name not in sayable:
            raise ConfigError(f"chat: this dialect has no {shown(name)}")
    for row in dialect.get("only", ()):
        for place, item in _placed(request, row["at"]):
            if isinstance(item, dict) and ("where" not in row or holds(row["where"], item)):
                _check(item, row["names"], place)
    for field in fields:
        value = reach(request, field["of"])
        if value is None:
            continue
        if "values" in field:
            value = _named(field["values"], value, ".".join(field["of"]))
        _put(body, field["to"], [value] if field.get("form") == "list" and not isinstance(value, list) else value)
    if "messages" in dialect:
        _Speaker(dialect["messages"]).say(body, request.get("messages"))
    if "tools" in dialect:
        _tools(body, dialect, request)


class _Speaker:
    """Says messages by templates; consecutive ones of one role become one."""

    def __init__(self, words: Messages) -> None:
        self._words = words
        self._names: dict[str, Any] = {}

    def say(self, body: dict[str, Any], messages: Any) -> None:
        """Put them where they belong."""
        words, system = self._words, []
        turns: list[tuple[str | None, Any]] = []
        for number, message in enumerate(messages if isinstance(messages, list) else []):
            place, role = f"messages[{number}]", reach(message, ["role"])
            if role in _SYSTEM and "system" in words:
                system.append(_text_of(reach(message, ["content"]), place))
                continue
            said, (parts, alone) = _named(words["roles"], role, f"{place}: role"), self._parts(message, place)
            if turns and turns[-1][0] == said:
                turns[-1][1].extend(parts)
            elif parts:
                turns.append((said, parts))
            turns += [(None, part) for part in alone]
        if any(system):
            _put(body, words["system"], _filled(words["system_as"], {"text": "\n\n".join(filter(None, system))}))
        if not turns:
            raise ConfigError(_NOTHING)
        _put(body, words["to"], [self._turn(role, said) for role, said in turns])

    def _turn(self, role: str | None, said: Any) -> Any:
        return said if role is None else _filled(self._words["message"], {"role": role, "parts": said})

    def _parts(self, message: Mapping[str, Any], place: str) -> tuple[list[Any], list[Any]]:
        """The contents of the message, and the items beside it."""
        content, alone = message.get("content"), self._words.get("alone", ())
        if message["role"] == "tool":
            call = message.get("tool_call_id")
            name = self._names.get(call) if isinstance(call, str) else None
            name = message.get("name") if name is None else name
            result = self._as("result", {"id": call, "name": name, "text": _text_of(content, place)}, place)
            return ([], [result]) if "result" in alone else ([result], [])
        text = "answer" if message["role"] == "assistant" and "answer" in self._words else "text"
        said = enumerate(_parts_of(content, place))
        parts = [self._part(part, text, f"{place}.content[{n}]") for n, part in said if not _is_empty(part)]
        refusal = message.get("refusal")
        if isinstance(refusal, str) and refusal:
            parts.append(self._part({"type": "refusal", "refusal": refusal}, text, f"{place}.refusal"))
        asked = message.get("tool_calls")
        calls = [self._call(call, place) for call in (asked if isinstance(asked, list) else [])]
        return (parts, calls) if "call" in alone else (parts + calls, [])

    def _part(self, part: Any, as_text: str, place: str) -> Any:
        kind = reach(part, ["type"])
        if kind in ("text", "refusal") and isinstance(text := reach(part, [kind]), str):
            as_said = "refusal" if kind == "refusal" and "refusal" in self._words else as_text
            return self._as(as_said, {"text": text, "cache_control": part.get("cache_control")}, place)
        url = reach(part, ["image_url", "url"])
        if kind != "image_url" or not isinstance(url, str):
            raise ConfigError(f"chat: {place}: this dialect has no {shown(kind)}")
        said = {"url": url, "detail": reach(part, ["image_url", "detail"]), "cache_control": part.get("cache_control")}
        found = _DATA.match(url)
        if found is None:
            return self._as("image_url", said, place)
        return self._as("image_data", {**said, "media": found[1], "data": found[2]}, place)

    def _call(self, call: Any, place: str) -> Any:
        said, name, text = (reach(call, path) for path in (["id"], ["function", "name"], ["function", "arguments"]))
        text = text if isinstance(text, str) and text else "{}"
        try:
            arguments = read_json(text)
        except ValueError:
            raise ConfigError(f"chat: {place}.tool_calls: arguments that are no JSON") from None
        if isinstance(said, str):
            self._names[said] = name
        signature = reach(call, ["extra_content", "google", "thought_signature"])
        values = {"id": said, "name": name, "arguments": arguments, "json": text, "signature": signature}
        return self._as("call", values, place)

    def _as(self, kind: str, said: Mapping[str, Any], place: str) -> Any:
        template = self._words.get(kind)
        if template is None:
            raise ConfigError(f"chat: {place}: this dialect has no {kind}")
        return _filled(template, said)


def _tools(body: dict[str, Any], dialect: DialectRow, request: Mapping[str, Any]) -> None:
    words, tools, choice = dialect["tools"], request.get("tools"), request.get("tool_choice")
    if isinstance(tools, list) and tools:
        functions = [reach(tool, ["function"]) for tool in tools]
        if not all(isinstance(function, dict) for function in functions):
            raise ConfigError("chat: tools: this dialect has functions alone")
        assumed = [{**words.get("assumed", {}), "cache_control": reach(tool, ["cache_control"])} for tool in tools]
        said = [_filled(words["tool"], {**own, **function}) for own, function in zip(assumed, functions, strict=True)]
        _put(body, words["to"], _filled(words["tools"], {"tools": said}))
    if choice is None:
        return
    kind = choice if isinstance(choice, str) else reach(choice, ["type"])
    template = _named(words["choices"], kind, "tool_choice")
    _put(body, words["choice_to"], _filled(template, {"name": reach(choice, ["function", "name"])}))


def _check(item: Mapping[str, Any], names: Sequence[str], place: str) -> None:
    for name, value in item.items():
        if name not in names and says_something(value):
            raise ConfigError(f"chat: {place}.{name}: this dialect has no {shown(name)}")


def _placed(body: Any, path: Sequence[str], place: str = "") -> Iterator[tuple[str, Any]]:
    """The items at this path, each with its place; `*` stands for each item of a list."""
    if not path:
        yield place, body
    elif path[0] != "*":
        yield from _placed(reach(body, path[:1]), path[1:], f"{place}.{path[0]}" if place else path[0])
    else:
        for number, item in enumerate(body if isinstance(body, list) else []):
            yield from _placed(item, path[1:], f"{place}[{number}]")


def _spoken(messages: Any) -> list[Any]:
    """Messages as they are, without those that say nothing, and without their empty texts; a tool may say nothing."""
    said = [_without_empty(message) for message in (messages if isinstance(messages, list) else [])]
    kept = [one for one in said if reach(one, ["role"]) == "tool" or not isinstance(one, dict) or _says_more(one)]
    if not kept:
        raise ConfigError(_NOTHING)
    return kept


def _without_empty(message: Any) -> Any:
    content = reach(message, ["content"])
    if not isinstance(content, list) or message.get("role") == "tool":
        return message
    said = [part for part in content if not _is_empty(part)]
    return {**message, "content": said} if said else {name: message[name] for name in message if name != "content"}


def _says_more(message: Mapping[str, Any]) -> bool:
    return any(says_something(value) for name, value in message.items() if name not in ("role", "name"))


def _is_empty(part: Any) -> bool:
    return bool(reach(part, ["type"]) == "text" and reach(part, ["text"]) == "")


def _named(table: Mapping[str, Any], name: Any, place: str) -> Any:
    if isinstance(name, str) and name in table:
        return table[name]
    raise ConfigError(f"chat: {place}: this dialect has no {shown(name)}")


def _parts_of(content: Any, place: str) -> Sequence[Any]:
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if isinstance(content, list):
        return content
    raise ConfigError(f"chat: {place}.content: {shown(content)} is no text and no list of parts")


def _text_of(content: Any, place: str) -> str:
    texts = [reach(part, ["text"]) for part in _parts_of(content, place)]
    if not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"chat: {place}.content: only text can be said here")
    return "".join(texts)


def _filled(template: Any, said: Mapping[str, Any]) -> Any:
    """The template with `$name` replaced; a field whose name says nothing is left out."""
    if isinstance(template, str):
        return said.get(template[1:]) if template.startswith("$") else template
    if isinstance(template, list):
        return [_filled(inner, said) for inner in template]
    if isinstance(template, dict):
        filled = {name: _filled(inner, said) for name, inner in template.items()}
        return {name: value for name, value in filled.items() if value is not None}
    return template


def _put(body: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for step in path[:-1]:
        body = body.setdefault(step, {})
    body[path[-1]] = value
