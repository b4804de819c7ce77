"""The alerts that joined a closed incident, judged by the rules of then and by changed rules. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from firstline.incidents.message_facts import place_name
from firstline.models import PAGING_RANK, SEVERITY_RANK, IncidentRecord, StoredAlert
from firstline.models.severity import severity_of
from firstline.policy.rules import Rules
from firstline.text import one_line

MOST_READ = 200
"""The most alerts of one incident that are read."""


@dataclass(frozen=True)
class JoinedAlerts:
    """The alerts that joined an incident after it opened, judged by the rules of then and by changed rules.

    The alert that opened the incident is among them only if it got worse.

    Parameters
    ----------
    paged, pages
        The alerts that paged, and those that would page under the changed rules, both in the order in which they began.
    changed
        True if the changed rules give any of the alerts another severity, or change whether a window holds it.
    unknown
        The number of alerts that fired again later, so that the table has them under another incident.
    worst
        The severity of the worst alert as a number from 0 (noise, info) to 4 (critical); -1 without alerts.
    why
        A sentence on the first alert that differs: `DiskFull on web-2, which joined, is high`; else empty.
    """

    paged: Sequence[StoredAlert] = ()
    pages: Sequence[StoredAlert] = ()
    changed: bool = False
    unknown: int = 0
    worst: int = -1
    why: str = ""

    @property
    def first_page(self) -> datetime | None:
        """The time when the first alert began that would page under the changed rules; None if none would page."""
        return self.pages[0].began_at if self.pages else None


def joined_alerts(
    record: IncidentRecord, members: Sequence[StoredAlert], before: Rules, after: Rules, zone: tzinfo
) -> JoinedAlerts:
    """Judge each joined alert by the rules `before` and `after`, as ingest does: alone, at the moment when it began.

    Parameters
    ----------
    members
        The alerts that the table has under this incident's id, the one that opened it included.
    zone
        The time zone of the hours and weekdays in rules.
    """
    first = record.incident.alert
    others = [stored for stored in members if stored.fingerprint != first.fingerprint]
    worse = [stored for stored in members if stored not in others and stored.rank > SEVERITY_RANK[first.severity]]
    known = sorted([*others, *worse], key=lambda stored: stored.began_at)
    differing = list(_differing(known, before, after, zone))
    return JoinedAlerts(
        paged=[stored for stored in known if stored.rank >= PAGING_RANK and not stored.held],
        pages=[stored for stored in known if _pages(stored, before, after, zone)],
        changed=bool(differing),
        unknown=max(0, alerts_in(record) - len(others) - 1),
        worst=max((stored.rank for stored in known), default=-1),
        why=differing[0] if differing else "",
    )


def alerts_in(record: IncidentRecord) -> int:
    """Return the number of alerts that an incident had."""
    return max(record.alert_count, record.live.alerts if record.live is not None else 0)


def _differing(known: Sequence[StoredAlert], before: Rules, after: Rules, zone: tzinfo) -> Iterator[str]:
    for stored in known:
        rank = _rank(stored, after, zone)
        if rank != _rank(stored, before, zone) or _held(stored, before) != _held(stored, after):
            place = place_name(stored.alert.host or stored.alert.service or "")
            name = f"{one_line(stored.alert.alert_name, 80)}{f' on {place}' if place else ''}"
            held = ", held by a window" if _held(stored, after) else ""
            yield f"{name}, which joined, is {severity_of(rank) if rank else 'noise'}{held}"


def _pages(stored: StoredAlert, before: Rules, after: Rules, zone: tzinfo) -> bool:
    """Return True if an alert would page under the rules `after`.

    An alert that was held, but by no window of the rules `before` (so by a silence, say), would be held again. The time
    zone of the hours and weekdays in rules is `zone`.
    """
    silenced = stored.held and not _held(stored, before)
    return _rank(stored, after, zone) >= PAGING_RANK and not silenced and not _held(stored, after)


def _rank(stored: StoredAlert, rules: Rules, zone: tzinfo) -> int:
    return rules.rank(stored.alert, stored.began_at, stored.began_at.astimezone(zone))


def _held(stored: StoredAlert, rules: Rules) -> bool:
    return any(
        window.suppress and window.allows(stored.alert.severity) and window.holds(stored.alert, stored.began_at)
        for window in rules.maintenance
    )
