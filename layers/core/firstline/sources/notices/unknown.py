"""The reading of messages of an unknown form: the alert's name, state and identity are guessed from the words alone."""

import re
from typing import Any

from firstline.sources import meanings, severity, values
from firstline.sources.identity import INSTANCE_ID
from firstline.sources.notices.notice import (
    Notice,
    State,
    essence,
    first,
    is_good_news,
    items,
    last_of_arn,
    letters,
    part,
    state_key,
)
from firstline.sources.notices.quantities import can_be_up, is_quantity, may_count

_OVER = (
    "resolved",
    "recovered",
    "recovery",
    "ok",
    "clear",
    "cleared",
    "closed",
    "healthy",
    "normal",
    "green",
    "up",
    "notstalled",
)
# `[OK] disk`, `RESOLVED: disk`, `[FIRING:2] disk`, `[prod] RESOLVED: disk`, `Incident #7 closed - disk`, Zabbix'
# `Resolved in 5m 0s: disk`, Nagios' `** RECOVERY Service Alert: disk`; "ok" within a sentence says nothing.
_BEGINS_WITH_STATE = re.compile(
    r"(?:\W{0,8}|(?P<before>(?:\[(?!\W{0,3}(?:resolved|recover\w*|restored|closed|ok|up|cleared|firing|triggered)\b)"
    r"[^\[\]]{1,60}\][ \t]{0,2}){1,3})[^\w\[]{0,8})"
    r"(?:(?<!\[)(?:alert|alarm|incident|issue|problem|monitor|trigger|check)(?: #?\d[\w-]{0,40})? )?"
    r"(?:(?P<end>resolved|recovered|(?P<noun>recovery|restored)|closed|ok|up|cleared)|problem|firing|triggered|opened"
    r"|alert|alarm|down|updated problem)"
    r"(?: in \d[\dhmsdwMy ]{0,30}|:\d{1,4}(?:, ?resolved:\d{1,4})?|(?: host| service)? alert)?\b[ \t]{0,4}"
    # `Up | Down ratio` names both.
    r"(?:[]:)]|[|\u2013-](?![ \t]{0,4}(?:up|down|ok|open|closed|critical|failed|resolved|not)\b))\W{0,8}",
    re.IGNORECASE,
)
_FAILS = re.compile(r"\b(?:fail\w*|error\w*|abort\w*|timed out|timeout)\b", re.IGNORECASE)
"""Words with which `Recovery: nightly restore failed` names the recovery of something, and not that of an alert."""

# `[RESOLVED] disk` anywhere, `Alert (firing)`; of Uptime Kuma `[shop] [✅ Up] 200`: what follows is only for people.
# Datadog's `[Recovered on {host:web-1}] disk`.
_IN_BRACKETS = re.compile(
    r"\[(?P<sign>[^\w\s\[\]]{0,4} )?(?:(?P<end>resolved|recovered|recovery|restored|closed|ok|up|cleared)|problem"
    r"|firing|alerting|triggered|down|no data)(?::\d{1,4})?\]"
    r"|\((?:(?P<round>resolved|recovered|closed|cleared)|firing|alerting|triggered)\)"
    r"|\[(?:(?P<over>(?:(?:warn|no data) )?recovered)|(?:re-)?(?:triggered|warn|no data)|renotify) on "
    r"(?P<scope>\{[^{}]{1,300}\})\]",
    re.IGNORECASE,
)
# `CRITICAL: disk`, `[WARNING] disk`, `disk - DOWN`, `disk is CRITICAL`: of texts that alone tell the state.
_BEGINS_WITH_GRADE = re.compile(
    r"\W{0,8}(?:critical|crit|warning|warn|unknown)(?:[]:)]|[ \t]{1,4}[|\u2013-][ \t])\W{0,8}", re.IGNORECASE
)
_ENDS_WITH_STATE = re.compile(
    r"(?P<name>[^\n]{2,200}?)"
    r"(?:[ \t]{1,4}[|\u2013-][ \t]{1,4}|[ \t]{0,4}(?::|->|\u2192)[ \t]{1,4}|[ \t]is[ \t](?=(?-i:[A-Z])))"
    r"(?:(?P<said>resolved|recovered|cleared|ok)|(?P<end>up|online|healthy)"
    r"|down|offline|unhealthy|critical|warning|unknown|firing|problem|triggered)\W{0,4}",
    re.IGNORECASE,
)
# `shop DOWN` and `Host web-1 UP`, in capitals that the name is not all of: `SET UP` tells no state.
_ENDS_IN_CAPITALS = re.compile(
    r"(?P<name>(?=[^\n]{0,99}[a-z0-9])\S{1,99}(?:[ \t]\S{1,99})?)[ \t](?:(?P<end>UP)|DOWN)[.!]?"
)
_ENDS_FIRING = re.compile(r"[ \t]firing\W{0,4}$", re.IGNORECASE)
# `shop is down`, `Monitor is UP: shop`, `backup failed`; `CPU is up to 90` counts something.
_IN_SENTENCE = re.compile(
    r"\b(?:(?:is|are|went|came|has|have|gone|now|back) ){1,3}"
    r"(?:(?P<down>(?P<works>up|online|available|operational|reachable)|down|offline|unavailable|unreachable)"
    r"|(?P<ill>(?P<healthy>healthy)|unhealthy)|(?P<over>(?:been )?(?:recovered|resolved|cleared)))"
    r"\b(?! (?:to|for|by|from)\b| ?\d)"
    r"|\b(?P<run>(?P<done>succeeded|successful|successfully)|failed)\b[\s.!]{0,3}$",
    re.IGNORECASE,
)
_NAMES_RUN = re.compile(
    r"\b(?:jobs?|builds?|runs?|tasks?|backups?|restores?|exports?|imports?|syncs?|deploy(?:ment)?s?|pipelines?|workflows?"
    r"|scans?|tests?|snapshots?|migrations?|upgrades?|updates?)\b",
    re.IGNORECASE,
)
"""The words for runs whose success is good news. The success of anything else, such as a login, may be the alert."""
_GOES_ON = re.compile(r"[,;]|\s+\w")
"""The rest of a sentence that may contradict its beginning: `has recovered with data loss`."""
_WAS = re.compile(r"\b(?:was|were|been) (?:down|offline|unavailable|unreachable)\b.*", re.IGNORECASE | re.DOTALL)
_NOT_OVER = re.compile(
    r"\b(?:but|not|no|still|un\w+|fail\w*|error\w*|down|offline|degraded|critical|lost|loss|corrupt\w*"
    r"|only|just|none|nothing|nobody|zero|few|fewer|less|half|0|(\d+) ?(?:of|/|out of) ?(?!\1\b)\d+)\b",
    re.IGNORECASE,
)
"""Words of trouble, and words that say that only some of several are well: `2 of 3`, `only`."""
_MORE_IS_WORSE = re.compile(r"\b(?:rates?|ratio|latency|usage|load|depth|queue|lag|count|traffic) $", re.IGNORECASE)
_OFFERED = re.compile(r"\b(?:updates?|upgrades?|versions?|patch(?:es)?)\b", re.IGNORECASE)
_OF_ATTACKER = re.compile(
    r"\b(?:attack\w*|brute|injection|intrusion|exfiltration|suspicious|malicious|malware|logins?|logon)\b",
    re.IGNORECASE,
)
_TROUBLES = re.compile(
    r"\b(?:alert|alarm|problem|incident|issue|fault|condition|outage|error|failure)\b", re.IGNORECASE
)
"""The words for trouble: `alarm cleared` is an end. `cleared` after other words (a log) may be the alert."""
_BRACKETED = re.compile(r"\[[^\[\]]{0,100}\]")
_BACK = re.compile(r"\bUP\b|\b[Bb]ack\b|[\u2705\u2714\U0001f7e2\U0001f44d!]")
"""Signs that `is up` is good news. Without one, as in `queue depth is up`, it may be bad news."""
_ALSO = {"critical": ("crit",), "crit": ("critical",), "warning": ("warn",), "warn": ("warning",)}
"""The other spelling of a grade."""
_OPPOSITES = {
    "up": ("down",),
    "online": ("offline",),
    "healthy": ("unhealthy",),
    "available": ("unavailable",),
    "reachable": ("unreachable",),
}
"""The words for bad states of what has a good state, by the word for it."""
_MOST = 500
_CHANGES = re.compile(r"[ -](?:State|Status)[ -]?Change\b.*|[ -]Notification$", re.IGNORECASE)
_IS_RUN = re.compile(r":[\w-]+-execution/[^/]+$")
"""The end of the ARN of an execution in Systems Manager; another ARN of the same event names what was executed."""
_RUN = re.compile(r"[:/](?:execution|run|job-run|build)s?[:/][^:/]+$")
_NAMES = re.compile(
    r"(?!.*(?:user|event|request|session|account)).*(?:name|arn)|(?:server|cluster|instance|queue|bucket)id"
)


def of_unknown(message: Any, subject: str | None, topic: str | None) -> Notice:
    """Read a message that no other reader knows; `subject` and `topic` (an ARN) are those of its SNS message, if any.

    The alert's identity is the headline and the body, without their state, times and ids. The alert resolves if the
    field for the state, or without such a field the headline, says that something is over. The message is ignored if
    its state is a word for success, or if AWS grades its own event as mere information.
    """
    fields = message if type(message) is dict else {}
    name = _headline(message, subject, topic)
    resource = _resource(fields)
    instance = resource if resource and INSTANCE_ID.fullmatch(resource) else None
    labels = values.labels(part(fields, "detail") or fields)
    key = state_key(labels)
    word = labels[key] if key else None
    bad = severity.from_word(_stated(labels) or "") in ("critical", "high")
    over = letters(word) in _OVER if key else says_end(name, bad=bad)
    # AWS grades its own events; what is only for information is no problem.
    told_only = str(fields.get("source")).startswith("aws.") and letters(_stated(labels)) in ("info", "informational")
    state: State = "resolved" if over else None if is_good_news(word) or told_only else "firing"
    return Notice(
        name=_headline_of_event(fields, name, word, resource),
        state=state,
        why=f"{name}: {word}",
        identity=("message", topic, essence((stateless if key else bare)(name)), essence(_without(message, key))),
        about=labels.get("service") or (resource if instance is None else None),
        host=instance or meanings.find(labels, "host"),
        environment=meanings.find(labels, "environment"),
        severity=_stated(labels),
        text=(
            message if type(message) is str else None,
            labels.get("title"),
            labels.get("description"),
            ", ".join(f"{key}={value}" for key, value in labels.items()),
        ),
        account=fields.get("account") or fields.get("accountId"),
        region=fields.get("region"),
        at=fields.get("time"),
    )


def _headline(message: Any, subject: str | None, topic: str | None) -> str:
    """Return the headline of a message: an event's type, the subject of a mail, or the first line of a text.

    Without any of them, the headline is `message on <topic>`, with the name in the ARN `topic`.
    """
    if type(message) is dict:
        own = values.name(message.get("detail-type")) or subject
    else:
        own = subject or values.name(message.strip().partition("\n")[0] if type(message) is str else None)
    topic_name = (topic or "").rsplit(":", 1)[-1]
    return own or (f"message on {topic_name}" if topic_name else "message without a topic")


def _headline_of_event(event: dict[str, Any], kind: str, word: Any, resource: str | None) -> str:
    """Return the headline of an EventBridge event: its service, what happened, and the resource.

    `kind` is the event's type and `word` its state. If the message is no EventBridge event, return `kind` unchanged.
    """
    source = values.name(event.get("source"))
    if source is None or values.name(event.get("detail-type")) is None:
        return kind
    service, said = source.removeprefix("aws."), values.name(word)
    what = _CHANGES.sub("", kind)
    happened = values.name(part(event, "detail", "event"), 80)
    what = f"{what} {happened}" if happened and what != kind else what
    what = what if letters(service) in letters(what) else f"{service} {what}"
    what = what if said is None or letters(said) in letters(what) else f"{what} {said}"
    return f"{what}: {resource}" if resource else what


def _resource(event: dict[str, Any]) -> str | None:
    """Return the name of the resource that an event is about, or None.

    If the event is about one run (an execution, a job), the state machine or project that runs is the resource.
    """
    named = [arn for arn in map(values.scalar, items(event.get("resources"))) if arn]
    arn = next((arn for arn in named if not _IS_RUN.search(arn)), first(named))
    if arn is None:
        detail = part(event, "detail")
        detail = detail if type(detail) is dict and "detail-type" in event else {}
        arn = next(
            (said for key in detail if _NAMES.fullmatch(letters(key)) and (said := values.name(detail[key]))), None
        )
    return values.name(last_of_arn(_RUN.sub("", arn))) if arn else None


def says_end(text: str, *, bad: bool = False) -> bool:
    """Return True if a text says that something is over: `[OK] disk`, `RESOLVED: disk`, `shop is up`.

    A sentence such as `shop is up` does not count if it holds a word of trouble, or if the alert is graded critical or
    high (`bad`): "The admin panel is reachable" may be the alert.
    """
    begins = _BEGINS_WITH_STATE.match(text)
    if begins is not None:
        fails = begins["noun"] and not begins["noun"].isupper() and _FAILS.search(text, begins.end())
        return begins["end"] is not None and not fails
    if (brackets := _IN_BRACKETS.search(text[:_MOST])) is not None:
        if brackets["scope"] is not None:
            return brackets["over"] is not None
        return (brackets["end"] or brackets["round"]) is not None and _is_of_text(text, brackets)
    if (ends := _ENDS_WITH_STATE.fullmatch(text)) is not None and (ends["said"] or ends["end"]):
        name = ends["name"]
        rises = _MORE_IS_WORSE.search(f"{name} ") or ((ends["end"] or "").lower() == "up" and is_quantity(name))
        return ends["said"] is not None or not (bad or _NOT_OVER.search(name) or rises)
    if (capitals := _in_capitals(text)) is not None:
        return capitals["end"] is not None and not bad and not _NOT_OVER.search(capitals["name"])
    said = _sentence(text)
    return said is not None and not bad and _means_end(text, said)


def _in_capitals(text: str) -> re.Match[str] | None:
    """Match `shop DOWN` and `shop UP`, of which the last word is the state; None for `errors UP` and other texts."""
    found = _ENDS_IN_CAPITALS.fullmatch(text.strip())
    if found is None or may_count(found["name"]) or (found["end"] and not can_be_up(found["name"])):
        return None
    return found


def _means_end(text: str, said: re.Match[str]) -> bool:
    """Return True if a text says in a sentence that a problem is over: `shop is up`, but not `queue depth is up`.

    `said` is the match of the words in `text` that state the condition, here `is up`, as `_sentence` finds them.
    """
    if not (said["works"] or said["healthy"] or said["over"] or said["done"]):
        return False
    before, after = text[: said.start()], text[said.end() : _MOST]
    word = (said["works"] or said["over"] or "").lower()
    is_bad = (
        (word == "up" and (is_quantity(before) or not _BACK.search(text[:_MOST])))
        or (word == "available" and _OFFERED.search(before))
        or (word.endswith("cleared") and not _TROUBLES.search(before))
        or (said["done"] and _OF_ATTACKER.search(before))
        or _GOES_ON.match(text, said.end())
        or _NOT_OVER.search(_WAS.sub("", before + after))
    )
    return not is_bad


def _is_of_text(text: str, brackets: re.Match[str]) -> bool:
    """Return True if a state in brackets is the state of the whole text: `[OK] disk`, not `the [up] button is red`.

    `brackets` is the match of the brackets. `resolved` and the like, and states with a sign such as ✅, are always the
    state of the whole text; any other word is so only at the text's start or end.
    """
    word = (brackets["end"] or "").lower()
    if brackets["sign"] is not None or word in ("resolved", "recovered", "recovery", "restored"):
        return True
    before, after = _BRACKETED.sub("", text[: brackets.start()]), text[brackets.end() :]
    return not after.strip(" .!") or (bool(word) and not before.strip())


def _sentence(text: str) -> re.Match[str] | None:
    """Find the words of a text that state a condition (`is up`) or how a run ended (`failed`); return their match.

    Return None if there are no such words.
    """
    said = _IN_SENTENCE.search(text[:_MOST])
    is_of_another = said is not None and said["run"] and _NAMES_RUN.search(text[: said.start()]) is None
    return None if is_of_another else said


def shows_end(text: str) -> bool:
    """Return True if the first state in brackets has a sign and says that the alert is over: `[shop] [✅ Up] 200 - OK`.

    An alert whose name is in a field of its own is ended by its message text only in this form, because other texts may
    say that something else is well.
    """
    shown = _IN_BRACKETS.search(text[:_MOST])
    return shown is not None and shown["sign"] is not None and shown["end"] is not None


def stateless(text: str) -> str:
    """Return a text without its words for a state, so that an alert and its end give the same text.

    `[DOWN] shop` and `[UP] shop` give `shop`.
    """
    if (begins := _BEGINS_WITH_STATE.match(text)) is not None:
        return f"{(begins['before'] or '').strip()} {text[begins.end() :]}".lstrip()
    if (brackets := _IN_BRACKETS.search(text[:_MOST])) is not None:
        before, after = text[: brackets.start()].strip(), text[brackets.end() :].strip()
        if brackets["scope"] is not None:
            return f"{before} {after} {brackets['scope']}".strip()
        return before if brackets["sign"] and before else f"{before} {after}".strip()
    if (said := _sentence(text)) is None:
        return text
    # Of what follows, the first sentence may name the thing. The others tell how long or why.
    after = re.split(r"[.!]\s|\n", text[said.end() :], maxsplit=1)[0]
    kind = "ill" if said["ill"] else "run" if said["run"] else "down"
    return " ".join(re.findall(r"[\w./:@-]*\w", f"{text[: said.start()]} {after}")) + f" ({kind})"


def bare(text: str) -> str:
    """Return a text without its words for a state and for a severity.

    `[WARNING] disk`, `CRITICAL: disk`, `[OK] disk` and `disk is OK` give `disk`. Use it only if no other field of the
    message tells the alert's state. If one does, `[WARNING] disk` and `[CRITICAL] disk` may be two alerts: `stateless`
    keeps them apart.
    """
    for _ in range(4):
        before = text
        if (grade := _BEGINS_WITH_GRADE.match(text)) is not None:
            text = text[grade.end() :]
        if (ends := _ENDS_WITH_STATE.fullmatch(text) or _in_capitals(text)) is not None:
            text = ends["name"].strip()
        text = stateless(_ENDS_FIRING.sub("", text))
        if not text:
            return before
        if text == before:
            break
    return text


def opposites(text: str, word: str) -> list[str]:
    """Return the texts that fired where this one ends with its status, `word`: `shop DOWN` of `shop UP` and `up`.

    There are none if the text does not end with the word, or if the word has no opposite.
    """
    before, found = text[: -len(word)], text[-len(word) :]
    if found.lower() != word or not before[-1:].isspace():
        return []
    return [before + _styled(each, found) for each in _OPPOSITES.get(word, ())]


def graded(text: str, grade: str) -> list[str]:
    """Return the texts that fired with a grade where this one says that it is over: `[CRITICAL] x` of `[RESOLVED] x`.

    `grade` is the sender's word for the severity. There are none if the text does not begin or end with a word for an
    end, or if `grade` is no single word.
    """
    found = _BEGINS_WITH_STATE.match(text) or _ENDS_WITH_STATE.fullmatch(text)
    over = next((name for name in ("end", "said") if found is not None and found.groupdict().get(name)), None)
    if found is None or over is None or not re.fullmatch(r"\w{1,20}", grade):
        return []
    before, after = text[: found.start(over)], text[found.end(over) :]
    grades = [grade.lower(), *_ALSO.get(grade.lower(), ())]
    return [before + _styled(each, found[over]) + after for each in grades]


def _styled(word: str, as_in: str) -> str:
    """Return a word in lower case as `as_in` is written: in capitals, with one capital, or unchanged."""
    return word.upper() if as_in.isupper() else word.title() if as_in.istitle() else word


def _without(message: Any, key: str | None) -> Any:
    """Return a message without its state, so that an alert and its end become equal.

    A text loses its words for a state or a severity. An object loses the key that holds its state (`key`), at its top
    and in its `detail`. Any other value is returned unchanged.
    """
    if type(message) is not dict:
        return bare(message) if type(message) is str else message
    kept = {name: value for name, value in message.items() if name != key}
    detail = kept.get("detail")
    return {**kept, "detail": {name: detail[name] for name in detail if name != key}} if type(detail) is dict else kept


def _stated(labels: dict[str, str]) -> str | None:
    """Return the severity or priority that a label states in words, or None; a number does not count."""
    said = (labels[key] for key in labels if letters(key) in ("severity", "priority"))
    return next((word for word in said if not word.replace(".", "").isdecimal()), None)
