"""The status of an incident in words: who has it, what it waits for and until when. Pure.

The console, the command line and messages all say it with these words.

Example
-------
>>> status = status_of(record, now)
>>> status.who
'Nobody has it, paged 2×, first 12 min ago'
>>> status.sentence(zone, now)
'Nobody has it, paged 2×, first 12 min ago. It waits for an acknowledgement; at 03:27 the next page goes out.'
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Literal

from firstline.channels.summary import ENDS, answered, headline, severity
from firstline.incidents.pages import on_hold
from firstline.incidents.what_now import GROUPING_WINDOW
from firstline.models import SEVERITY_RANK, IncidentRecord, Live, Severity
from firstline.people.endings import ended_at
from firstline.text import local_time, one_line, short_duration

SHORT_ID_LENGTH = 8

type Holder = Literal["nobody", "person", "firstline", "over"]
"""Who deals with an incident. `nobody`: a person is needed and none has it. `firstline`: it is judged, held, cured by a
runbook, or watched after its end. `over`: it is closed."""


@dataclass(frozen=True)
class Status:
    """The standing of an incident at one moment.

    Parameters
    ----------
    title, service
        Cleaned and short, not yet escaped for HTML or a terminal.
    holder, owner
        Who deals with it; the person's name if it is a person.
    who
        That in words, with since when: `ada has it, for 10 min`.
    since
        Since when the holder deals with it, or since when nobody does.
    waits_for
        What it waits for in words, lower case, without a full stop; empty if for nothing.
    until, then
        When something happens if nothing else does, and what that is in words. None and empty if nothing is due.
    age
        From its first alert to now, or to its end.
    pages
        How often people were paged for it.
    """

    incident_id: str
    title: str
    severity: Severity
    service: str
    holder: Holder
    owner: str | None
    who: str
    since: datetime
    waits_for: str
    until: datetime | None
    then: str
    opened_at: datetime
    age: timedelta
    alerts: int
    firing: int
    pages: int

    @property
    def short_id(self) -> str:
        """Return the end of the id, which people type."""
        return self.incident_id[-SHORT_ID_LENGTH:]

    @property
    def unowned(self) -> bool:
        """Return True if the incident needs a person and nobody has it."""
        return self.holder == "nobody"

    @property
    def sort_key(self) -> tuple[int, int, datetime]:
        """Sort what nobody has first, then the worse, then the older; closed incidents come last."""
        place = {"nobody": 0, "person": 1, "firstline": 1, "over": 2}[self.holder]
        return place, -SEVERITY_RANK[self.severity], self.opened_at

    def sentence(self, zone: tzinfo, now: datetime) -> str:
        """Write who has it, what it waits for and until when."""
        parts = [f"It waits for {self.waits_for}"] if self.waits_for else []
        if self.until is not None and self.then:
            overdue = self.until <= now
            parts.append(f"{self.then} now" if overdue else f"at {local_time(self.until, zone, now)} {self.then}")
        second = "; ".join(parts)
        return f"{self.who}. {second[0].upper()}{second[1:]}." if second else f"{self.who}."


@dataclass(frozen=True)
class Filter:
    """The choice of incidents that a list shows.

    Parameters
    ----------
    at_least
        The lowest severity; None for every one.
    service
        The exact name of a service, whatever its case; empty for all.
    text
        A text that the title, the service, a host or the id contains, whatever its case; empty for all.
    """

    unowned: bool = False
    at_least: Severity | None = None
    service: str = ""
    text: str = ""

    def takes(self, status: Status, record: IncidentRecord) -> bool:
        """Return True if the list shows this incident."""
        if self.unowned and not status.unowned:
            return False
        if self.at_least is not None and SEVERITY_RANK[status.severity] < SEVERITY_RANK[self.at_least]:
            return False
        if self.service and status.service.casefold() != self.service.casefold():
            return False
        searched = " ".join((status.title, status.service, status.incident_id, *record.incident.hosts))
        return self.text.casefold() in searched.casefold()


def listing(records: Iterable[IncidentRecord], wanted: Filter, now: datetime) -> list[Status]:
    """Return the status of each incident that is wanted: what nobody has first, then by severity, then by age."""
    known = ((status_of(record, now), record) for record in records)
    return sorted((status for status, record in known if wanted.takes(status, record)), key=lambda s: s.sort_key)


def status_of(record: IncidentRecord, now: datetime) -> Status:
    """Say how an incident stands at a time."""
    stands = _stands(record, now)
    incident, live = record.incident, record.live
    end = ended_at(record, now) if record.status == "CLOSED" else now
    return Status(
        incident_id=incident.incident_id,
        title=headline(record),
        severity=severity(record),
        service=one_line(incident.alert.service or "", 80),
        opened_at=incident.opened_at,
        age=max(end - incident.opened_at, timedelta(0)),
        alerts=record.alert_count,
        firing=live.firing if live else record.alert_count,
        pages=_times_paged(record),
        holder=stands.holder,
        owner=stands.owner,
        who=stands.who,
        since=stands.since,
        waits_for=stands.waits_for,
        until=stands.until,
        then=stands.then,
    )


@dataclass(frozen=True)
class _Stands:
    """The part of a status that depends on where the incident stands."""

    holder: Holder
    who: str
    since: datetime
    waits_for: str = ""
    until: datetime | None = None
    then: str = ""
    owner: str | None = None


def _stands(record: IncidentRecord, now: datetime) -> _Stands:
    live = record.live
    if record.status == "CLOSED":
        return _over(record, now)
    if live is not None and live.resolved_by is not None:
        by = _name(live.resolved_by)
        return _Stands("person", f"{by} resolved it", live.resolved_at or now, "Firstline to close it", owner=by)
    if answered(record):
        return _with_a_person(record, now)
    if live is not None and live.firing <= 0 and live.lost_loud <= 0:
        return _quiet(live, "firstline", "Nothing fires any more")
    if live is not None and live.paged_seq > 0:
        return _paged(record, live, now)
    return _with_firstline(record, now) or _told(record, now)


def _over(record: IncidentRecord, now: datetime) -> _Stands:
    by_hand = f"Resolved by {_name(record.resolved_by)}" if record.resolved_by else "Resolved"
    end = ENDS.get(record.outcome or "resolved", by_hand)
    closed = ended_at(record, now)
    return _Stands("over", f"{end}, after {short_duration(closed - record.incident.opened_at)}", closed)


def _with_a_person(record: IncidentRecord, now: datetime) -> _Stands:
    live = record.live
    owner = _name((live.acked_by if live else None) or record.acknowledged_by)
    since = (live.acked_at if live else None) or record.acknowledged_at or now
    who = f"{owner} has it, for {short_duration(now - since)}"
    if live is not None and live.firing <= 0 and live.lost_loud <= 0:
        quiet = _quiet(live, "person", who)
        return _Stands("person", who, since, quiet.waits_for, quiet.until, quiet.then, owner)
    return _Stands("person", who, since, _remediation(record) or "its alerts to end, or for Resolve", owner=owner)


def _quiet(live: Live, holder: Holder, who: str) -> _Stands:
    since = live.last_end_at or live.last_alert_at
    if live.flapping:  # its window is the stack owner's, which the record does not know
        return _Stands(holder, who, since, "a quiet time, because it comes and goes")
    return _Stands(
        holder, who, since, f"{short_duration(GROUPING_WINDOW)} of quiet", since + GROUPING_WINDOW, "it is closed"
    )


def _paged(record: IncidentRecord, live: Live, now: datetime) -> _Stands:
    since = live.paged_at or record.paged_at
    waits_for = "an acknowledgement"
    if record.waits_for_approval and record.plan:
        waits_for += f", or for an approval of “{one_line(record.plan.title, 80)}”"
    elif running := _remediation(record):
        waits_for += f"; {running}"
    if since is None or not live.page_done:
        return _Stands("nobody", "Nobody has it, the first page is going out", live.opened_at, waits_for)
    times = _times_paged(record)
    who = f"Nobody has it, paged {f'{times}×, first ' if times > 1 else ''}{short_duration(now - since)} ago"
    due = live.page_again_at if live.paged_seq > live.voided_seq else None
    return _Stands("nobody", who, since, waits_for, due, "the next page goes out")


def _with_firstline(record: IncidentRecord, now: datetime) -> _Stands | None:
    """Say what Firstline does by itself; None if the incident was handed to people."""
    live, verdict = record.live, record.classification
    opened = record.incident.opened_at
    hold = (verdict.hold if verdict else None) or record.incident.hold
    if live is not None and on_hold(live, now):
        why = f": {one_line(hold.reason, 120).rstrip('.')}" if hold else ""
        return _Stands("firstline", f"Held{why}", opened, "the end of that", live.held_until, "it is judged again")
    if verdict is None:
        return _Stands("firstline", "Firstline judges it", opened, "a verdict")
    if live is not None and live.awaiting in ("acknowledgement", "resolution"):
        return None
    if running := _remediation(record):
        return _Stands("firstline", "Firstline deals with it", opened, running)
    if live is not None and not live.shown and not record.slack_ts and SEVERITY_RANK[verdict.severity]:
        return _Stands("firstline", "Firstline is about to tell people", opened)
    return None


def _told(record: IncidentRecord, now: datetime) -> _Stands:
    """Say that people were told of it and nobody has taken it."""
    since = record.incident.opened_at
    who = f"Nobody has it, nobody was paged, open for {short_duration(now - since)}"
    if record.waits_for_approval and record.plan:
        return _Stands("nobody", who, since, f"an approval of “{one_line(record.plan.title, 80)}”")
    return _Stands("nobody", who, since, "somebody to take it")


def _remediation(record: IncidentRecord) -> str:
    """Say which runbook acts and has not ended; empty if none does."""
    plan, live = record.plan, record.live
    allowed = plan is not None and (plan.decision == "auto" or record.decision == "approved")
    if plan is None or live is None or not allowed or live.verified_at is not None:
        return ""
    if live.awaiting in ("acknowledgement", "resolution"):  # it has ended, or has not begun
        return ""
    return f"the runbook “{one_line(plan.title, 80)}”"


def _times_paged(record: IncidentRecord) -> int:
    live = record.live
    return max(live.page_done if live else 0, len(record.pages), int(record.paged_at is not None))


def _name(who: str | None) -> str:
    return one_line(who or "somebody", 80)
