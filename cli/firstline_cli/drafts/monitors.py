"""Drafts of rules from Datadog's monitors, by their priority, whom they notify and whether they are muted."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import Any

from firstline.errors import ConfigurationError
from firstline.text import one_line
from firstline_cli.drafts.suggestions import LeftOut, suggested
from firstline_cli.template_texts import spoken
from firstline_cli.words_file import Draft

_HANDLE = re.compile(r"(?<![\w.@/+-])@(\w[\w.+-]*(?:@[\w.-]+)?)")
"""The people and tools that a Datadog monitor's message notifies: `@pagerduty-orders`, `@ann@example.com`."""


def of_monitors(document: Any, left_out: LeftOut | None = None, now: datetime | None = None) -> Iterator[Draft]:
    """Suggest a severity for each Datadog monitor of an export: a list of monitors, or an object with `monitors`.

    Monitors without a draft are counted in `left_out`, by the reason, if it is given. `now`, by default the present
    time, decides which monitors are muted.

    Raises
    ------
    ConfigurationError
        The document holds no monitors.
    """
    left_out, now = Counter() if left_out is None else left_out, now or datetime.now(UTC)
    for monitor in _monitors(document):
        name = str(monitor["name"])
        if monitor.get("deleted"):
            left_out["they are deleted"] += 1
        elif "{{" in name:
            # Each of its alerts has another name.
            left_out[f"the name is a template: {one_line(name, 100)}"] += 1
        else:
            yield _of_monitor(monitor, name, now)


def _monitors(document: Any) -> list[Mapping[str, Any]]:
    monitors = document.get("monitors", [document]) if isinstance(document, dict) else document
    if not isinstance(monitors, list) or not all(isinstance(each, dict) and each.get("name") for each in monitors):
        raise ConfigurationError("it has no monitors with a `name`: give the JSON of Datadog's `GET /api/v1/monitor`")
    return monitors


def _of_monitor(monitor: Mapping[str, Any], name: str, now: datetime) -> Draft:
    message, tags = spoken(str(monitor.get("message") or "")), _tags(monitor)
    unheard, why = _muted(monitor, now)
    routes = _routes(monitor, message)
    draft = suggested("datadog", name, message, tags, routes, "notifies nobody", why if unheard else "")
    return replace(draft, why=f"{draft.why}; {why}") if why and not unheard else draft


def _tags(monitor: Mapping[str, Any]) -> dict[str, str]:
    """Return a monitor's tags as name and value; its priority, if it has one, is the value of `severity`, as `P1`."""
    given = monitor.get("tags") or ()
    tags = dict(str(tag).partition(":")[::2] for tag in (given.split(",") if isinstance(given, str) else given))
    if monitor.get("priority"):
        tags["severity"] = f"P{str(monitor['priority']).lstrip('Pp')}"
    return tags


def _routes(monitor: Mapping[str, Any], message: str) -> list[str]:
    """Return whom a monitor notifies, at once (in `message`) or when it escalates: `["pagerduty-orders"]`."""
    options = monitor.get("options")
    later = options.get("escalation_message") if isinstance(options, dict) else None
    told = f"{message} {spoken(str(later or ''))}"
    named = [found.rstrip(".,:;-") for found in _HANDLE.findall(told)]
    # The search's answer has no message, but the handles out of it.
    listed = [each.get("handle") for each in monitor.get("notifications") or () if isinstance(each, dict)]
    return list(dict.fromkeys([*named, *(str(handle) for handle in listed if handle)]))


def _muted(monitor: Mapping[str, Any], now: datetime) -> tuple[bool, str]:
    """Return True if a monitor notifies nobody until a person changes that; and in words how it is muted, "" if not.

    Return False for a monitor that is muted for some groups only, or until a certain time.
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
