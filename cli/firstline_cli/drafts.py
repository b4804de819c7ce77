"""Drafts of severities for alerts that state none: a line for each alert that a tool can send, for a person to correct.

Drafts are made from CloudWatch alarms with their tags and actions, Prometheus' rule files, Datadog's monitors, or past
incidents. An alert that states its own severity is left out, because the stated one counts.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import Any

from firstline.classification import lexicon
from firstline.classification.lasting_words import is_asked
from firstline.errors import ConfigurationError
from firstline.models import EVERYWHERE, PAGING_RANK, SEVERITY_RANK, IncidentRecord, Severity
from firstline.sources import meanings, severity, values
from firstline.sources.cloudwatch_alarm import children_in_rule, severity_word, stated_severity, topic_severity_word
from firstline.text import one_line
from firstline_cli.template_texts import spoken
from firstline_cli.words_file import WORDS
from firstline_cli.words_file import Draft as Draft
from firstline_cli.words_file import read as read
from firstline_cli.words_file import written as written

type LeftOut = Counter[str]
"""The numbers of alerts without a draft, by the reason: `{"they record a metric": 3}`."""

MAX_TEXT = 500

_WAKES = re.compile(
    r"pagerduty|opsgenie|victorops|splunk|on[-_]?call|(?<!home)(?<!web)(?<!status)(?<!status[-_])page|^response-plan/"
)
"""The names of what wakes people. A response plan is one of Systems Manager's Incident Manager."""

_HANDLE = re.compile(r"(?<![\w.@/+-])@(\w[\w.+-]*(?:@[\w.-]+)?)")
"""Whom a Datadog monitor's message notifies: `@pagerduty-orders`, `@ann@example.com`."""

_OPS_ITEM = re.compile(r"^arn:[\w-]+:ssm:[^:]*:[^:]*:opsitem:([1-4])(?:#|$)")
_OPS_ITEMS: dict[str, Severity] = {"1": "critical", "2": "high", "3": "medium", "4": "low"}
"""The severities of OpsItems, which an alarm's action states."""

_KINDS_WITH_RULES = ("PrometheusRule", "PrometheusRuleList", "List")
_SCALES = (":autoscaling:", ":application-autoscaling:", ":automate:")


def of_alarms(
    alarms: Iterable[tuple[Mapping[str, Any], Mapping[str, str]]], left_out: LeftOut | None = None
) -> Iterator[Draft]:
    """Suggest a severity for each CloudWatch alarm that states none; count the others in `left_out`.

    An alarm is given as its dictionary in DescribeAlarms' answer and its tags.
    """
    left_out = Counter() if left_out is None else left_out
    given = list(alarms)
    others = _in_composites(alarm for alarm, _ in given)
    for alarm, tags in given:
        name, description = str(alarm["AlarmName"]), str(alarm.get("AlarmDescription") or "")
        actions = [str(arn) for arn in alarm.get("AlarmActions") or ()]
        topic = next((arn for arn in actions if ":sns:" in arn), None)
        if severity_word(name) or stated_severity(description) or topic_severity_word(topic):
            left_out["they state their severity"] += 1
            continue
        if actions and all(any(part in arn for part in _SCALES) for arn in actions):
            yield _draft("cloudwatch", name, description, "noise", "it only scales or repairs")
            continue
        routes = ["OpsCenter" if ":opsitem:" in arn else arn.rsplit(":", 1)[-1] for arn in actions]
        quiet = "its actions are disabled" if alarm.get("ActionsEnabled") is False else ""
        if (quiet or not actions) and name in others and not meanings.find(tags, "severity"):
            yield _draft("cloudwatch", name, description, "low", f"{quiet or 'no action'}; {others[name]}")
        elif (item := _ops_item(actions)) and not quiet and not _waking(routes) and not meanings.find(tags, "severity"):
            yield _draft("cloudwatch", name, description, _OPS_ITEMS[item], f"it opens an OpsItem of severity {item}")
        else:
            yield _suggested("cloudwatch", name, description, tags, routes, "no action", quiet)


def _in_composites(alarms: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return, by the name of each alarm in a composite alarm, which one speaks for it or is suppressed by it."""
    found: dict[str, str] = {}
    for alarm in alarms:
        for child in children_in_rule(alarm.get("AlarmRule")):
            found.setdefault(child.split(":alarm:", 1)[-1], f"the composite alarm {alarm['AlarmName']} speaks for it")
        if suppressor := str(alarm.get("ActionsSuppressor") or ""):
            found[suppressor.split(":alarm:", 1)[-1]] = f"it suppresses the composite alarm {alarm['AlarmName']}"
    return found


def _ops_item(actions: Iterable[str]) -> str | None:
    """Return the severity, 1 to 4, of the OpsItem that an alarm opens; None if it opens none."""
    return next((found[1] for arn in actions if (found := _OPS_ITEM.search(arn))), None)


def of_rules(document: Any, source: str = "prometheus", left_out: LeftOut | None = None) -> Iterator[Draft]:
    """Suggest a severity for each alerting rule that has none.

    The rules stand in a rule file of Prometheus or Grafana, in a PrometheusRule of Kubernetes, or in a list of these
    (`kubectl get prometheusrule -o yaml`). Rules without a draft are counted in `left_out`.

    Raises
    ------
    ConfigurationError
        The document has no groups of rules, or they are not of the form that Prometheus takes.
    """
    left_out = Counter() if left_out is None else left_out
    for group in _groups(document):
        rules = group.get("rules") or []
        where = f"group {one_line(str(group.get('name', '')), 100)!r}"
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            raise ConfigurationError(f"{where}: `rules` is no list of rules; write each as `- alert: <name>`")
        common = _map(group, "labels", where)
        for rule in rules:
            name = str(rule.get("alert") or ("" if rule.get("record") else rule.get("title")) or "")
            if not name:
                left_out["they record a metric" if rule.get("record") else "they have no name"] += 1
                continue
            labels, notes = common | _map(rule, "labels", name), _map(rule, "annotations", name)
            graded = _graded(labels) or _graded(notes)
            if graded == "none":
                left_out["their severity is `none`, which counts as info"] += 1
            elif graded:
                left_out["they state their severity"] += 1
            elif rule.get("isPaused"):
                left_out["they are paused"] += 1
            elif "{{" in name:
                left_out[f"the name is a template: {one_line(name, 100)}"] += 1
            else:
                yield _of_rule(rule, name, labels, notes, source)


def _of_rule(
    rule: Mapping[str, Any], name: str, labels: Mapping[str, Any], notes: Mapping[str, Any], source: str
) -> Draft:
    text = " ".join(spoken(str(notes[name])) for name in ("summary", "description", "message") if notes.get(name))
    facts = [f"for {rule['for']}"] if rule.get("for") else []
    facts += ["has a runbook"] if notes.get("runbook_url") else []
    word, why = _suggestion(name, text, labels)
    # The expression tells a person most, but it is no text from which a severity could be guessed.
    facts += [f"expr {one_line(str(rule['expr']), 120)}"] if rule.get("expr") else []
    return _draft(source, name, text, word, "; ".join([why, *facts]))


def _groups(document: Any) -> list[Mapping[str, Any]]:
    """Return the groups of rules in a document. Of a list of Kubernetes' objects, what holds no rules is skipped."""
    if isinstance(document, dict) and isinstance(document.get("items"), list):
        objects = [each for each in document["items"] if isinstance(each, dict) and holds_rules(each)]
        return [group for each in objects for group in _groups(each)]
    content = document.get("spec", document) if isinstance(document, dict) else None
    groups = content.get("groups") if isinstance(content, dict) else None
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise ConfigurationError("it has no `groups`: give a rule file of Prometheus, or Kubernetes' PrometheusRule")
    return groups


def holds_rules(document: Any) -> bool:
    """Return False for an empty YAML document and for an object of Kubernetes that holds no rules."""
    kind = document.get("kind", "PrometheusRule") if isinstance(document, dict) else document
    return document is not None and (not isinstance(kind, str) or kind in _KINDS_WITH_RULES)


def _map(given: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    found = given.get(name) or {}
    if not isinstance(found, dict):
        raise ConfigurationError(f"{where}: `{name}` is no map; write `{name}: {{<name>: <value>}}`")
    return found


def _graded(labels: Mapping[str, Any]) -> str | None:
    """Return the word by which labels state a severity when the alert comes; None for a placeholder or a number."""
    graded = meanings.find(labels, "severity")
    states = graded is not None and not values.has_template(graded) and severity.states_any(graded)
    return graded if states and graded is not None and not severity.is_number(graded) else None


def of_monitors(document: Any, left_out: LeftOut | None = None, now: datetime | None = None) -> Iterator[Draft]:
    """Suggest a severity for each Datadog monitor of an export: a list of monitors, or an object with `monitors`.

    Those without a draft are counted in `left_out`. `now` is the time by which a monitor is muted.

    Raises
    ------
    ConfigurationError
        The document holds no monitors.
    """
    left_out, now = Counter() if left_out is None else left_out, now or datetime.now(UTC)
    monitors = document.get("monitors", [document]) if isinstance(document, dict) else document
    if not isinstance(monitors, list) or not all(isinstance(each, dict) and each.get("name") for each in monitors):
        raise ConfigurationError("it has no monitors with a `name`: give the JSON of Datadog's `GET /api/v1/monitor`")
    for monitor in monitors:
        name, given = str(monitor["name"]), monitor.get("tags") or ()
        tags = dict(str(tag).partition(":")[::2] for tag in (given.split(",") if isinstance(given, str) else given))
        if monitor.get("priority"):
            tags["severity"] = f"P{monitor['priority']}"
        if monitor.get("deleted"):
            left_out["they are deleted"] += 1
        elif "{{" in name:
            # Each of its alerts has another name.
            left_out[f"the name is a template: {one_line(name, 100)}"] += 1
        else:
            message, options = spoken(str(monitor.get("message") or "")), monitor.get("options")
            later = options.get("escalation_message") if isinstance(options, dict) else None
            told = f"{message} {spoken(str(later or ''))}"
            routes = list(dict.fromkeys(found.rstrip(".,:;-") for found in _HANDLE.findall(told)))
            unheard, why = _muted(monitor, now)
            draft = _suggested("datadog", name, message, tags, routes, "notifies nobody", why if unheard else "")
            yield replace(draft, why=f"{draft.why}; {why}") if why and not unheard else draft


def _muted(monitor: Mapping[str, Any], now: datetime) -> tuple[bool, str]:
    """Return True if a monitor notifies nobody until a person changes that, and in words why.

    A monitor that is muted for some groups only, or until a certain time, goes on notifying people.
    """
    if monitor.get("draft_status") == "draft":
        return True, "it is a draft"
    options, downtimes = monitor.get("options"), monitor.get("matching_downtimes")
    silenced = options.get("silenced") if isinstance(options, dict) else None
    mutes: list[tuple[Any, Any]] = list(silenced.items()) if isinstance(silenced, dict) else []
    for downtime in downtimes if isinstance(downtimes, list) else ():
        if isinstance(downtime, dict) and _seconds(downtime.get("start"), 0) <= now.timestamp():
            scopes = downtime.get("scope") or ["*"]
            mutes += [(scope, downtime.get("end")) for scope in ([scopes] if isinstance(scopes, str) else scopes)]
    lasting = [(scope, end) for scope, end in mutes if _seconds(end, inf) > now.timestamp()]
    if any(scope == "*" and end is None for scope, end in lasting):
        return True, "it is muted"
    return False, ", ".join(f"muted {'for a time' if scope == '*' else f'for {scope}'}" for scope, _ in lasting)


def _seconds(moment: Any, otherwise: float) -> float:
    """Return a moment that Datadog gives in seconds since 1970; `otherwise` if it gives none."""
    return moment if isinstance(moment, int | float) else otherwise


def one_for_each(drafts: Iterable[Draft]) -> list[Draft]:
    """Return one draft for each kind of alert: the worst of those on alerts of one name, which share one severity."""
    found: dict[str, list[Draft]] = {}
    for draft in drafts:
        found.setdefault(draft.kind.key, []).append(draft)
    worst = [max(same, key=lambda draft: SEVERITY_RANK[WORDS[draft.word]]) for same in found.values()]
    return [
        replace(draft, why=one_line(f"the worst of {len(same)} of this name; {draft.why}", 300)) if same[1:] else draft
        for draft, same in zip(worst, found.values(), strict=True)
    ]


def of_incidents(records: Iterable[IncidentRecord]) -> list[Draft]:
    """Suggest a severity for each kind of alert in past incidents that came without one and that no person has judged.

    The most frequent come first.
    """
    times: Counter[str] = Counter()
    last: dict[str, Draft] = {}
    for record in records:
        verdict, alert = record.classification, record.incident.alert
        if verdict is None or verdict.subject is None or not is_asked(record):
            continue
        kind, why = verdict.subject, verdict.reasons[0] if verdict.reasons else ""
        times[kind.key] += 1
        text = alert.message if alert.alert_name == kind.alert_name else ""
        draft = _draft(
            kind.source, kind.alert_name, text, "low" if verdict.severity == "noise" else verdict.severity, why
        )
        last[kind.key] = replace(draft, environment=kind.environment or "")
    frequent = [(last[key], count) for key, count in times.most_common()]
    return [replace(draft, why=one_line(f"{count} incidents; {draft.why}", 300)) for draft, count in frequent]


def _suggested(
    source: str, name: str, text: str, tags: Mapping[str, Any], routes: Sequence[str], nobody: str, quiet: str = ""
) -> Draft:
    return _draft(source, name, text, *_suggestion(name, text, tags, routes, nobody, quiet))


def _suggestion(
    name: str, text: str, tags: Mapping[str, Any], routes: Sequence[str] = (), nobody: str = "", quiet: str = ""
) -> tuple[Severity, str]:
    """Suggest a severity for an alert, and the reason.

    It is the severity in `tags`, else `high` if `routes` (where the alert goes) names a pager, else a guess by the
    words of its name and text. `nobody` is the reason to give beside a guess if there are no routes. `quiet` says why
    the alert reaches nobody today, if so: it then pages only if its tags say so.
    """
    graded = meanings.find(tags, "severity")
    found = severity.from_word(graded) if graded else None
    if graded and found is not None:
        return _word(found), "; ".join(filter(None, (f"its tag says {graded}", quiet)))
    waking = _waking(routes)
    if waking is not None and not quiet:
        return "high", f"it goes to {waking}"
    guess = lexicon.read(name, text)
    word = _word(guess.severity)
    if quiet and SEVERITY_RANK[word] >= PAGING_RANK:
        word = "medium"
    why = f"goes to {', '.join(routes)}" if routes else nobody
    return word, "; ".join(filter(None, (guess.because, why, quiet)))


def _waking(routes: Iterable[str]) -> str | None:
    """Return the first route, a topic or handle, that wakes somebody, by its name; None if none does."""
    return next((route for route in routes if _WAKES.search(route.lower())), None)


def _word(found: str) -> Severity:
    """Return the verdict's severity for a sender's: the same, but `low` for `info`, which no verdict has."""
    return "low" if found == "info" else WORDS[found]


def _draft(source: str, name: str, text: str, word: Severity, why: str) -> Draft:
    return Draft(source, one_line(name, 256), EVERYWHERE, word, one_line(why, 300), one_line(text, MAX_TEXT))
