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
            yield drafted("cloudwatch", name, description, "noise", "it only scales or repairs")
            continue
        routes = ["OpsCenter" if ":opsitem:" in arn else arn.rsplit(":", 1)[-1] for arn in actions]
        quiet = "its actions are disabled" if alarm.get("ActionsEnabled") is False else ""
        if (quiet or not actions) and name in others and not meanings.find(tags, "severity"):
            yield drafted("cloudwatch", name, description, "low", f"{quiet or 'no action'}; {others[name]}")
        elif (
            (item := _ops_item(actions))
            and not quiet
            and not waking_route(routes)
            and not meanings.find(tags, "severity")
        ):
            yield drafted("cloudwatch", name, description, _OPS_ITEMS[item], f"it opens an OpsItem of severity {item}")
        else:
            yield suggested("cloudwatch", name, description, tags, routes, "no action", quiet)


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
