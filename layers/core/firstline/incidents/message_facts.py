"""The facts about an incident that every message shows: its severity, title, place, and how it ended. Pure."""

import re
from datetime import datetime

from firstline.models import (
    SEVERITY_RANK,
    Incident,
    IncidentRecord,
    Member,
    NormalizedAlert,
    NotificationKind,
    Severity,
)
from firstline.models.live import loudest_since
from firstline.models.severity import severity_of
from firstline.text import one_line

MAX_NAMED_HOSTS = 3

ENDS = {
    "auto_resolved": "Fixed by a runbook",
    "self_cleared": "Cleared by itself",
    "expired": "Closed: nobody resolved it in time",
    "no_data": "Ended without data, please look",
    "suppressed": "Suppressed as noise",
}
"""The words for how an incident ended, by its outcome; for `resolved` they name the person."""

NOTHING_TO_RUN = "No alert fires any more, so nothing runs unless one fires again before the incident closes."
"""The sentence on a plan that asks, after the incident's last alert has ended."""

_LOAD_BALANCER = re.compile(r"(?:app|net|gwy)/([^/]{1,64})/[0-9a-f]{16}")
"""The pattern of CloudWatch's dimension `LoadBalancer`, as in `app/shop/50dc6c495c0c9188`; its group is the name."""


def severity(record: IncidentRecord) -> Severity:
    """Return the verdict's severity, or that of a worse loud alert (high or critical, not held) that joined since.

    Without a verdict, return the worst severity among the alerts that joined.
    """
    verdict, live = record.classification, record.live
    rank = SEVERITY_RANK[verdict.severity if verdict else record.incident.alert.severity]
    if live is not None:
        rank = max(rank, loudest_since(live, live.judged_loud) if verdict else live.worst)
    return "noise" if verdict and rank == 0 else severity_of(max(rank, 1))


def headline(record: IncidentRecord) -> str:
    """Return the incident's title, such as `DiskFull on web-1` or `Storm of 40 alerts, first DiskFull`."""
    incident = record.incident
    name = one_line(incident.first_alert, 120)
    if incident.storm:
        critical = record.live.counts.ranks[SEVERITY_RANK["critical"]] if record.live else 0
        if not critical:
            return f"Storm of {record.alert_count} alerts, first {name}"
        worst = member_line(record.members[0]).removeprefix("critical ") if record.members else ""
        # An alert that became critical again counts as critical once more.
        critical = min(critical, record.alert_count)
        return f"Storm of {record.alert_count} alerts, {critical} critical{f': {worst}' if worst else ''}"
    place = where(incident)
    return f"{name} on {place}" if place else name


def where(incident: Incident) -> str:
    """Return an incident's place: `web-1, web-2, web-3 and 4 more`, or else its service; empty if neither is known."""
    hosts = [place_name(host) for host in incident.hosts[:MAX_NAMED_HOSTS]]
    if not hosts:
        return one_line(incident.alert.service or "", 80)
    left = len(incident.hosts) - len(hosts)
    return f"{', '.join(hosts)} and {left} more" if left else ", ".join(hosts)


def place_name(host: str) -> str:
    """Return the name of a host; of a load balancer (`app/shop/50dc6c495c0c9188`) only the name in the middle."""
    balancer = _LOAD_BALANCER.fullmatch(host)
    return one_line(balancer[1] if balancer else host, 80)


def end_of(record: IncidentRecord) -> str:
    """Say how a closed incident ended, such as `Cleared by itself` (also if its runbook ran and changed nothing)."""
    outcome = record.outcome or "resolved"
    if outcome == "auto_resolved" and changed_nothing(record):
        return ENDS["self_cleared"]
    if outcome == "auto_resolved" and record.plan is not None:
        return f"Fixed by the runbook “{one_line(record.plan.title, 80)}”"
    by_hand = f"Resolved by {one_line(record.resolved_by, 80)}" if record.resolved_by else "Resolved"
    return ENDS.get(outcome, by_hand)


def changed_nothing(record: IncidentRecord) -> bool:
    """Return True if the incident's runbook ran, and none of its commands changed anything."""
    return bool(record.results) and not any(result.changed for result in record.results)


def why_idle(record: IncidentRecord) -> str:
    """Return why the plan does not begin although it is approved, or were it approved now; empty if it begins.

    The reason is that no alert of the incident fires any more. Empty also if the plan asks for no approval, was
    refused, or has begun, and if the incident is closed.
    """
    plan, live = record.plan, record.live
    if plan is None or plan.decision != "approve" or record.decision == "refused" or record.status != "OPEN":
        return ""
    return NOTHING_TO_RUN if live is not None and live.firing <= 0 and live.acted_at is None else ""


def ended_at(closed: IncidentRecord, now: datetime) -> datetime:
    """Return when a closed incident ended: with its last alert, else by a person's Resolve, else when it was closed.

    If none of these times is known, return `now`.
    """
    live = closed.live
    last_end = live.last_end_at if live is not None and live.firing <= 0 else None
    return last_end or closed.resolved_at or closed.closed_at or now


def annotations(alert: NormalizedAlert) -> list[str]:
    """Return the alert's annotations as cleaned, bounded lines such as `impact: no orders`."""
    return [f"{one_line(name, 80)}: {one_line(text, 300)}" for name, text in alert.annotations.items()]


def member_line(member: Member) -> str:
    """Return an alert of an incident as one line: `high DiskFull on web-1`, with ` (over)` if it no longer fires."""
    place = place_name(member.host or member.service or "")
    over = "" if member.firing else " (over)"
    return f"{member.severity} {one_line(member.alert_name, 120)}{f' on {place}' if place else ''}{over}"


def message_kind(record: IncidentRecord) -> NotificationKind:
    """Return the kind of message that fits an open incident now, such as `acknowledged`, `paged` or `approval`."""
    if answered(record):
        return "acknowledged"
    if record.pages or record.paged_at:
        return "paged"
    if record.waits_for_approval:
        return "approval"
    return "remediating" if in_automated_feed(record) else "needs_human"


def answered(record: IncidentRecord) -> bool:
    """Return True if a person has the incident: it was acknowledged, and no page was claimed after that."""
    return record.live.answered if record.live else record.acknowledged_at is not None


def in_automated_feed(record: IncidentRecord) -> bool:
    """Return True if the incident's message is in the channel for what Firstline does by itself."""
    return (record.slack_channel or "").startswith("automated:")
