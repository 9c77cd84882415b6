"""One case of `answers.json` through Python's judge: what it found of a response, fed in pieces."""

from __future__ import annotations

from typing import Any

from sporewright.routing.judge import Judge

__all__ = ["judged"]


def judged(case: dict[str, Any], size: int) -> dict[str, Any]:
    """`{"form", "ends"}`, or `{"invalid"}`: why it is no answer; `size` bytes a piece."""
    judge = Judge(
        case.get("expects", "answer"),
        case.get("type", ""),
        case.get("path", "/v1/chat/completions"),
        streaming=case.get("streaming", False),
        any_form=case.get("any_form", False),
    )
    body = case["body"].encode()
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    began = list[bytes]()
    while judge.form is None and judge.invalid is None and pieces:
        began.append(pieces.pop(0))
        judge.feed(began[-1])
    if judge.form is None and judge.invalid is None:
        judge.ends()
    if judge.invalid is not None or judge.form is None:
        return {"invalid": judge.invalid}
    listener = judge.listener()
    for piece in [b"".join(began), *pieces]:
        heard = listener.feed(piece)
        if heard.error is not None:
            return {"form": judge.form, "ends": "failed"}
    return {"form": judge.form, "ends": listener.ends()[0]}
