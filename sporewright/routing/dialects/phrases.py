"""The kinds of what refusals say, as data: a noun and its state in any wording (docs/reference/answers.md).

From the providers' references and from public reports, as of 2026. A new wording of a kind is a word here and a refusal
in `tests/routing/refusals.json`; a sentence that is of no kind is a row of `wordings.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sporewright.routing.terms import Phrase, Phrases, Sign

__all__ = ["KINDS", "PHRASES"]

_REACHED = ("exhausted", "exceed(?:s|ed)?", "reached", "used up", "used all", "hit", "depleted", "consumed", "spent")
_LACKING = ("insufficient", "not (?:have )?(?:enough|sufficient|any)", "inadequate", "lacks?", "lacking", "no",
    "out of")  # fmt: skip
_GONE = ("expired", "disabled", "suspended", "revoked", "deleted", "removed", "inactive", "deactivated", "blocked")
_UNKNOWN = ("unknown", "unrecognized", "unsupported", "invalid", "incorrect", "wrong")
_BARRED = (
    "blocked", "restricted", "prohibited", "forbidden", "denied", "banned", "disallowed", "unsupported",
    "unavailable", "ineligible", "sanctioned",
    "not (?:yet |currently )?(?:supported?|available|allow(?:ed)?|permit(?:ted)?|served?|offered|open|eligible)",
)  # fmt: skip
_ABSENT = (
    "missing", "required", "needed", "not found",
    "not (?:set|sen[dt]|present|pass(?:ed)?|provided?|specif(?:y|ied)|suppl(?:y|ied)|received)",
    "(?:must|should|needs to|has to) be (?:provided|set|specified|supplied|sent|included|passed)",
    "(?:must|please|need to|have to) (?:provide|set|specify|supply|send|include|pass|add|update|enter|register)"
    "(?: or update)?",
)  # fmt: skip

_KEYS = (
    "api keys?",
    "(?:access|secret|auth|authorization|authentication|bearer|api|service|session|security|subscription)"
    " (?:key|token|secret)s?",
    "token (?:verification|validation|authentication)",
    "(?:your|subscription|license) key", "authorization(?: header)?", "authentication", "credentials?",
)  # fmt: skip
_ACCOUNTS = ("your (?:account|project|workspace|team)", "this (?:account|project|key)", "organization")
_MONEY = (
    "(?:account |wallet |token )?balance", "(?:account |api )?credits?(?: limit)?", "funds?", "invoices?",
    "payments?(?: method)?",
    "billing(?: account| details| information)?", "wallet", "subscription(?! (?:key|token)s?(?: |$))",
    "free trial", "trial(?: period)?",
    "prepaid",
)  # fmt: skip
_QUOTAS = (
    "(?:free |daily |weekly |monthly |token |usage )*quotas?",
    "(?:usage|spend(?:ing)?|daily|weekly|monthly|plan) (?:token |request |usage |spending )?(?:limit|cap|budget)s?",
    "budget", "(?:free |daily |weekly |monthly |token |usage )*allowances?",
    "free (?:tier|allocation|allowance|usage)(?: of the model)?",
    "(?:daily|weekly|monthly) (?:free |included )?(?:usage|allocation)",
)  # fmt: skip
_COUNTED = (
    "(?:api )?calls", "requests", "searches", "lookups", "queries", "characters", "points", "units", "minutes",
    "generations",
)  # fmt: skip
_PLACES = ("countr(?:y|ies)", "regions?", "locations?", "territor(?:y|ies)", "jurisdictions?", "ip(?: address)?")
_NOT_ALLOWED = "(?:not|no longer) (?:allowed|permitted|authorized|entitled|eligible) to (?:use|access|call|invoke)"
# Not its output, its type or its settings; it may have a name of one plain word.
_MODELS = (
    "deployments?(?: name| id)?",
    "models?(?: name| id| code)?"
    "(?! (?:input|output|response|type|settings?|config|format|code|name|id|provider|prompt|message)(?: |$))"
    "(?: [a-z]+(?= (?:is|was|has|does|do|not|cannot)))?",
)  # fmt: skip

_PARTS = (
    "messages?", "contents?", "(?:last |first )?roles?", "ids?", "system (?:prompts?|messages?|instructions?|roles?)",
    "prompts?", "inputs?", "tools?", "tool (?:calls?|choice|results?|use|names?|schemas?)", "call ids?",
    "functions?",
    "function (?:calls?|responses?|names?|declarations?)", "(?:model )?parameters?", "arguments?",
    "propert(?:y|ies)", "fields?",
    "values?", "json", "schemas?", "body", "payload", "temperature", "top p", "top k", "stop", "stop sequences?",
    "stream", "response format", "conversation", "turns?", "items?", "elements?", "arrays?", "objects?",
    "strings?",
    "image urls?", "documents?", "query", "texts?", "history", "blocks?", "required keys?",
    "max(?: completion)? tokens",
    "penalty", "seed", "logprobs", "dimensions", "parts?", "integer", "number", "boolean", "list", "enum",
    "names?", "types?", "n",
    "images?", "base64", "audio", "files?", "metadata(?: keys?)?",
)  # fmt: skip
_RULES = (
    "requires?", "required", "missing", "invalid", "malformed", "bad", "must", "should", "cannot", "may not",
    "expect(?:s|ed)?",
    "range", "unexpected", "empty", "too (?:short|long|small|few|many|large)", "unique", "duplicated?",
    "duplicates", "mismatch",
    "not match(?: the)?", "minimum", "at least", "at most", "out of range", "need(?:s|ed)?", "without", "wrong",
    "incorrect", "illegal",
    "not (?:a |an )?(?:valid|allowed|permitted|specified|provided|set|given|present|found)",
    "use a valid", "not of type", "not one of", "insufficient", "not reachable", "ensure", "neither", "either",
    "unable to", "conflicts?", "improper",
    "failed to (?:parse|decode|read|validate)", "not be (?:parsed|decoded|read)", "error parsing", "parse",
    "decode", "deserialize", "unmarshal", "before", "after", "only once", "twice",
    "only allowed (?:when|if|with)",
)  # fmt: skip
_MAXIMUM = (
    "max(?:imum)? (?:completion |output |new |generation |response )?tokens",
    "(?:completion|output|generated|requested) tokens", "maximum tokens you requested",
)  # fmt: skip

_KEPT = (
    "(?:files?|uploads?|assistants?|threads?|vector stores?|containers?|conversations?|batch|voices?)"
    "(?: objects?)?(?: with id)?(?: [a-z]{1,9}){0,2}",
)
_LOST = ("expired", "gone", "unavailable")
_PERSONS = (
    "cards?", "sessions?", "cookies?", "customers?", "carts?", "checkouts?",
    "(?:log|sign|logged|signed) ?in", "membership", "jwt", "upgrade to (?:pro|premium|plus|business|team)",
    "pins?", "2fa", "mfa", "otps?", "one time (?:code|password)s?", "csrf(?: token)?",
    "refresh tokens?", "emails?(?: address(?:es)?)?",
)  # fmt: skip
_OF_A_KEY = (
    "apis?", "(?:subscription|license|virtual|service account) (?:key|token)s?",
    "(?:your|this|current|the) (?:[a-z]+ )?plan(?:'s)?", "(?:your|this|the) key",
)  # fmt: skip

_OWN: Mapping[Sign, Sequence[Phrase]] = {
    "region": [{"first": _PLACES, "then": _BARRED, "either": True}],
    "credit": [
        {
            "first": _MONEY,
            "then": (
                *(*_LACKING, *_REACHED, *_GONE, "low", "too low", "negative", "empty", "zero", *_ABSENT, "overdue"),
                "past due", "unpaid", "failed", "ended", "runs? out", "ran out", "not (?:active|set up|enabled)",
                "(?:must|need to|have to|please) enable",
            ),
            "either": True,
        },
        {"first": ("account in arrears", "(?:is|are) in arrears", "please (?:recharge|top up)")},
    ],
    "key": [
        {
            "first": _KEYS,
            "then": (
                *(*_UNKNOWN, *_ABSENT, *_GONE, "no", "bad", "malformed", "mismatch(?:ed)?", "fail(?:s|ed|ure)?"),
                "rejected", "denied", "restricted", "leaked", "error", "does not exist", "not exist",
                "not (?:a )?(?:valid|active|enabled|allowed|permitted|authorized|recogni[sz]ed|accepted|correct)",
                "could not (?:be )?(?:verif(?:y|ied)|validated?)", "unable to (?:verify|validate|authenticate)",
            ),
            "either": True,
        },
        {"first": ("not authenticated", "unauthenticated")},
        {"first": _ACCOUNTS, "then": (*_GONE, "banned", "locked", "terminated", "not (?:active|verified)", "frozen",
        "be verified")},
    ],
    "quota": [
        {
            "first": _QUOTAS,
            "then": (*_REACHED, *_LACKING, "over", "runs? out", "ran out", "zero", "expired"),
            "either": True,
        },
        # Things that are counted: so many searches, points or characters a month.
        {"first": ("(?:runs?|ran) out of", "used (?:up )?(?:all )?(?:of )?your"), "then": _COUNTED, "within": 2},
    ],
}  # fmt: skip
"""Reasons of the option's own that may be of the account to which a key belongs."""

KINDS: Mapping[Sign, Sequence[Phrase]] = {
    **_OWN,
    "key": [*_OWN["key"], {"first": ("token",), "then": ("expired",), "either": True, "within": 2}],
    "account": [{**phrase, "beside": _OF_A_KEY} for phrases in _OWN.values() for phrase in phrases],
    "person": [{"first": _PERSONS}],
    "model": [
        {
            "first": _MODELS,
            "then": (
                "unknown", "unsupported", "invalid", "unavailable", "not exist", "do not exist", "does not exist",
                "deprecated", "decommissioned", "retired", "removed", "discontinued", "disabled", "offline",
                "denied", "gated", "shut ?down", "sunset", "turned off",
                "not (?:be |currently |yet )?(?:found|available|supported|allowed|enabled|activated|deployed|loaded)",
                "not (?:a )?(?:valid|recognized|permitted|accessible|open)",
                "no longer (?:available|supported|served|exists)",
            ),
            "within": 4,
        },
        {
            "first": (
                *(*_UNKNOWN, "unavailable", "no", "no such", "nonexistent", "not a (?:valid|supported|known)"),
                "(?:not|cannot|unable to|failed to) (?:find|locate|load|access|use|serve)", "no access to",
            ),
            "then": _MODELS,
            "within": 2,
        },
        {"first": ("access to", "permission to (?:use|access)", _NOT_ALLOWED), "then": _MODELS},
    ],
    "context_length": [
        {
            "first": (
                "prompt", "input", "context", "conversation",
                "(?:input|prompt|context|token) (?:length|count|size)",
                "(?:input|prompt|total) tokens", "number of (?:input |prompt )?tokens",
            ),
            "then": ("too (?:long|large|big|many)", "exceed(?:s|ed)?", "longer than", "(?:is|are) over"),
            "names": True,
        },
    ],
    "unsupported": [
        {
            "first": (
                "(?:not|no longer|only|never) support(?:s|ed)?", "unsupported", "supports? only",
                "not a supported",
                "not compatible with", "incompatible with", "not implemented", "only compatible with",
                "not (?:yet |currently )?(?:available|enabled|allowed|permitted) (?:for|on|with|in) (?:this|the) model",
                "(?:additional|extra|unknown|unrecognized) (?:propert(?:y|ies)|fields?|inputs?|parameters?|keys?)",
                "(?:unexpected|extraneous) (?:propert(?:y|ies)|fields?|parameters?|keys?|keyword argument)",
                "must not have additional properties", "unknown (?:name|argument)",
                "unrecognized (?:name|argument)",
                "this model supports", "supports? at most", "model limit", "model's (?:limit|maximum)",
            ),
            "names": True,
        },
        {"first": ("n",), "then": ('(?:must be|at most) "',), "names": True},
        {"first": ("only",), "then": ("(?:for|by|with) (?:this|the) model",), "names": True},
        {"first": ("at most", "up to"), "then": ("images?", "audios?", "videos?"), "within": 2, "names": True},
        # What a request names lies with one provider.
        {"first": _KEPT, "then": ("not found", "(?:do|does) not exist", *_LOST), "names": True},
        {"first": ("no such", "(?:not|cannot|unable to) (?:find|locate)"), "then": _KEPT, "within": 2, "names": True},
        # How much may be asked of one model is a matter of that model.
        {
            "first": _MAXIMUM,
            "then": (
                "too (?:large|many|high|big)", "at most", "maximum(?: value)?", "exceed(?:s|ed)?",
                "(?:supported )?range", "limit",
                "(?:less|lower|smaller) than", "no (?:more|greater) than", "between",
                "(?:not|cannot) (?:be )?(?:greater|larger|more|higher|bigger) than",
            ),
            "either": True,
            "names": True,
        },
    ],
    "malformed": [
        {"first": _PARTS, "then": _RULES, "either": True, "names": True},
        {
            "first": (
                "(?:could not|cannot|failed to|unable to) (?:parse|decode|process|read) (?:request|image|file|audio)",
                "field required", "not one of", "not of type", "must be one of",
                "unexpected (?:token|end|eof|character)",
                "invalid type", "value error", "content type", "malformed (?:request|input)",
                "validation (?:failed|error)",
                "no (?:messages?|prompts?|inputs?|contents?) (?:was |were )?(?:provided|given|found|specified)",
            ),
            "names": True,
        },
    ],
}  # fmt: skip
"""By sign; where two of them hold, `wordings.py` says which goes before."""

PHRASES: Phrases = {
    "fillers": [
        '"', "the", "an?", "is", "was", "are", "were", "be", "been", "has", "have", "had", "your?", "this", "that",
        "these", "those", "its?", "our", "for", "of", "to", "in", "on", "at", "with", "by", "and", "or", "from",
        "as", "provided", "given", "supplied", "specified", "requested", "selected", "used", "sent", "current(?:ly)?",
        "please", "can", "could", "would", "will", "does", "do", "did", "but", "which", "must", "should", "value",
        "valid", "allowed", "equal", "both", "specify", "provide", "you", "we", "all", "any", "each", "every",
        "one", "first", "last", "also",
        "plan's", "account's", "set",
        "remaining", "left", "more", "account", "user", "service", "requests?", "already", "today",
        "total", "available", "number", "access", "api", "free", "level", "name", "id", "there", "than", "so", "here",
    ],
    "requests": [
        "propert(?:y|ies)", "fields?", "parameters?", "params?", "arguments?", "schemas?", "messages", "tools?",
        "functions?", "json", "enum", "items?", "elements?", "attributes?", "arrays?", "roles?", "required key",
        # What a request points to, and what is fetched for it with the caller's own rights.
        "urls?", "mcp(?: servers?)?", "connectors?", "fetch(?:ed|ing)?", "download(?:ed|ing)?", "web search",
        "in user location", "(?:cloud )?storage", "vector stores?", "containers?", "(?:access to|find) the file",
    ],
    "persons": _PERSONS,
}  # fmt: skip
