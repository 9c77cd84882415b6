"""Refusals by their status and by what they say: the option's own, the caller's, and faults."""

from __future__ import annotations

import json

from e2e.faults.fault import End, Right
from e2e.faults.rights import FAILED, LIMITED, MINE, PASSED, aside, both, status
from e2e.faults.wire import head

__all__ = ["ROWS"]


def _error(message: str, code: object = None, kind: str = "invalid_request_error", **more: object) -> dict[str, object]:
    return {"error": {"message": message, "type": kind, "code": code, **more}}


_KEY = _error("Incorrect API key provided", "invalid_api_key")
_LIMIT = _error("Rate limit reached for requests", "rate_limit_exceeded", "requests")
_AGAIN = Right(attempts=3)
"""A 500 is asked once more where it came from."""

OWN = [
    status("401 key refused", 401, _KEY, aside("key")),
    status("401 of no text", 401, "", aside("key")),
    status("402 no credit", 402, _error("Insufficient credits", 402), aside("credit")),
    status("402 of no text", 402, "", aside("credit")),
    status("403 region", 403,
           _error("Country, region, or territory not supported", "unsupported_country_region_territory"),
           aside("region")),
    status("403 permission", 403, _error("You do not have permission to access this project", "permission_denied"),
           aside("key")),
    status("403 page of a firewall", 403, "<html><title>Attention Required!</title></html>", aside("key"),
           why="whoever stands before the option refuses this caller, as with a key: its operator has to look"),
    status("404 model withdrawn", 404, _error("The model `x` does not exist", "model_not_found"), aside("model")),
    status("404 page", 404, "<html><title>404 Not Found</title></html>", aside("model"),
           why="nothing is where the option should be: its operator has to look"),
    status("400 key", 400,
           {"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.",
                      "status": "INVALID_ARGUMENT"}}, aside("key")),
    status("400 usage limit", 400,
           _error("You have reached your specified API usage limits. You will regain access on 2026-12-01."),
           aside("quota")),
    status("400 credit", 400,
           _error("Your credit balance is too low to access the API. Please go to Plans & Billing."),
           aside("credit")),
    status("400 model", 400, _error("x is not a valid model ID"), aside("model")),
    status("400 region", 400, {"error": {"code": 400, "message": "User location is not supported for the API use.",
                                         "status": "FAILED_PRECONDITION"}}, aside("region")),
    status("429 quota", 429, _error("You have reached your daily limit of 50 requests"), aside("quota")),
    status("429 insufficient quota", 429,
           _error("You exceeded your current quota, please check your plan and billing details.",
                  "insufficient_quota", "insufficient_quota"), aside("credit"),
           why="so OpenAI calls an account without credit"),
    status("451", 451, _error("Unavailable for legal reasons"), aside("region")),
]  # fmt: skip

CALLERS = [
    status("400 malformed", 400, _error("Invalid type for messages[0].content", None, param="messages"), MINE),
    status("422 malformed", 422, {"detail": [{"loc": ["body", "messages"], "msg": "field required"}]}, MINE),
    status("400 content filter", 400, _error("The response was filtered", "content_filter"), MINE),
    status("400 too long a context", 400, _error("This model's maximum context length is 8192 tokens",
                                                 "context_length_exceeded"), MINE,
           why="no option with a larger window is declared"),
    status("400 unsupported parameter", 400,
           _error("Unsupported parameter: 'logprobs' is not supported with this model", "unsupported_parameter",
                  param="logprobs"), PASSED),
    status("413 too large", 413, _error("Request too large", 413), PASSED),
    status("413 tokens per minute", 413,
           _error("Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000",
                  "rate_limit_exceeded", "tokens"), LIMITED, why="a rate, not a size"),
]  # fmt: skip

RATES = [
    status("429", 429, _LIMIT, LIMITED),
    status("429 with Retry-After", 429, _LIMIT, LIMITED, "retry-after: 7"),
    status("429 of no text", 429, "", LIMITED),
    status("503 with Retry-After", 503, _error("overloaded"), LIMITED, "retry-after: 7"),
    status("529 with Retry-After", 529, _error("Overloaded", None, "overloaded_error"), LIMITED, "retry-after: 7"),
]

FAULTS = [
    status("500", 500, _error("The server had an error", None, "server_error"), _AGAIN),
    *(status(str(number), number, "<html>upstream</html>", FAILED) for number in (502, 503, 522, 529)),
    status("501", 501, _error("not implemented"), FAILED),
    status("408", 408, _error("timeout"), FAILED),
    *(status(str(number), number, _error("cannot serve this now"), FAILED) for number in (409, 421, 424, 425)),
    status("498", 498, _error("cannot serve this now"), aside("key"), why="an invalid token, as the status is used"),
    status("410", 410, _error("this model was retired"), aside("model")),
    status("418", 418, _error("cannot serve this"), FAILED, why="an unknown refusal: another may serve it"),
    both("503 whose text never ends", "status",
         (head(503, "application/json", "content-length: 99"), json.dumps(_error("x"))[:9].encode(), End.HANG), FAILED),
    both("401 whose text never comes", "status", (head(401, "application/json", "content-length: 99"), End.HANG),
         aside("key")),
    both("429 whose text is cut", "status", (head(429, "application/json", "content-length: 99") + b'{"err',), LIMITED),
]  # fmt: skip

ROWS = [*OWN, *CALLERS, *RATES, *FAULTS]
