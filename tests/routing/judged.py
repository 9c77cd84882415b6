"""One case of `answers.json` through Python's judge: what it found of a response, fed in pieces."""

from __future__ import annotations

from typing import Any

from sporewright.routing.dialects.judge import Judge

__all__ = ["judge_of", "judged"]


def judge_of(case: dict[str, Any]) -> Judge:
    """The judge of the response to the call of this case."""
    return Judge(
        case.get("expects", "answer"),
        case.get("type", ""),
        case.get("path", "/v1/chat/completions"),
        streaming=case.get("streaming", False),
        any_form=case.get("any_form", False),
    )


def judged(case: dict[str, Any], size: int) -> dict[str, Any]:
    """`{"form", "ends"}`, or `{"invalid"}`: why it is no answer; `size` bytes a piece.

    `handed`: a stream that is no whole answer showed a sign of one, by which it is handed over.
    """
    judge = judge_of(case)
    body = case["body"].encode(case.get("encoding", "utf-8"))
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    began = list[bytes]()
    while judge.form is None and judge.invalid is None and pieces:
        began.append(pieces.pop(0))
        judge.feed(began[-1])
    if judge.form is None and judge.invalid is None:
        judge.ends()
    if judge.invalid is not None or judge.form is None:
        return {"invalid": judge.invalid}
    listener, is_handed = judge.listener(), False
    for piece in [b"".join(began), *pieces]:
        heard = listener.feed(piece)
        if heard.error is not None:
            return {"form": judge.form, "ends": "failed"}
        is_handed = is_handed or heard.tokens + heard.others > 0 or heard.is_finished
    ends = listener.ends()[0]
    told = {"handed": True} if is_handed and judge.form == "events" and ends != "complete" else {}
    return {"form": judge.form, "ends": ends, **told}
