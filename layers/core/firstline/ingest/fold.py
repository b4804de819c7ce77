"""The fold of a batch of alerts into its group, the incident's id, and the flap and storm policy.

Pure: a group's state and some alerts go in, the new state and the necessary actions come out. The caller writes the
state back on the condition that no other process did meanwhile, and else folds again. So duplicates, reordering and
resolve-before-fire converge, whatever the order of arrival.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pydantic import AwareDatetime, Field

from firstline.models import (
    FIRST_OF_STORM,
    PAGING_RANK,
    SEVERITY_RANK,
    Frozen,
    Hold,
    Incident,
    NormalizedAlert,
    SourceSeverity,
)

STORM_GROUP_KEY = "storm"
"""The group of the storm incident, which alerts join when too many incidents begin at once."""

FLAP_WINDOW = timedelta(hours=1)
FLAP_OPENINGS = 3
"""A group that opened this many incidents within the window flaps: the next one stays open until it has been quiet."""

REOPEN_AFTER = timedelta(minutes=30)
"""The time for which an alert that still fires after its incident was closed (by a human or a verification) opens no
new incident: senders repeat themselves and metrics lag."""

OPENINGS = 20
"""The most openings that a group remembers, to say how often it flapped."""

TOMBSTONES = 200
"""The most ended alerts that a group remembers; the oldest are forgotten first."""

HOSTS = 50
"""The most hosts that an incident names: as many as one SendCommand takes."""


# Not a model like the rest: one is made for every alert that comes in, and a model costs eight times as much to make.
@dataclass(frozen=True, slots=True)
class Firing:
    """One firing alert of a group: its start, by its sender's clock, and its sender's severity."""

    at: AwareDatetime
    severity: SourceSeverity


class GroupState(Frozen):
    """The stored state of a group between two alerts. `version` counts the writes; 0 means never written.

    `open` means that `incident_id` still takes alerts. `settled_at` is when that incident was closed although alerts
    were still firing. `held_until` is the end of the hold on the open incident.
    """

    group_key: str
    version: int = 0
    incident_id: str | None = None
    open: bool = False
    pending: bool = False
    flapping: bool = False
    severity: SourceSeverity = "info"
    firing: dict[str, Firing] = Field(default_factory=dict)
    ended: dict[str, AwareDatetime] = Field(default_factory=dict)
    opened: list[AwareDatetime] = Field(default_factory=list)
    settled_at: AwareDatetime | None = None
    held_until: AwareDatetime | None = None


@dataclass(frozen=True, slots=True)
class Fold:
    """The result of folding a batch into its group. At most one of `opens`, `joins`, `resolves`, `quiets` is true.

    `hold` is the hold on every alert of the incident that is opened. `ends_hold` is true if an alert of paging severity
    joined that is not held: it ends the incident's hold. `held_back` is the worst severity of the held alerts that
    joined, if it is worse than all before: it counts once the hold has ended.
    """

    group: GroupState
    changed: bool
    new_alerts: list[NormalizedAlert]
    opens: bool = False
    joins: bool = False
    resolves: bool = False
    quiets: bool = False
    worsened_to: SourceSeverity | None = None
    hold: Hold | None = None
    ends_hold: bool = False
    held_back: SourceSeverity | None = None


class Limits(NamedTuple):
    """The most incidents that may begin in a minute: in all, and of one alert name."""

    per_minute: int
    per_minute_and_alert: int


def fold(
    state: GroupState,
    alerts: Sequence[NormalizedAlert],
    now: datetime,
    hold_on: Callable[[NormalizedAlert], Hold | None] = lambda _: None,
) -> Fold:
    """Fold the alerts of one group into its state.

    Parameters
    ----------
    hold_on
        Returns the hold on an alert (a silence, maintenance), or None. Asked about new alerts only.
    """
    firing, ended = dict(state.firing), dict(state.ended)
    new: list[NormalizedAlert] = []
    # At the same instant a resolve comes last: the sender says that what it fired is over.
    for alert in sorted(alerts, key=lambda alert: (alert.timestamp, alert.status == "resolved")):
        known = firing.get(alert.fingerprint)
        gone = ended.get(alert.fingerprint)
        if alert.status == "resolved":
            at = alert.ends_at or alert.timestamp
            if known is not None and at < known.at:
                continue  # the end of an earlier episode, late
            firing.pop(alert.fingerprint, None)
            if gone is None or at > gone:
                ended[alert.fingerprint] = at
        elif gone is not None and alert.timestamp <= gone:
            continue  # an episode that is over, late or sent twice
        elif known is None or SEVERITY_RANK[alert.severity] > SEVERITY_RANK[known.severity]:
            firing[alert.fingerprint] = Firing(at=alert.timestamp, severity=alert.severity)
            new.append(alert)
        elif alert.timestamp > known.at:
            firing[alert.fingerprint] = Firing(at=alert.timestamp, severity=known.severity)

    still_fires = any(alert.fingerprint in firing for alert in alerts)
    reopens = state.settled_at is not None and still_fires and now - state.settled_at >= REOPEN_AFTER
    opens = not state.open and (any(alert.fingerprint in firing for alert in new) or reopens)
    empty = state.open and not firing and bool(state.firing)
    if opens:
        # Alerts of the closed incident count again if they are sent again: their end may have been lost.
        firing = {alert.fingerprint: firing[alert.fingerprint] for alert in alerts if alert.fingerprint in firing}
        new = [alert for alert in alerts if alert.status == "firing" and alert.fingerprint in firing]
    holds = [hold_on(alert) for alert in new]
    held = state.open and state.held_until is not None and now < state.held_until
    judged = list(zip(new, holds, strict=True))
    worst = _worst([alert for alert, hold in judged if hold is None or not held])
    kept = _worst([alert for alert, hold in judged if hold is not None])
    worsens = (
        state.open and SEVERITY_RANK[worst] >= PAGING_RANK and SEVERITY_RANK[worst] > SEVERITY_RANK[state.severity]
    )
    if len(ended) > TOMBSTONES:
        ended = dict(sorted(ended.items(), key=lambda item: item[1])[-TOMBSTONES:])
    # Every other change comes with a change of the firing or of the ended alerts.
    changed = opens or firing != state.firing or ended != state.ended
    group = state
    if changed:
        update = {"firing": firing, "ended": ended, "open": state.open and not (empty and not state.flapping)}
        group = state.model_copy(update=update | ({"severity": worst} if worsens else {}))
    return Fold(
        group=group,
        changed=changed,
        new_alerts=new,
        opens=opens,
        joins=state.open and bool(new) and not empty,
        resolves=empty and not state.flapping,
        quiets=empty and state.flapping,
        worsened_to=worst if worsens else None,
        hold=_shortest(holds) if opens else None,
        ends_hold=state.open and SEVERITY_RANK[worst] >= PAGING_RANK,
        held_back=kept if held and SEVERITY_RANK[kept] > SEVERITY_RANK[state.severity] else None,
    )


def _worst(alerts: Sequence[NormalizedAlert]) -> SourceSeverity:
    return max((alert.severity for alert in alerts), key=SEVERITY_RANK.__getitem__, default="info")


def _shortest(holds: Sequence[Hold | None]) -> Hold | None:
    """Return the hold that ends first, or None if any alert is not held."""
    every = [hold for hold in holds if hold is not None]
    return min(every, key=lambda hold: hold.until) if every and len(every) == len(holds) else None


def open_incident(fold: Fold, now: datetime) -> tuple[GroupState, Incident]:
    """Return the group with its new incident's id, and the incident. A retry derives the same id."""
    group, alerts = fold.group, fold.new_alerts
    lead = max(alerts, key=lambda alert: (SEVERITY_RANK[alert.severity], -alert.timestamp.timestamp()))
    opened = [*(at for at in group.opened if now - at < FLAP_WINDOW), now]
    flapping = len(opened) > FLAP_OPENINGS
    incident = Incident(
        incident_id=_incident_id(lead, group.group_key, previous=group.incident_id),
        group_key=group.group_key,
        opened_at=now,
        alert=lead.without_raw(),
        alert_count=len(alerts),
        hosts=sorted({alert.host for alert in alerts if alert.host})[:HOSTS],
        storm=group.group_key == STORM_GROUP_KEY,
        flapping=flapping,
        opened_last_hour=len(opened),
        hold=fold.hold,
    )
    pointing = group.model_copy(
        update={
            "incident_id": incident.incident_id,
            "open": True,
            "pending": True,
            "flapping": flapping,
            "severity": lead.severity,
            "opened": opened[-OPENINGS:],
            "settled_at": None,
            "held_until": fold.hold.until if fold.hold else None,
        }
    )
    return pointing, incident


def storm_alert(first: NormalizedAlert, limit: str, now: datetime) -> NormalizedAlert:
    """Return the alert of a storm incident. It is never below `high`, because a storm needs a human."""
    return NormalizedAlert(
        source="firstline",
        alert_name="Alert storm",
        severity="critical" if first.severity == "critical" else "high",
        message=(
            f"More incidents began than {limit}. Alerts that would have opened one of their own are collected here "
            f"until all of them have resolved. The first was {first.alert_name} from {first.source}: {first.message}"
        )[:4_000],
        labels={FIRST_OF_STORM: first.alert_name},
        timestamp=now,
        raw_payload=None,
        status="firing",
        fingerprint=STORM_GROUP_KEY,
        group_key=STORM_GROUP_KEY,
        account=first.account,
        region=first.region,
        environment=first.environment,
    )


def _incident_id(lead: NormalizedAlert, group_key: str, *, previous: str | None) -> str:
    """Derive a readable id that is a valid execution name: alert, host or service, time of its begin, a short hash."""
    began = f"{lead.timestamp.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    digest = hashlib.sha256(f"{group_key}\n{lead.timestamp.isoformat()}\n{previous}".encode()).hexdigest()[:8]
    where = _slug(lead.host or lead.service or "", 20)
    return "-".join(part for part in (_slug(lead.alert_name, 32), where, began, digest) if part)


def _slug(text: str, length: int) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text)[:length].strip("-")
