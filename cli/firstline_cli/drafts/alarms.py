"""Drafts from CloudWatch's alarms with their tags and actions."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from firstline.models import Severity
from firstline.sources import meanings
from firstline.sources.cloudwatch_alarm import children_in_rule, severity_word, stated_severity, topic_severity_word
from firstline_cli.drafts.suggestions import LeftOut, drafted, suggested, waking_route
from firstline_cli.words_file import Draft

_OPS_ITEM = re.compile(r"^arn:[\w-]+:ssm:[^:]*:[^:]*:opsitem:([1-4])(?:#|$)")
_OPS_ITEMS: dict[str, Severity] = {"1": "critical", "2": "high", "3": "medium", "4": "low"}
"""The severities of OpsItems, which an alarm's action states."""

_SCALES = (":autoscaling:", ":application-autoscaling:", ":automate:")


def of_alarms(
    alarms: Iterable[tuple[Mapping[str, Any], Mapping[str, str]]], left_out: LeftOut | None = None
) -> Iterator[Draft]:
    """Suggest a severity for each CloudWatch alarm that states none in its name, its description or its topic's name.

    The others are counted in `left_out`, by the reason, if it is given. An alarm is given as its dictionary in
    DescribeAlarms' answer and its tags.
    """
    left_out = Counter() if left_out is None else left_out
    given = list(alarms)
    others = _in_composites(alarm for alarm, _ in given)
    for alarm, tags in given:
        if _states_severity(alarm):
            left_out["they state their severity"] += 1
        else:
            yield _of_alarm(alarm, tags, others.get(str(alarm["AlarmName"])))


def _states_severity(alarm: Mapping[str, Any]) -> bool:
    topic = next((arn for arn in _actions(alarm) if ":sns:" in arn), None)
    stated = severity_word(str(alarm["AlarmName"])) or stated_severity(_description(alarm))
    return bool(stated or topic_severity_word(topic))


def _of_alarm(alarm: Mapping[str, Any], tags: Mapping[str, str], in_composite: str | None) -> Draft:
    """Return the draft of an alarm's severity, with the reason.

    `in_composite` says in words how the alarm belongs to a composite alarm; None if it does not. If it does, and has
    neither a severity among its tags nor an action of its own, it is low.
    """
    name, description, actions = str(alarm["AlarmName"]), _description(alarm), _actions(alarm)
    if actions and all(any(part in arn for part in _SCALES) for arn in actions):
        return drafted("cloudwatch", name, description, "noise", "it only scales or repairs")
    routes = ["OpsCenter" if ":opsitem:" in arn else arn.rsplit(":", 1)[-1] for arn in actions]
    quiet = "its actions are disabled" if alarm.get("ActionsEnabled") is False else ""
    if not meanings.find(tags, "severity"):
        if in_composite and (quiet or not actions):
            return drafted("cloudwatch", name, description, "low", f"{quiet or 'no action'}; {in_composite}")
        if (item := _ops_item(actions)) and not quiet and not waking_route(routes):
            return drafted("cloudwatch", name, description, _OPS_ITEMS[item], f"it opens an OpsItem of severity {item}")
    return suggested("cloudwatch", name, description, tags, routes, "no action", quiet)


def _description(alarm: Mapping[str, Any]) -> str:
    return str(alarm.get("AlarmDescription") or "")


def _actions(alarm: Mapping[str, Any]) -> list[str]:
    return [str(arn) for arn in alarm.get("AlarmActions") or ()]


def _in_composites(alarms: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return, by an alarm's name, how it belongs to a composite alarm, in words.

    Either the composite alarm has it in its rule and so speaks for it, or the alarm suppresses the composite alarm.
    """
    found: dict[str, str] = {}
    for alarm in alarms:
        for child in children_in_rule(alarm.get("AlarmRule")):
            found.setdefault(child.split(":alarm:", 1)[-1], f"the composite alarm {alarm['AlarmName']} speaks for it")
        if suppressor := str(alarm.get("ActionsSuppressor") or ""):
            found[suppressor.split(":alarm:", 1)[-1]] = f"it suppresses the composite alarm {alarm['AlarmName']}"
    return found


def _ops_item(actions: Iterable[str]) -> str | None:
    """Return the severity, 1 to 4, of the OpsItem that an alarm's `actions` (ARNs) open; None if they open none."""
    return next((found[1] for arn in actions if (found := _OPS_ITEM.search(arn))), None)
