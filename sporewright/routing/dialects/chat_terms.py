"""The words of the dialects: how a provider is asked, and where its answer says what (docs/reference/dialects.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

__all__ = [
    "Auth",
    "Counting",
    "DialectName",
    "DialectRow",
    "Field",
    "Messages",
    "Only",
    "Reading",
    "ToolFields",
    "Tools",
    "Where",
]

DialectName = Literal["openai", "openai-responses", "mistral", "anthropic", "gemini", "cohere"]
Says = Literal["text", "reasoning", "tool", "life", "finish", "open", "usage", "error", "done", "quiet"]
"""`life`: more of the answer, of no kind that is told; `open`: finish reasons are spoken of, be it by null; `quiet`: an
event that is part of every answer and no sign of life: a role, a ping."""


class Where(TypedDict):
    """Holds if what is at `path` is `equals`; without it, if something is said there; of null, if nothing is.

    `begins`: a text that begins so; `has`: an object with such a field; `among`: one that says something in one of
    these fields; `beyond`: in another field than these.
    """

    path: Sequence[str]
    equals: NotRequired[str | None]
    begins: NotRequired[str]
    has: NotRequired[str]
    among: NotRequired[Sequence[str]]
    beyond: NotRequired[Sequence[str]]


class ToolFields(TypedDict):
    """The fields by which a part of a tool call is known and goes on; `arguments` may be JSON or its text.

    `extra`: what is to come back with the call, as OpenAI's dialect has it; `signature`: a thought's, as a text.
    """

    call: NotRequired[Sequence[str]]
    id: NotRequired[Sequence[str]]
    name: NotRequired[Sequence[str]]
    arguments: NotRequired[Sequence[str]]
    extra: NotRequired[Sequence[str]]
    signature: NotRequired[Sequence[str]]


class Reading(TypedDict):
    """A rule: what is at `at` (a list: each of its items) says so if `where` holds of it; `take` is the path within it.

    `*` in `at` stands for each item of a list. `event`: what must hold of the whole event besides. `each`: a list of
    choices; all other paths are within one of them, and it is numbered by its `index`. `whole`: a tool call in one
    piece, which is none without a name.
    """

    says: Says
    event: NotRequired[Where]
    each: NotRequired[Sequence[str]]
    at: Sequence[str]
    where: NotRequired[Where]
    take: NotRequired[Sequence[str]]
    fields: NotRequired[ToolFields]
    whole: NotRequired[bool]


class Counting(TypedDict):
    """The fields of the usage: each count is the sum of what is at these paths, none where nothing is."""

    input: Sequence[Sequence[str]]
    output: Sequence[Sequence[str]]
    total: Sequence[Sequence[str]]
    cached: Sequence[Sequence[str]]


class Auth(TypedDict):
    """The header that carries an option's key, and what stands before the key."""

    header: str
    prefix: str


class Only(TypedDict):
    """Whatever is at `at` (`*`: each item of a list), where `where` holds of it, says nothing in a field not named."""

    at: Sequence[str]
    where: NotRequired[Where]
    names: Sequence[str]


class Field(TypedDict):
    """A field of the request and its place in the body; `list`: a single value becomes a list; `values`: renamed."""

    of: Sequence[str]
    to: Sequence[str]
    form: NotRequired[Literal["list"]]
    values: NotRequired[Mapping[str, str]]


class Messages(TypedDict):
    """The messages, by templates in which `$name` stands for what is said; a part without a template cannot be said.

    `system` is the place of what is otherwise a role, and its template; `roles` are the dialect's names of roles.
    `answer`: an assistant's text, where it is said otherwise; `refusal`: his refusal, else it is text. `alone`: what
    stands among the messages, not in one.
    """

    to: Sequence[str]
    system: NotRequired[Sequence[str]]
    system_as: NotRequired[Any]
    roles: Mapping[str, str]
    message: Any
    text: Any
    answer: NotRequired[Any]
    refusal: NotRequired[Any]
    alone: NotRequired[Sequence[Literal["call", "result"]]]
    image_data: NotRequired[Any]
    image_url: NotRequired[Any]
    call: NotRequired[Any]
    result: NotRequired[Any]


class Tools(TypedDict):
    """The tools as templates: each one, all of them (`$tools`), and what `tool_choice` becomes by its name.

    `assumed`: what is true of a function that does not say.
    """

    to: Sequence[str]
    tool: Any
    assumed: NotRequired[Mapping[str, Any]]
    tools: Any
    choice_to: Sequence[str]
    choices: Mapping[str, Any]


class DialectRow(TypedDict):
    """One provider's way of chatting, from an OpenAI-shaped request and to typed events.

    `path` and `stream_path` begin with a version that is left out where the option's address ends with one; `{model}`
    in them is the model. `fields`: None, the request goes as it is; else what is not in it, in `messages`, `tools` or
    `ignores` cannot be said in this dialect. `streamed`: added to what asks for a stream; `defaults`: where absent.
    `only`: what is within those fields can be said in these alone; `skips_empty`: messages that go as they are, but for
    those that say nothing. `marks`: an event is one of this dialect's if any holds.
    """

    path: str
    stream_path: NotRequired[str]
    auth: Auth
    headers: Mapping[str, str]
    model: Sequence[str]
    streamed: Mapping[str, Any]
    fields: Sequence[Field] | None
    ignores: Sequence[str]
    only: NotRequired[Sequence[Only]]
    skips_empty: NotRequired[bool]
    defaults: Sequence[tuple[Sequence[str], Any]]
    messages: NotRequired[Messages]
    tools: NotRequired[Tools]
    end: str | None
    marks: Sequence[Where]
    readings: Sequence[Reading]
    finish: Mapping[str, str]
    usage: Counting
