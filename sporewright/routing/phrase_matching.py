"""Kinds of statements in a refusal's text: a noun and its state, within a few words, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from sporewright.routing.terms import Phrase, Phrases

__all__ = ["holds_of", "sentences"]

_FIELD = re.compile(r"^(?:[A-Za-z_]+=)+")
_WITHIN = 6
"""So many words at most stand between the two, unless the phrase says otherwise."""
_MOST = 2000
"""Characters of a field that are read: what is longer is a page, or repeats the request."""
_QUOTED = re.compile(r"(^|[^a-z0-9])([\"'`])([^\"'`\n]{0,200})\2(?![a-z0-9])")
_HUMP = re.compile(r"([a-z])([A-Z])")
_TAG = re.compile(r"<[^<>]{1,200}>")
_KEY = re.compile(r"-?api[ _-]?key")
_END = re.compile(r"[.!?;](?=[ \t\r\n]|$)|\n")
_BREAK = re.compile(r"[^a-z0-9\"'./:_-]+")
_NAME = re.compile(r"[0-9/:\"-]")
_PARTS = re.compile(r"[._]+")
_ALL_PARTS = re.compile(r"[./:_-]+")

# Of these few hundred the cache of `re` would drop some with every text: it holds 512 for the whole process.
_compiled = cache(re.compile)


def sentences(lines: Sequence[str], *, names: bool) -> list[str]:
    """The sentences of these fields of an error, as words with one space between.

    A quoted text is one word, `"`, and so is what looks like a model's name. With `names` what stands between dots and
    dashes is read, and each sentence twice: with what is quoted, and without.
    """
    found = []
    for line in lines:
        text = _HUMP.sub(r"\1 \2", _TAG.sub("\n", _FIELD.sub("", line[:_MOST]))).lower().replace("\u2019", "'")
        text = _KEY.sub(" api key", text.replace("can't", "cannot").replace("n't", " not"))
        for quoted in (r'\1 " ', r"\1 \3 ")[: 1 + names]:
            parts = _END.split(_QUOTED.sub(quoted, text))
            found += [words for part in parts if (words := _words(part, names=names))]
    return found


def _words(sentence: str, *, names: bool) -> str:
    words: list[str] = []
    for token in _BREAK.split(sentence):
        bare = token.strip("'./:_-")
        if bare == "":
            words += ['"'] if '"' in token else []
        elif names:
            words += ['"' if part.isdecimal() else part for part in _ALL_PARTS.split(bare) if part]
        elif _NAME.search(bare):
            words.append('"')
        else:
            words += [part for part in _PARTS.split(bare) if part]
    return " ".join(words)


def holds_of(phrase: Phrase, sentence: str, terms: Phrases) -> bool:
    """True if this sentence makes the statement."""
    if not phrase.get("names", False) and _any(terms["requests"]).search(sentence):
        return False
    if "beside" in phrase and (not _any(phrase["beside"]).search(sentence) or _any(terms["persons"]).search(sentence)):
        return False
    first, then, gap = phrase["first"], phrase.get("then", ()), phrase.get("within", _WITHIN)
    if _between(first, then, terms["fillers"], gap).search(sentence):
        return True
    return phrase.get("either", False) and _between(then, first, terms["fillers"], gap).search(sentence) is not None


def _any(words: Sequence[str]) -> re.Pattern[str]:
    return _compiled(f"(?:^| )(?:{'|'.join(words)})(?= |$)")


def _between(first: Sequence[str], then: Sequence[str], fillers: Sequence[str], gap: int) -> re.Pattern[str]:
    if not then:
        return _any(first)
    between = f"(?: (?:{'|'.join(fillers)}))"
    return _compiled(f"(?:^| )(?:{'|'.join(first)}){between}{{0,{gap}}} (?:{'|'.join(then)})(?= |$)")
