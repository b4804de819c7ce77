"""Translation of a model server's error, from its HTTP status or from an error object in a 200, into Firstline's errors.

Gateways answer 200 as soon as they have an upstream, and then carry its failure in the body:

| who | body of the 200 | source |
|---|---|---|
| OpenRouter | `{"error": {"code": 429, "message": …, "metadata": {"raw": …}}}`, also in `choices[0].error` | https://openrouter.ai/docs/api-reference/errors |
| vLLM, SGLang | `{"object": "error", "code": 400, "message": …}` | https://github.com/microsoft/autogen/issues/1037 |
| Gemini's compatible endpoint | a list of one: `[{"error": {"code": 400, "status": "INVALID_ARGUMENT", …}}]` | https://github.com/FuzzAnything/PromptFuzz/issues/42 |
| MiniMax | `{"choices": null, "base_resp": {"status_code": 1004, "status_msg": …}}` | https://platform.minimax.io/docs/api-reference/errorcode |
| Azure API Management | `{"statusCode": 429, "message": "Rate limit is exceeded. Try again in …"}` | https://learn.microsoft.com/azure/api-management/rate-limit-policy |
| Apigee | `{"fault": {"faultstring": …, "detail": {"errorcode": "policies.ratelimit.QuotaViolation"}}}` | https://cloud.google.com/apigee/docs/api-platform/fundamentals/fault-handling |
"""  # noqa: E501 - a table

import re
from typing import Any

from firstline.adapters.llm.chat_format import is_about_form
from firstline.errors import ModelGaveNoVerdict, ModelUnavailable, QuestionRefused
from firstline.models import Usage
from firstline.privacy.safe_text import safe_line

MAX_ERROR_CHARS = 300

_OVERLOADED = (408, 409, 425, 429)
"""Statuses of a server that asks to try later, as with every 5xx."""

_QUESTION_REFUSED = (400, 422)
_BROKEN = (500, 501)
"""Statuses of a server that fails at this request, or at every request."""

_MAY_BE_THE_FORM = (404, 415, *_BROKEN)
"""Statuses that mean a refused form of the request if the server's message is about the form."""

_STATUSES = {
    "ratelimitexceeded": 429, "ratelimiterror": 429, "ratelimited": 429, "toomanyrequests": 429,
    "resourceexhausted": 429, "throttlingexception": 429, "throttling": 429,
    "overloaded": 503, "overloadederror": 503, "engineoverloaded": 503, "unavailable": 503, "serviceunavailable": 503,
    "servererror": 503, "internalservererror": 503, "internalerror": 503, "internal": 503, "apierror": 503,
    "badgateway": 502, "gatewaytimeout": 504, "timeout": 504, "deadlineexceeded": 504, "upstreamerror": 502,
    "insufficientquota": 402, "insufficientcredits": 402, "insufficientbalance": 402,
    "insufficientbalanceerror": 402, "paymentrequired": 402,
    "invalidapikey": 401, "authenticationerror": 401, "unauthorized": 401, "unauthenticated": 401,
    "permissiondenied": 403, "permissionerror": 403, "forbidden": 403,
    "modelnotfound": 404, "notfound": 404, "notfounderror": 404,
    "invalidrequesterror": 400, "badrequest": 400, "badrequesterror": 400, "invalidargument": 400,
    "unsupportedvalue": 400, "unsupportedparameter": 400, "contextlengthexceeded": 400, "contentfilter": 400,
}  # fmt: skip
"""The HTTP status that a word in an error object means; only the letters count."""

_MINIMAX = {
    1000: 503, 1001: 504, 1002: 429, 1004: 401, 1008: 402, 1013: 503, 1024: 503, 1026: 400, 1027: 400, 1033: 503,
    1039: 429, 1041: 429, 2013: 400, 2045: 429, 2049: 401, 2056: 429,
}  # fmt: skip
"""The HTTP statuses of MiniMax's own numbers."""

_MINIMAX_WORDS = frozenset(map(str, _MINIMAX))

_SAID = (
    *("message", "msg", "status_msg", "faultstring", "detail", "error_message", "error_msg", "Message"),
    *("httpMessage", "moreInformation", "title"),
)
"""The names under which servers and gateways put their words."""

_SAYS = (
    (429, r"rate.?limit|(?<!length )(?<!token )limit (?:exceeded|reached)|too many requests|throttl"
          r"|spike.?arrest|quota.?violation|try again in \d|concurrency"),
    (402, r"insufficient (?:quota|balance|credits?|funds)|quota exceeded|exceeded your current quota|out of credits?"),
    (401, r"(?:invalid|incorrect|expired|missing|no|wrong|resolve).{0,16}(?:api.?key|access.?token|subscription.?key)"
          r"|unauthori[sz]ed|authentication (?:failed|error)|not authenticated"),
    (403, r"forbidden|not authorized|access denied"),
    (504, r"gateway.?time.?out|timed? ?out|timeout|deadline exceeded"),
    (503, r"overloaded|is loading|service.?unavailable|temporarily unavailable|no healthy upstream|bad gateway"
          r"|high load|internal server error|upstream (?:error|connect)|connection refused"),
)  # fmt: skip
"""Patterns in the text of an error that has no known status or code, each with the HTTP status that it means."""

_FINE = {"", "0", "200", "ok", "success", "none", "null"}


def server_error(status: int, said: str, *, explained: bool, reason: str | None = None) -> ModelGaveNoVerdict:
    """Return Firstline's error for a server's HTTP status and message (`said`).

    `explained` is True if the message came in an error object of the model's server, not of a proxy. `reason` is the
    text of the error, by default the status and the message.

    A 500 whose message is about the form of the question counts as a refusal of the form: vLLM and llama.cpp answer so
    when they cannot build the grammar or their template raises (https://github.com/vllm-project/vllm/issues/13260,
    https://github.com/anomalyco/opencode/issues/5034).
    """
    reason = reason or f"the server answered {status}: {safe_line(said, MAX_ERROR_CHARS)}"
    error = _error(status, said, reason, explained=explained)
    error.status = status
    return error


def _error(status: int, said: str, reason: str, *, explained: bool) -> ModelGaveNoVerdict:
    if status in _QUESTION_REFUSED or (status in _MAY_BE_THE_FORM and is_about_form(said)):
        return QuestionRefused(reason, said=said)
    if status in _OVERLOADED or status >= 500:
        if status not in _BROKEN:
            return ModelUnavailable(reason)
        return ModelUnavailable(reason, broken="application" if explained else "something")
    return ModelGaveNoVerdict(reason)


def words_of(body: object) -> str:
    """Return the message in the body of a server's refusal, or an empty text if it is a page of HTML or has none.

    FastAPI lists its messages in `detail`, and Gemini's compatible endpoint sends a list of one error.
    """
    if isinstance(body, list):
        body = body[0] if body else None
    if isinstance(body, str):
        return "" if body.lstrip().startswith("<") else body
    return _said(_error_object(body) or body) if isinstance(body, dict) else ""


def error_inside(body: dict[str, Any], usage: Usage | None) -> ModelGaveNoVerdict | None:
    """Return the error in the body of an answer with status 200, or None; `usage`, if reported, goes into the error."""
    found = _error_object(body)
    if found is None:
        return None
    said = _said(found)
    status = _status(found, body) or _status_by_words(said)
    if not said and status is None:
        return None
    words = safe_line(said, MAX_ERROR_CHARS) or "no reason"
    if status is None:
        error = ModelGaveNoVerdict(f"the server answered with an error: {words}")
    else:
        error = server_error(
            status, said, explained=True, reason=f"the server answered {status} inside of a 200: {words}"
        )
    error.usage = usage or Usage()
    return error


def _error_object(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the part of a body that describes an error, or None; each kind of server marks it in its own way."""
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    of_choice = first.get("error") if first.get("finish_reason") != "stop" else None
    base = body.get("base_resp")
    if isinstance(base, dict) and str(base.get("status_code", 0)) not in _FINE:
        return base
    for error in (body.get("error"), body.get("errors"), body.get("fault"), of_choice):
        if isinstance(error, list):
            error = error[0] if error else None
        if isinstance(error, str) and error.strip().lower() not in _FINE:
            return {"message": error}
        if isinstance(error, dict):
            return error
    if body.get("object") == "error" or not choices:
        return body
    return None


def _said(error: dict[str, Any]) -> str:
    """Return the message of an error object, with the message of the server behind a gateway."""
    words = [error.get(name) for name in _SAID]
    # Apigee's detail holds a code, Mistral's message the list of what is wrong.
    words = [(word.get("errorcode") or _said(word)) if isinstance(word, dict) else word for word in words]
    metadata = error.get("metadata")
    if isinstance(metadata, dict):
        words.append(metadata.get("raw"))
    said = [word if isinstance(word, str) else str(word) for word in words if word]
    return ": ".join(word for word in said if word.strip().lower() not in _FINE)


def _status_by_words(said: str) -> int | None:
    words = said[: 2 * MAX_ERROR_CHARS].lower()
    return next((status for status, says in _SAYS if re.search(says, words)), None)


def _status(*places: dict[str, Any]) -> int | None:
    for place in places:
        for name in ("code", "status", "status_code", "statusCode", "http_code", "httpCode", "type"):
            word = str(place.get(name, ""))
            if "status_msg" in place and word in _MINIMAX_WORDS:
                return _MINIMAX[int(word)]
            if word.isascii() and word.isdecimal() and 400 <= int(word[:9]) <= 599:
                return int(word)
            if status := _STATUSES.get(re.sub("[^a-z]", "", word.lower())):
                return status
    return None
