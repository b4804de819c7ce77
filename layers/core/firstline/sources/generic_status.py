"""The state of an alert in the generic shape: whether its fields say that it fires, that it is over, or neither.

All functions but `by_letters` take an alert's fields as `by_letters` returns them: the key of `Check-Name` is
`checkname`.
"""

from collections.abc import Collection
from typing import Any

from firstline.sources import meanings, severity, values
from firstline.sources.statuses import (
    STATUSES,
    Status,
    ends_hold,
    is_completed,
    is_failure,
    is_under_way,
    names_run,
    status_of,
    word_of_event,
)

SEVERITY = ("severity", "priority", "level", "eventseverity", "triggerseverity")
"""The fields for a severity."""
FINE = ("ok", "clear", "cleared", "resolved", "recovered", "green")
"""Words in the field for a severity that are a status: of Kapacitor, InfluxDB and Netdata."""
ABOUT = (
    *("data", "details", "detail", "context", "metadata", "extra", "custom", "payload", "event"),
    *("job", "error", "fields", "attachments", "embeds", "notifications", "savedsearch"),
)
"""The fields whose objects describe what an alert is about, so that a status in them is not the alert's own."""

_STATUS = (
    *("status", "state", "currentstate", "newstatus", "alerttypefriendlyname"),
    *("checkstatename", "eventaction"),
    *("eventstatus", "triggerstatus", "monitorstatus", "servicestate", "hoststate", "runstatus"),
)
"""The fields for a status."""
_STATUS_OF_TOOLS = ("actiongroup", "actiongroupname", "alertaction", "lifecycle", "triggertype", "alert")
"""The fields for a status of Kibana, Coralogix, Scout and Sumo Logic, and `alert`. Other tools put other values there,
such as an alert's name, so only a word that fires or ends an alert counts."""
_EVENT = ("event", "eventtype", "trigger", "action", "alerttype", "notificationtype", "messagetype", "type")
"""The fields for what happened, whose values state a status only if they end with a known word: `uptime.down`."""
_IS_UPDATE = ("eventupdatestatus", "isupdate")
"""The yes-or-no fields for a message that only updates an alert: Zabbix' `{EVENT.UPDATE.STATUS}`."""
_OVER = ("up", "isup", "ok", "isok", "healthy", "ishealthy", "success", "resolved", "recovered")
"""The yes-or-no fields that say yes if all is well."""
_BEGUN = ("down", "isdown", "firing", "isfiring", "alerting", "triggered", "failed")
"""The yes-or-no fields that say yes if something is wrong."""
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")
_EXIT_CODE = ("exitcode", "exitstatus", "returncode")
_RESULT = ("result", "outcome", "conclusion", "resultstate", "buildresult")
"""The fields for the result of a run."""
_ERROR = ("error", "errormessage")
_NO_ERROR = ("", "none", "null", "nil", "undefined", "na", "false", "no", "noerror", "noerrors", "0", "ok", "success")
"""The values of an error field, by their letters, that mean that there was no error."""
_FAILED_EARLY = ("pending", "failed")
"""The event and the status of a run that failed before it really began, so the status counts."""


def by_letters(alert: dict[str, Any]) -> dict[str, Any]:
    """Return an alert's fields, keyed by the letters and digits of their names: `Check-Name` is `checkname`.

    Fields that hold only an unfilled template (`{{ host }}`) are left out. Of two names with the same letters, the one
    in lower case counts.
    """
    return {values.letters(key): alert[key] for key in sorted(alert) if not values.is_template(alert[key])}


def first(alert: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    """Return the first non-empty scalar value among the fields `keys`, as text, or None."""
    for key in keys:
        if key in alert and (said := values.scalar(alert[key])):
            return said
    return None


def _any_says(alert: dict[str, Any], keys: tuple[str, ...], words: Collection[str | None]) -> bool:
    return any(first(alert, (key,)) in words for key in keys)


def labels_of(alert: dict[str, Any]) -> dict[str, Any]:
    """Return an alert's labels or else its tags; the list `["team:ledger"]` gives `{"team": "ledger"}`."""
    labels = alert.get("labels") or alert.get("tags")
    if type(labels) is list:
        pairs = (label.partition(":") for label in labels if type(label) is str)
        return {key: value for key, _, value in pairs if value}
    return labels if type(labels) is dict else {}


def status_and_word(alert: dict[str, Any], name: str) -> tuple[Status, str]:
    """Return the status of an alert called `name`, and a word for it, such as `down` or `comment`.

    The word is one of the sender's, or stands for fields that decide without a word, such as `updated`. The status is
    None if the message says neither that the alert fires nor that it is over. A field for what happened counts before
    one for the alert's state: a message about a comment may repeat the state. A field for an error that only repeats
    `name` is not taken for an error.
    """
    if _any_says(alert, _IS_UPDATE, _YES):
        return None, "updated"
    event = next((word for key in _EVENT if (word := word_of_event(first(alert, (key,))))), None)
    said = _with_exit_code(alert, event, _stated_status(alert, event))
    if is_completed(said or event or "") and (_went_wrong(alert, name) or (said is None and is_bad(alert))):
        return "firing", "failed"
    if said is not None:
        return _of_word(alert, name, said, event)
    if _any_says(alert, _OVER, _YES) or _any_says(alert, _BEGUN, _NO):
        return "resolved", "resolved"
    if event is not None:
        return ("firing", event) if event == "pending" and _is_trouble(alert, name) else (STATUSES[event], event)
    fine = (first(alert, SEVERITY) or "").strip().lower()
    return ("resolved", fine) if fine in FINE else ("firing", "firing")


def states(alert: dict[str, Any]) -> bool:
    """Return True if any field says whether the alert fires."""
    if any(word_of_event(first(alert, (key,))) for key in _EVENT):
        return True
    return bool(_words_of_status(alert)) or any(
        first(alert, (key,)) is not None for key in (*_IS_UPDATE, *_OVER, *_BEGUN, *_EXIT_CODE)
    )


def is_bad(alert: dict[str, Any]) -> bool:
    """Return True if a field or a label grades the alert critical or high."""
    labelled = meanings.of(labels_of(alert)).first("severity")
    stated = first(alert, SEVERITY) or meanings.of(alert).first("severity") or labelled
    return severity.from_word(stated or "") in ("critical", "high")


def _with_exit_code(alert: dict[str, Any], event: str | None, said: str | None) -> str | None:
    """Return `failed` if the alert has an exit code other than 0; otherwise the alert's stated status, `said`.

    If `said` is None and the exit code is 0, return `ok`; but None if the alert is critical or high, or if a field says
    what happened (`event`).
    """
    code = first(alert, _EXIT_CODE)
    if code is None or not severity.is_number(code):
        return said
    # A container that ends without an error may be what is wrong.
    well = "ok" if event is None and not is_bad(alert) else None
    return "failed" if float(code) else said or well


def _of_word(alert: dict[str, Any], name: str, said: str, event: str | None) -> tuple[Status, str]:
    """Return the status of an alert called `name` whose field for the status says `said`, and a word for the status.

    The word is `said` in lower case, or the word that a known tool wrote and that was translated to `said`; but it is
    `event`, the word for what happened, if the event decides. `event` is None if no field says what happened.

    The status is None if the message is no alert, because what happened (`event`) is only a comment, say, or because
    the message is about a run that goes on (`running`). The status is firing if the event is the end of a silence or
    the like and the alert still fires: people may not have heard of it yet.
    """
    status, word = status_of(said), said.strip().lower()
    if STATUSES.get(word) == "firing" and any(ends_hold(first(alert, (key,))) for key in _EVENT):
        return status, first(alert, ("said",)) or word
    if status == "firing" and event is not None and STATUSES[event] is None and (event, said) != _FAILED_EARLY:
        return None, event
    goes_on = status == "firing" and is_under_way(said, is_run=any(map(names_run, alert)))
    if goes_on and not _is_trouble(alert, name):
        return None, word
    return status, first(alert, ("said",)) or word


def _is_trouble(alert: dict[str, Any], name: str) -> bool:
    """Return True if the alert is critical or high, or has a bad result, or an error other than its `name`."""
    return is_bad(alert) or _failed(alert, name)


def _went_wrong(alert: dict[str, Any], name: str) -> bool:
    """Return True if a field of a completed run, whose alert is called `name`, says that the run failed."""
    return _any_says(alert, _OVER, _NO) or _any_says(alert, _BEGUN, _YES) or _failed(alert, name)


def _failed(alert: dict[str, Any], name: str) -> bool:
    """Return True if the alert holds a bad result, or an error that does not merely repeat the alert's `name`."""
    within = (by_letters(inner) for key in ABOUT if type(inner := alert.get(key)) is dict)
    told = [alert.get(key) for key in _RESULT] + [inner.get(key) for inner in within for key in (*_RESULT, *_STATUS)]
    if any(is_failure(values.scalar(said) or "") for said in told):
        return True
    errors = [error for key in _ERROR if (error := first(alert, (key,))) and values.letters(error) not in _NO_ERROR]
    return bool(errors) and name not in errors


def _stated_status(alert: dict[str, Any], event: str | None) -> str | None:
    """Return the value of the field that states the alert's status, or None.

    A word counts before a number (`0`). A number counts only if no other field says what happened (`event` is None).
    """
    told = _words_of_status(alert)
    number = None if event else next(iter(told), None)
    return next((word for word in told if not severity.is_number(word.strip())), number)


def _words_of_status(alert: dict[str, Any]) -> list[str]:
    """Return the values of all the fields that state a status, whether words or numbers."""
    told = [word for key in _STATUS if (word := first(alert, (key,))) is not None]
    of_tools = [word for key in _STATUS_OF_TOOLS if (word := first(alert, (key,))) is not None]
    return told + [word for word in of_tools if status_of(word) == "resolved" or STATUSES.get(word.lower()) == "firing"]
