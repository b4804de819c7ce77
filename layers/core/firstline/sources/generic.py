"""The source for senders without a source of their own: objects as docs/sources/generic.md describes, and plain texts.

One alert is an object, several alerts are `{"alerts": [ … ]}`. Fields may have the names that other tools give them.
Only the letters and digits of a name count: `alert_name` and `alertName` are one name.
"""

from datetime import datetime
from typing import Any

from firstline.errors import UnreadablePayload
from firstline.sources import meanings, notices, prometheus, severity, values
from firstline.sources.authentication import Request, github_signature, is_signed_webhook, require_token, signed
from firstline.sources.cloudwatch_alarm import severity_word
from firstline.sources.generic_status import (
    ABOUT,
    FINE,
    SEVERITY,
    by_letters,
    first,
    is_bad,
    labels_of,
    states,
    status_and_word,
)
from firstline.sources.identity import bare_host, digest, group_key, host_hint
from firstline.sources.links import links_in_fields
from firstline.sources.location import locate
from firstline.sources.meanings import Subject
from firstline.sources.notices.notice import essence, part
from firstline.sources.notices.unknown import bare, graded, opposites, says_end, shows_end, stateless
from firstline.sources.reading import Reading
from firstline.sources.statuses import STATUSES, Status, states_something, status_of
from firstline.sources.tool_messages import GROUP, USUAL, flattened, unfolded

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
"""The fields for the text of a chat message, which is the alert's name if no field of `_NAME` or `_RUN` is set."""
_RUN = ("check", "endpoint", "jobname", "job", "dagid", "workflow", "alias")
"""The fields for the name of a check or a run, which is the alert's name if the alert has no other."""
_TROUBLE = ("alert", "problem", "issue", "error", "errormessage", "reason", "description", "details")
"""The fields that say what is wrong, in words that may differ each time."""
_PASSING = ("error", "errormessage", "reason", "details")
"""The fields of `_TROUBLE` that hold a program's error text, which the message about the end does not repeat."""
_OBJECT = (
    *("service", "servicename", "app", "application", "rollout", "deployment", "pod"),
    *("hostname", "host", "node", "server", "device", "instance", "site"),
)
"""The fields for what an alert is about; its name if the alert states a status or a severity and has no other name."""
_OF_AN_OBJECT = (
    *("up", "down", "online", "offline", "reachable", "unreachable", "available", "unavailable"),
    *("healthy", "unhealthy", "degraded"),
)
"""Statuses of a service or host instead of a problem; with them, a message's text is for people and not the name."""
_GRADES = {"critical": "critical", "crit": "critical", "warning": "warning", "warn": "warning"}
"""Statuses that are a severity too, in Nagios and its relatives."""
_NAGIOS, _NAGIOS_HOST = "nagios", "nagioshostname"
"""The beginning, by its letters, of each macro that Nagios puts into a command's environment, and one they all have."""
_NAGIOS_NAME = ("servicedesc", "servicedisplayname")
_MESSAGE = (
    *("message", "msg", "description", "longdescription", "text", "details", "alertdetails"),
    *("body", "output", "serviceoutput", "hostoutput", "summary", "item"),
)
_HOST = ("host", "hostname", "instance", "instanceid", "node", "server", "device", "monitorurl")
_TIME = ("timestamp", "time", "startsat", "occurredat", "statechangedtimestamp", "ts", "date")
_BEGAN = ("startsat",)
_URL = ("url", "link", "dashboardlink", "resultslink", "htmlurl", "incidenturl", "alerturl", "issueurl", "weburl")
_ID = ("fingerprint", "dedupkey", "checkid", "monitorid", "incidentid", "alertgroupid")


def authenticate(request: Request) -> None:
    """Raise Unauthenticated unless the request has a token, or the signature of a sender that cannot send a token.

    Sentry signs with the hex HMAC-SHA256 of the body:
    https://docs.sentry.io/integrations/integration-platform/webhooks/.
    GitHub, which lets nobody set a header, signs the same (`GITHUB_SIGNATURE`).
    incident.io and others sign as Standard Webhooks.
    """
    given = [request.headers.get("sentry-hook-signature", ""), github_signature(request)]
    if signed(given, request.body, request.secrets):
        return
    if not is_signed_webhook(request):
        require_token(request)


def read(payload: Any, reading: Reading) -> None:
    """Read one alert, a list of alerts, or a plain text, and add each alert to `reading`.

    Raises
    ------
    UnreadablePayload
        The payload is a number or another single value, its only alert has no name, or its text has no word for a
        state.
    """
    if type(payload) is list:
        payload = {"alerts": payload}
    if type(payload) is str:
        _read_text(payload, reading)
        return
    if type(payload) is not dict:
        raise UnreadablePayload('generic: the body is no object: send an alert, or several as {"alerts": [ … ]}')
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
    """Return True if a message has a field `alert_name`, or the form of a tool that the generic source knows."""
    fields = by_letters(message)
    return values.name(fields.get("alertname")) is not None or unfolded(fields) is not None


def _read_text(text: str, reading: Reading) -> None:
    """Read a plain text as an alert: the first line is the name, and a text such as `RESOLVED: …` resolves it."""
    first_line = text.partition("\n")[0]
    if values.name(first_line) is None or not states_something(text):
        raise UnreadablePayload("generic: the text has no word for a state: begin it with FIRING or RESOLVED")
    notices.add_message(text, None, {}, text, reading)


def _read_alert(raw: Any, reading: Reading) -> None:
    if type(raw) is not dict:
        raise UnreadablePayload("generic: an entry of `alerts` is no object: send objects with `alert_name`")
    alert = _fields(raw)
    full_name, is_text = _name(alert)
    alert_name = values.name(full_name)
    if alert_name is None:
        also = ", with the end of an alert too" if first(alert, _ID) else ""
        raise UnreadablePayload(f"generic: an alert has no name: send it as `alert_name`{also}")
    status, word = _status_and_word(alert, full_name)
    if status is None:
        reading.ignore(f"{alert_name} is {word}: neither firing nor resolved")
        return
    labels = labels_of(alert)
    own, meant = meanings.of(alert), meanings.of(labels)
    host = bare_host(first(alert, _HOST) or "") or host_hint(labels, meant)
    subject = Subject(*[own.first(meaning) or meant.first(meaning) for meaning in Subject._fields])
    given = first(alert, _ID)
    message = first(alert, _MESSAGE)
    by_field = _severity(alert, word, own.first("severity") or meant.first("severity"))
    stated = by_field or (severity_word(alert_name) if is_text else None) or severity.on_a_line(message or "")
    ends_at = _ended_at(alert, status)
    scope = meant.and_also(own).scope

    def known_as(name: str) -> tuple[str, str]:
        parts = [given] if given else [name, host, *subject, *_pairs(labels)]
        return _group(alert, name, subject, scope), digest("generic", *parts)

    names = _names_over_time(alert, full_name, word, is_text)
    key, fingerprint = known_as(names[-1 if status == "firing" else 1])
    if status == "resolved":
        names += [*opposites(full_name, word), *graded(full_name, by_field or "")]
    reading.add(
        alert_name=alert_name,
        severity=reading.severity(stated, alert.get(USUAL)),
        message=values.prose(message),
        labels=meanings.kept(labels),
        at=ends_at or values.moment(first(alert, _TIME)),
        began_at=values.moment(first(alert, _BEGAN)),
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


def _status_and_word(alert: dict[str, Any], name: str) -> tuple[Status, str]:
    """Return the status of an alert called `name`, and the sender's word for it, such as `critical` or `ok`.

    If no field states a status, the alert is resolved if its name or message says that it is over; the word is then
    still what `status_and_word` read from the fields.
    """
    status, word = status_and_word(alert, name)
    says_it_is_over = says_end(name, bad=is_bad(alert)) or shows_end(first(alert, _MESSAGE) or "")
    return ("resolved" if says_it_is_over and not states(alert) else status), word


def _names_over_time(alert: dict[str, Any], full_name: str, word: str, is_text: bool) -> list[str]:
    """Return the two or three names by which the message that an alert is over finds the message that the alert fires.

    A firing alert is stored under its last name; a message that an alert is over is compared with all the names:

    1. the name as it is sent
    2. that name without words for a state (`DOWN`); if no field tells the state, also without a grade, because
       `[OK] disk` ends `[CRITICAL] disk`
    3. the service or host that the message is about, if the message about the end will have another text: the name is
       the text of a message (`is_text`), and is an error or says that the service or host is down

    With `is_text`, the first two names are without times and ids. `full_name` is the name as it is sent, and `word` the
    word for the alert's status, such as `down`.
    """
    without = stateless if states(alert) else bare
    said = [full_name, without(full_name) or full_name]
    names = [(essence(name) or name) if is_text else name for name in said]
    about = first(alert, _OBJECT)
    for_people = word in _OF_AN_OBJECT or any(first(alert, (key,)) == full_name for key in _PASSING)
    if is_text and for_people and about and states(alert):
        names.append(stateless(about) or about)
    return names


def _severity(alert: dict[str, Any], word: str, by_meaning: str | None) -> str | None:
    """Return the word for the severity from the alert's fields, its labels (`by_meaning`) or its status (`word`).

    `by_meaning` is the value of a field or label whose name means a severity; None without one. Return None if there is
    no word, or if it is a word such as `ok` that only repeats the status.
    """
    stated = first(alert, SEVERITY) or by_meaning or _GRADES.get(word)
    says_the_status = word in FINE and stated is not None and stated.strip().lower() == word
    return None if says_the_status else stated


def _group(alert: dict[str, Any], full_name: str, subject: Subject, scope: str) -> str:
    """Return an alert's group key: from the id of the tool's own incident, else from name, subject and `scope`.

    `scope` is the text `cluster/namespace`, or `/` if the alert names neither.
    """
    own = alert.get(GROUP)
    if own:
        return group_key("generic", own, Subject())
    return group_key("generic", full_name, subject, scope if scope != "/" else None)


def _ended_at(alert: dict[str, Any], status: str) -> datetime | None:
    return values.moment(alert.get("endsat")) if status == "resolved" else None


def _fields(raw: dict[str, Any]) -> dict[str, Any]:
    """Return an alert's fields, keyed by the letters and digits of their names: `alert_name` is `alertname`.

    A known tool's message is translated into the fields of the generic source, and Nagios' macros lose their prefix
    (`_with_macros`). Of another message the fields at the top are returned. If these have no name, or neither a status
    nor a severity, the fields of nested objects are added: `{"name": …, "build": {"status": …}}`.
    """
    raw = _with_macros(_with_text_of_blocks(raw))
    alert = by_letters(raw)
    known = unfolded(alert)
    if known is not None and first(known, _NAME) is not None:
        return known
    if first(alert, (*_NAME, *_SAID)) is None:
        return by_letters(flattened(raw))
    if states(alert) or first(alert, SEVERITY) is not None:
        return alert
    # What an alert is about has states of its own: a payment that failed with `data.status: success` is no end.
    return by_letters(flattened({key: raw[key] for key in raw if values.letters(key) not in ABOUT}))


def _with_macros(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a message with Nagios' macros under their names without the prefix: `NAGIOS_HOSTNAME` as `hostname`.

    If the macros name a service or the state of a host, the message may be the environment of a notification command:
    it then has no name of its own, or it has the macro for the type of notification and no `alert_name`. In such an
    environment the macros count before other variables, such as the `HOSTNAME` of Nagios' own machine.

    Of any other message the macros only add fields that it does not have. The state of a host is not added: a host may
    be up while an alert about it fires.
    """
    alert = by_letters(raw)
    if _NAGIOS_HOST not in alert:
        return raw
    macros = {key.removeprefix(_NAGIOS): alert[key] for key in alert if key.startswith(_NAGIOS)}
    host = first(macros, ("hostname", "hostalias"))
    name = first(macros, _NAGIOS_NAME) or (f"Host {host}" if host and "hoststate" in macros else None)
    own = ("alertname",) if "notificationtype" in macros else _NAME
    if name is not None and first(alert, own) is None:
        others = {key: raw[key] for key in raw if not values.letters(key).startswith(_NAGIOS)}
        return {**others, **macros, "alertname": name, "host": host}
    return {**raw, **{key: macros[key] for key in macros if key not in alert and key != "hoststate"}}


def _with_text_of_blocks(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a message for Slack with the text of its first block as `title`, and those of its other blocks as `text`.

    A message that has no blocks, or has a name or a text besides them, is returned unchanged.
    https://docs.slack.dev/reference/block-kit/blocks
    """
    attached = raw.get("attachments")
    inner = attached[0] if type(attached) is list and attached and type(attached[0]) is dict else {}
    blocks = raw.get("blocks") or inner.get("blocks")
    if type(blocks) is not list or first(by_letters({**inner, **raw}), (*_NAME, *_SAID)) is not None:
        return raw
    title, *others = [text for block in blocks[:50] if (text := values.scalar(part(block, "text", "text")))] or [""]
    return {**raw, "title": title, "text": "\n".join(others)} if title else raw


def _name(alert: dict[str, Any]) -> tuple[str, bool]:
    """Return the name of an alert, empty if it has none, and True if the name is only the text of a message."""
    if (name := first(alert, _NAME)) is not None:
        return name, False
    has_state = states(alert)
    run = first(alert, _RUN)
    if run is not None and has_state:
        return run, False
    if (text := first(alert, _SAID)) is not None:
        return text, True
    if (host := first(alert, ("hostname", "hostalias"))) and "hoststate" in alert:
        return f"Host {host}", False  # Nagios' and its relatives'
    if run is not None:
        return run, False
    told = (said for key in _TROUBLE if (said := first(alert, (key,))))
    trouble = next((said for said in told if said.lower() not in STATUSES and status_of(said) != "resolved"), None)
    if not has_state and first(alert, SEVERITY) is None:
        return "", False
    return (trouble, True) if trouble is not None else (first(alert, _OBJECT) or "", False)


def _pairs(labels: dict[str, Any]) -> list[str]:
    """Return the labels as `key=value` for the fingerprint, without the severity: a firing alert may change it."""
    texts = ((key, values.scalar(labels[key])) for key in sorted(labels) if meanings.meaning_of(key) != "severity")
    return [f"{key}={text}" for key, text in texts if text]
