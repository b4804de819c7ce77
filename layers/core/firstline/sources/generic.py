"""Other senders of JSON: the documented shape, the names that other tools use for the same fields, and known shapes.

`docs/sources/generic.md` documents it. One alert is an object, several are `{"alerts": [ … ]}`. The names of fields are
looked up by their letters and digits alone, as the names of labels are.
"""

from datetime import datetime
from typing import Any

from firstline.errors import UnreadablePayload
from firstline.sources import meanings, notices, prometheus, severity, values
from firstline.sources.authentication import Request, is_signed_webhook, require_token, signed
from firstline.sources.cloudwatch_alarm import severity_word
from firstline.sources.identity import bare_host, digest, group_key, host_hint
from firstline.sources.links import links_in_fields
from firstline.sources.location import locate
from firstline.sources.meanings import Subject
from firstline.sources.notices.notice import essence, part
from firstline.sources.notices.unknown import says_end, shows_end, stateless
from firstline.sources.reading import Reading
from firstline.sources.shapes import GROUP, flattened, unfolded
from firstline.sources.statuses import (
    STATUSES,
    Status,
    is_completed,
    is_failure,
    is_under_way,
    names_run,
    states_something,
    status_of,
    word_of_event,
)

_NAME = (
    *("alertname", "name", "title", "rule", "rulename", "displayname"),
    # Pingdom's, UptimeRobot's, Splunk's and Zabbix's
    *("checkname", "monitorfriendlyname", "monitorname", "searchname", "trigger", "triggername", "eventname"),
    # New Relic's older ones, Nagios' and Icinga's
    *("conditionname", "policyname", "servicedescription", "servicedesc", "servicedisplayname"),
    # Logz.io's and Bugsnag's
    *("alerttitle", "errorclass", "exceptionclass"),
    # Netdata's, PRTG's and ServiceNow's
    *("alarm", "alarmname", "sensor", "shortdescription"),
    *("subject", "summary", "monitorurl"),
)
_SAID = ("msg", "text", "content", "message")
"""All that a message to a chat says. It is a name if there is no other."""
_AT_LAST = ("check", "endpoint", "jobname", "job", "dagid", "workflow", "alias")
_TROUBLE = ("alert", "problem", "issue", "error", "errormessage", "reason", "description", "details")
"""The fields that say what is wrong, in words that may differ each time."""
_PASSING = ("error", "errormessage", "reason", "details")
"""Those of them that hold what somebody's program said: the end of the trouble does not say it again."""
_THING = (
    *("service", "servicename", "app", "application", "rollout", "deployment", "pod"),
    *("hostname", "host", "node", "server", "device", "instance", "site"),
)
"""The fields that say what it concerns: a name, if a status or a severity is stated and nothing else names it."""
_STATUS = (
    *("status", "state", "currentstate", "newstatus", "alerttypefriendlyname"),
    *("checkstatename", "eventaction"),
    *("eventstatus", "triggerstatus", "monitorstatus", "servicestate", "hoststate", "runstatus"),
)
_STATUS_OF_TOOLS = ("actiongroup", "actiongroupname", "alertaction", "lifecycle", "triggertype", "alert")
"""Kibana's, Coralogix', Scout's and Sumo Logic's names for it, and `alert`. Elsewhere they mean something else, such as
an alert's name, so only a word that fires or ends counts."""
_EVENT = ("event", "eventtype", "trigger", "action", "alerttype", "notificationtype", "messagetype", "type")
"""Names whose values say the status only if they are known for it: `uptime.down`, `ALERT_RECOVERY`."""
_IS_UPDATE = ("eventupdatestatus", "isupdate")
"""Names that ask whether the message tells of an alert's update only: Zabbix' `{EVENT.UPDATE.STATUS}`."""
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")
_OVER = ("up", "isup", "ok", "isok", "healthy", "ishealthy", "success", "resolved", "recovered")
_BEGUN = ("down", "isdown", "firing", "isfiring", "alerting", "triggered", "failed")
"""Names that ask whether all is well, and whether something is wrong."""
_OF_A_THING = (
    *("up", "down", "online", "offline", "reachable", "unreachable", "available", "unavailable"),
    *("healthy", "unhealthy", "degraded"),
)
"""Statuses of a thing and not of a problem with it: beside them a message is only for people."""
_EXIT_CODE = ("exitcode", "exitstatus", "returncode")
_RESULT = ("result", "outcome", "conclusion", "resultstate", "buildresult")
_ERROR = ("error", "errormessage")
_FAILED_RUN = ("pending", "failed")
_NO_ERROR = ("", "none", "null", "nil", "undefined", "na", "false", "no", "noerror", "noerrors", "0", "ok", "success")
"""Names that say how a run went, what a run says that failed early, and what stands there when all went well."""
_GRADES = {"critical": "critical", "crit": "critical", "warning": "warning", "warn": "warning"}
"""Statuses that are a severity too: those of Nagios and of what came after it."""
_FINE = ("ok", "clear", "cleared", "resolved", "recovered", "green")
"""Severities that are a status: of Kapacitor, InfluxDB and Netdata."""
_SEVERITY = ("severity", "priority", "level", "eventseverity", "triggerseverity")
_MESSAGE = (
    *("message", "msg", "description", "longdescription", "text", "details", "alertdetails"),
    *("body", "output", "summary", "item"),
)
_HOST = ("host", "hostname", "instance", "instanceid", "node", "server", "device", "monitorurl")
_TIME = ("timestamp", "time", "startsat", "occurredat", "statechangedtimestamp", "ts", "date")
_BEGAN = ("startsat",)
_URL = ("url", "link", "dashboardlink", "resultslink", "htmlurl", "incidenturl", "alerturl", "issueurl", "weburl")
_ID = ("fingerprint", "dedupkey", "checkid", "monitorid", "incidentid", "alertgroupid")


def authenticate(request: Request) -> None:
    """Accept a token, or the signature of a sender that can send none.

    Sentry's is the hex HMAC-SHA256 of the body: https://docs.sentry.io/integrations/integration-platform/webhooks/.
    incident.io and others sign as Standard Webhooks.
    """
    if signed([request.headers.get("sentry-hook-signature", "")], request.body, request.secrets):
        return
    if not is_signed_webhook(request):
        require_token(request)


def read(payload: Any, reading: Reading) -> None:
    """Read one alert, a list of them, or a text.

    Raises
    ------
    UnreadablePayload
        The payload is no object, its only alert has no name, or its text states no state.
    """
    if type(payload) is list:
        payload = {"alerts": payload}
    if type(payload) is str:
        _read_text(payload, reading)
        return
    if type(payload) is not dict:
        raise UnreadablePayload('generic: expected an object; send several alerts as {"alerts": [ … ]}')
    alerts = payload.get("alerts")
    if type(alerts) is not list:
        _read_alert(payload, reading)
        return
    if not alerts:
        reading.ignore("the list of alerts is empty")
    if any(type(part(alert, "labels", "alertname")) is str and "annotations" in alert for alert in alerts):
        prometheus.read(payload, reading)  # SigNoz and others send what Alertmanager sends
        return
    for alert in reading.split(payload, "alerts"):
        try:
            _read_alert(alert, reading)
        except UnreadablePayload as error:
            reading.reject(str(error), alert)


def is_documented(message: dict[str, Any]) -> bool:
    """Return True if a message has the documented shape or a known tool's, wherever it comes from."""
    fields = _by_letters(message)
    return values.name(fields.get("alertname")) is not None or unfolded(fields) is not None


def _read_text(text: str, reading: Reading) -> None:
    """Read a plain text as one of a topic is read: its first line is the name, and `RESOLVED: …` ends it."""
    first_line = text.partition("\n")[0]
    if values.name(first_line) is None or not states_something(text):
        raise UnreadablePayload("generic: a text without a word for a state, such as FIRING or RESOLVED")
    notices.add_message(text, None, {}, text, reading)


def _read_alert(raw: Any, reading: Reading) -> None:
    if type(raw) is not dict:
        raise UnreadablePayload("generic: an alert is an object with at least `alert_name`")
    alert = _fields(raw)
    full_name, is_text = _name(alert)
    alert_name = values.name(full_name)
    if alert_name is None:
        raise UnreadablePayload("generic: an alert without `alert_name`")
    status, word = _status(alert)
    if not _states(alert) and (says_end(full_name, bad=_is_bad(alert)) or shows_end(_first(alert, _MESSAGE) or "")):
        status = "resolved"
    if status is None:
        reading.ignore(f"{alert_name} is {word}: neither firing nor resolved")
        return
    labels = _labels(alert)
    own, meant = meanings.of(alert), meanings.of(labels)
    host = bare_host(_first(alert, _HOST) or "") or host_hint(labels, meant)
    subject = Subject(*[own.first(meaning) or meant.first(meaning) for meaning in Subject._fields])
    given = _first(alert, _ID)
    message = _first(alert, _MESSAGE)
    stated = _severity(alert, word, own.first("severity") or meant.first("severity"))
    if stated is None:
        stated = (severity_word(alert_name) if is_text else None) or severity.on_a_line(message or "")
    ends_at = _ended_at(alert, status)
    scope = meant.and_also(own).scope

    def known_as(name: str) -> tuple[str, str]:
        parts = [given] if given else [name, host, *subject, *_pairs(labels)]
        return _group(alert, name, subject, scope), digest("generic", *parts)

    names = _lasting(alert, full_name, word, is_text)
    key, fingerprint = known_as(names[-1 if status == "firing" else 1])
    reading.add(
        alert_name=alert_name,
        severity=reading.severity(stated),
        message=values.prose(message),
        labels=meanings.kept(labels),
        at=ends_at or values.moment(_first(alert, _TIME)),
        began_at=values.moment(_first(alert, _BEGAN)),
        ends_at=ends_at,
        status=status,
        fingerprint=fingerprint,
        group_key=key,
        or_as=map(known_as, names) if status == "resolved" else (),
        host=host,
        url=values.url(*(alert.get(key) for key in _URL)),
        subject=subject,
        location=locate(meant.and_also(own), subject, host=host),
        links=links_in_fields(alert),
        raw_payload=raw,
    )


def _lasting(alert: dict[str, Any], full_name: str, word: str, is_text: bool) -> list[str]:
    """Return the names that an alert may have begun under, as it was sent first; it begins under the last one.

    A name is without a state, and of a text without what it counts, or when it was sent. What somebody's program said
    is no name for a sender that says when its thing is down and when it is up: the end does not say it again.
    """
    names = [(essence(name) or name) if is_text else name for name in (full_name, stateless(full_name) or full_name)]
    thing = _first(alert, _THING)
    for_people = word in _OF_A_THING or any(_first(alert, (key,)) == full_name for key in _PASSING)
    if is_text and for_people and thing and _states(alert):
        names.append(stateless(thing) or thing)
    return names


def _severity(alert: dict[str, Any], word: str, by_meaning: str | None) -> str | None:
    """Return the severity that a field states; a word that says that all is well is a status, and no severity."""
    stated = _first(alert, _SEVERITY) or by_meaning or _GRADES.get(word)
    says_the_status = word in _FINE and stated is not None and stated.strip().lower() == word
    return None if says_the_status else stated


_ABOUT = (
    *("data", "details", "detail", "context", "metadata", "extra", "custom", "payload", "event"),
    *("job", "error", "fields", "attachments", "embeds", "notifications", "savedsearch"),
)
"""Fields, by their letters, that hold what an alert is about, and not how the alert itself stands."""


def _group(alert: dict[str, Any], full_name: str, subject: Subject, scope: str) -> str:
    """Return the incident: the tool's own, whatever else its messages tell, or the name and what it is about."""
    own = alert.get(GROUP)
    if own:
        return group_key("generic", own, Subject())
    return group_key("generic", full_name, subject, scope if scope != "/" else None)


def _ended_at(alert: dict[str, Any], status: str) -> datetime | None:
    return values.moment(alert.get("endsat")) if status == "resolved" else None


def _fields(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the fields by their letters: of a known tool's shape, at the top, or a level or two down too.

    What is wrong may stand at the top, and how it is one level down: `{"name": …, "build": {"status": …}}`.
    """
    alert = _by_letters(raw)
    known = unfolded(alert)
    if known is not None and _first(known, _NAME) is not None:
        return known
    if _first(alert, (*_NAME, *_SAID)) is None:
        return _by_letters(flattened(raw))
    if _states(alert) or _first(alert, _SEVERITY) is not None:
        return alert
    # What an alert is about has states of its own: a payment that failed with `data.status: success` is no end.
    return _by_letters(flattened({key: raw[key] for key in raw if values.letters(key) not in _ABOUT}))


def _name(alert: dict[str, Any]) -> tuple[str, bool]:
    """Return the name of an alert, or nothing, and True if it is all that the message says."""
    if (name := _first(alert, _NAME)) is not None:
        return name, False
    states = _states(alert)
    run = _first(alert, _AT_LAST)
    if run is not None and states:
        return run, False
    if (text := _first(alert, _SAID)) is not None:
        return text, True
    if (host := _first(alert, ("hostname", "hostalias"))) and "hoststate" in alert:
        return f"Host {host}", False  # Nagios' and its relatives'
    if run is not None:
        return run, False
    told = (said for key in _TROUBLE if (said := _first(alert, (key,))))
    trouble = next((said for said in told if said.lower() not in STATUSES and status_of(said) != "resolved"), None)
    if not states and _first(alert, _SEVERITY) is None:
        return "", False
    return (trouble, True) if trouble is not None else (_first(alert, _THING) or "", False)


def _by_letters(alert: dict[str, Any]) -> dict[str, Any]:
    """Return the fields by the letters of their names; of two with the same letters the one in lower case counts.

    What is nothing but a template states nothing.
    """
    return {values.letters(key): alert[key] for key in sorted(alert) if not values.is_template(alert[key])}


def _status(alert: dict[str, Any]) -> tuple[Status, str]:
    """Return the status and its word. What happened goes before the state of the alert that the message repeats."""
    if any(_first(alert, (key,)) in _YES for key in _IS_UPDATE):
        return None, "updated"
    event = next((word for key in _EVENT if (word := word_of_event(_first(alert, (key,))))), None)
    said = _ended_with(alert, event, _told(alert, event))
    if is_completed(said or event or "") and (_went_wrong(alert) or (said is None and _is_bad(alert))):
        return "firing", "failed"
    if said is not None:
        return _of_word(alert, said, event)
    if any(_first(alert, (key,)) in _YES for key in _OVER) or any(_first(alert, (key,)) in _NO for key in _BEGUN):
        return "resolved", "resolved"
    if event is not None:
        return ("firing", event) if event == "pending" and _is_trouble(alert) else (STATUSES[event], event)
    fine = (_first(alert, _SEVERITY) or "").strip().lower()
    return ("resolved", fine) if fine in _FINE else ("firing", "firing")


def _ended_with(alert: dict[str, Any], event: str | None, said: str | None) -> str | None:
    """Return the status with the exit code that stands beside it: a code other than 0 is a failure."""
    code = _first(alert, _EXIT_CODE)
    if code is None or not severity.is_number(code):
        return said
    # A container that ends without an error may be what is wrong.
    well = "ok" if event is None and not _is_bad(alert) else None
    return "failed" if float(code) else said or well


def _of_word(alert: dict[str, Any], said: str, event: str | None) -> tuple[Status, str]:
    """Return the status that a word states, unless what happened, or a run that goes on, says that it is neither."""
    status, word = status_of(said), said.strip().lower()
    if status == "firing" and event is not None and STATUSES[event] is None and (event, said) != _FAILED_RUN:
        return None, event
    if status == "firing" and _goes_on(alert, said):
        return None, word
    return status, _first(alert, ("said",)) or word


def _goes_on(alert: dict[str, Any], said: str) -> bool:
    """Return True if a status says that something runs, or that a run began, and no severity says that it is bad."""
    return not _is_trouble(alert) and is_under_way(said, is_run=any(map(names_run, alert)))


def _is_bad(alert: dict[str, Any]) -> bool:
    """Return True if a field or a label grades the alert critical or high."""
    labelled = meanings.of(_labels(alert)).first("severity")
    stated = _first(alert, _SEVERITY) or meanings.of(alert).first("severity") or labelled
    return severity.from_word(stated or "") in ("critical", "high")


def _is_trouble(alert: dict[str, Any]) -> bool:
    """Return True if a run that goes on is graded bad, or an error or a bad result stands beside it."""
    return _is_bad(alert) or _failed(alert)


def _went_wrong(alert: dict[str, Any]) -> bool:
    """Return True if a field beside the word that a run is completed says that it failed."""
    unwell = any(_first(alert, (key,)) in _NO for key in _OVER)
    return unwell or any(_first(alert, (key,)) in _YES for key in _BEGUN) or _failed(alert)


def _failed(alert: dict[str, Any]) -> bool:
    """Return True if a result is bad, or a field besides the name holds an error."""
    within = (_by_letters(inner) for key in _ABOUT if type(inner := alert.get(key)) is dict)
    told = [alert.get(key) for key in _RESULT] + [inner.get(key) for inner in within for key in (*_RESULT, *_STATUS)]
    if any(is_failure(values.scalar(said) or "") for said in told):
        return True
    errors = [error for key in _ERROR if (error := _first(alert, (key,))) and values.letters(error) not in _NO_ERROR]
    return bool(errors) and _name(alert)[0] not in errors


def _told(alert: dict[str, Any], event: str | None) -> str | None:
    """Return the status that a field tells. Any word or event says more than a number on a sender's own scale."""
    told = _words_of_status(alert)
    number = None if event else next(iter(told), None)
    return next((word for word in told if not severity.is_number(word.strip())), number)


def _words_of_status(alert: dict[str, Any]) -> list[str]:
    """Return the words of the fields that are a status."""
    told = [word for key in _STATUS if (word := _first(alert, (key,))) is not None]
    of_tools = [word for key in _STATUS_OF_TOOLS if (word := _first(alert, (key,))) is not None]
    return told + [word for word in of_tools if status_of(word) == "resolved" or STATUSES.get(word.lower()) == "firing"]


def _states(alert: dict[str, Any]) -> bool:
    """Return True if a field says whether the alert fires."""
    if any(word_of_event(_first(alert, (key,))) for key in _EVENT):
        return True
    return bool(_words_of_status(alert)) or any(
        _first(alert, (key,)) is not None for key in (*_IS_UPDATE, *_OVER, *_BEGUN, *_EXIT_CODE)
    )


def _labels(alert: dict[str, Any]) -> dict[str, Any]:
    """Return the labels: an object, or a list of texts such as `team:ledger`."""
    labels = alert.get("labels") or alert.get("tags")
    if type(labels) is list:
        pairs = (label.partition(":") for label in labels if type(label) is str)
        return {key: value for key, _, value in pairs if value}
    return labels if type(labels) is dict else {}


def _first(alert: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        if key in alert and (said := values.scalar(alert[key])):
            return said
    return None


def _pairs(labels: dict[str, Any]) -> list[str]:
    """Return the labels that identify the alert: all but the severity, which may change while it fires."""
    texts = ((key, values.scalar(labels[key])) for key in sorted(labels) if meanings.meaning_of(key) != "severity")
    return [f"{key}={text}" for key, text in texts if text]
