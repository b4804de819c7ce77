"""The status of an incident in words: who has it, what it waits for and until when. Pure.

The console, the command line and messages all use these words.

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

from firstline.incidents.message_facts import answered, changed_nothing, end_of, ended_at, headline, severity
from firstline.incidents.pages import GROUPING_WINDOW, on_hold
from firstline.models import SEVERITY_RANK, IncidentRecord, Live, Severity
from firstline.text import local_time, one_line, short_duration

SHORT_ID_LENGTH = 8

type Timing = Literal["", "for", "ago", "open", "after"]
"""The form in which a time follows the words for who has an incident; empty for no time. Examples in this order: `ada
has it, for 10 min`, `paged 12 min ago`, `open for 5 min`, `Cleared by itself, after 4 min`."""

type Holder = Literal["nobody", "person", "firstline", "over"]
"""The party that deals with an incident. `nobody`: it needs a person, and nobody has taken it. `firstline`: Firstline
judges, holds or cures it, or waits after its last alert. `over`: it is closed."""


@dataclass(frozen=True)
class Status:
    """The status of an incident at one moment. Texts are empty, and `until` is None, if there is nothing to say.

    Parameters
    ----------
    title, service
        Cleaned and short, not yet escaped for HTML or a terminal.
    holder, owner
        The party that deals with the incident; the person's name if that is a person.
    words, timing
        The holder in words (`ada has it`), and the form of the time behind them (`for`: `ada has it, for 10 min`).
    since
        Since when the holder deals with the incident, or since when nobody does.
    waits_for
        The event that the incident waits for, in lower case and without a full stop.
    until, then
        When something is due if nothing else happens, and what that is: `the next page goes out`.
    remark
        A further sentence about how the incident ended, without a full stop.
    asks
        The title of the plan that waits for an approval, whoever has the incident.
    asked_at
        The moment of this status, up to which durations are counted.
    age
        The time from the incident's opening to `asked_at`, or to its end.
    pages
        How often people were paged for the incident.
    """

    incident_id: str
    title: str
    severity: Severity
    service: str
    holder: Holder
    owner: str | None
    words: str
    timing: Timing
    remark: str
    asks: str
    asked_at: datetime
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
        """The last characters of the incident's id, which people type instead of the whole id."""
        return self.incident_id[-SHORT_ID_LENGTH:]

    @property
    def unowned(self) -> bool:
        """True if the incident needs a person and nobody has it."""
        return self.holder == "nobody"

    @property
    def sort_key(self) -> tuple[int, int, datetime]:
        """The key that sorts incidents nobody has first, closed ones last; then worst first, then oldest first."""
        place = {"nobody": 0, "person": 1, "firstline": 1, "over": 2}[self.holder]
        return place, -SEVERITY_RANK[self.severity], self.opened_at

    @property
    def who(self) -> str:
        """The party that deals with the incident, in words with a duration up to now: `ada has it, for 10 min`."""
        lasted = short_duration(self.asked_at - self.since)
        match self.timing:
            case "for":
                return f"{self.words}, for {lasted}"
            case "ago":
                return f"{self.words} {lasted} ago"
            case "open":
                return f"{self.words}, open for {lasted}"
            case "after":
                return f"{self.words}, after {short_duration(self.age)}"
        return self.words

    @property
    def line(self) -> str:
        """The party that deals with the incident and what it waits for, short enough for one line of a list.

        A plan that waits for an approval is always named; other waits only if Firstline deals with the incident.
        """
        if self.asks:
            return f"{self.who}, waits for a yes to “{self.asks}”"
        return f"{self.who}, {self.waits_for}" if self.holder == "firstline" and self.waits_for else self.who

    def who_since(self, zone: tzinfo) -> str:
        """Say who deals with the incident, with a time of day: `ada has it since 03:14`.

        Messages use this form, because they are read later. A time since the opening is left out, as messages show it
        anyway.
        """
        at = local_time(self.since, zone, self.asked_at)
        match self.timing:
            case "for":
                return f"{self.words} since {at}"
            case "ago":
                return f"{self.words} at {at}"
            case "after":
                when = f"at {at}, after {short_duration(self.age)}"
                return f"{self.words}. That was {when}" if ":" in self.words else f"{self.words} {when}"
        return self.words

    def lasting_sentence(self, zone: tzinfo, aside: str = "") -> str:
        """Say who has the incident, what it waits for and until when, with times of day instead of durations.

        Parameters
        ----------
        aside
            Words to put behind the time: `, 2 min after the first page`.
        """
        return self._sentence(f"{self.who_since(zone)}{aside}", zone, self.asked_at)

    def sentence(self, zone: tzinfo, now: datetime) -> str:
        """Say who has the incident, what it waits for and until when, with durations up to now."""
        return self._sentence(self.who, zone, now)

    def _sentence(self, who: str, zone: tzinfo, now: datetime) -> str:
        parts = [f"It waits for {self.waits_for}"] if self.waits_for else []
        if self.until is not None and self.then:
            overdue = self.until <= now
            parts.append(f"{self.then} now" if overdue else f"at {local_time(self.until, zone, now)} {self.then}")
        second = "; ".join(parts)
        told = [who, f"{second[0].upper()}{second[1:]}" if second else "", self.remark]
        return " ".join(f"{part}." for part in told if part)


@dataclass(frozen=True)
class Filter:
    """The choice of incidents that a list shows; without arguments, all of them.

    Parameters
    ----------
    unowned
        True for only the incidents that need a person and that nobody has.
    at_least
        The lowest severity to show; None for every severity.
    service
        The whole name of a service, in any case of letters; empty for all.
    text
        A part of the title, the service, a host or the id, in any case of letters; empty for all.
    """

    unowned: bool = False
    at_least: Severity | None = None
    service: str = ""
    text: str = ""

    def takes(self, status: Status, record: IncidentRecord) -> bool:
        """Return True if the incident meets every condition of the filter."""
        if self.unowned and not status.unowned:
            return False
        if self.at_least is not None and SEVERITY_RANK[status.severity] < SEVERITY_RANK[self.at_least]:
            return False
        if self.service and status.service.casefold() != self.service.casefold():
            return False
        searched = " ".join((status.title, status.service, status.incident_id, *record.incident.hosts))
        return self.text.casefold() in searched.casefold()


def listing(records: Iterable[IncidentRecord], wanted: Filter, now: datetime) -> list[Status]:
    """Return the status of each incident that the filter takes, sorted by `Status.sort_key`."""
    known = ((status_of(record, now), record) for record in records)
    return sorted((status for status, record in known if wanted.takes(status, record)), key=lambda s: s.sort_key)


def status_of(record: IncidentRecord, now: datetime, *, told: bool = False) -> Status:
    """Return the status of an incident at a time.

    Parameters
    ----------
    told
        True if a message to people goes out at this moment: then the incident is with people, not with Firstline.
    """
    stands = _stands(record, now, told=told)
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
        words=stands.words,
        timing=stands.timing,
        remark=stands.remark,
        asks=_asks(record),
        asked_at=now,
        since=stands.since,
        waits_for=stands.waits_for,
        until=stands.until,
        then=stands.then,
    )


@dataclass(frozen=True)
class _Stands:
    """The fields of a status that depend on who deals with the incident; `Status` explains them."""

    holder: Holder
    words: str
    since: datetime
    waits_for: str = ""
    until: datetime | None = None
    then: str = ""
    owner: str | None = None
    timing: Timing = ""
    remark: str = ""


def _stands(record: IncidentRecord, now: datetime, *, told: bool) -> _Stands:
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
        return _paged(record, live)
    return (None if told else _with_firstline(record, now)) or _told(record)


def _over(record: IncidentRecord, now: datetime) -> _Stands:
    words, remark = end_of(record), ""
    if changed_nothing(record):
        remark = "The runbook changed nothing"
    elif record.acknowledged_by and not record.resolved_by:
        remark = f"{_name(record.acknowledged_by)} had it"
    if record.outcome == "no_data":
        words, remark = words.removesuffix(", please look"), "Nobody saw it recover, so please look"
    return _Stands("over", words, ended_at(record, now), timing="after", remark=remark)


def _with_a_person(record: IncidentRecord, now: datetime) -> _Stands:
    live = record.live
    owner = _name((live.acked_by if live else None) or record.acknowledged_by)
    since = (live.acked_at if live else None) or record.acknowledged_at or now
    who = f"{owner} has it"
    if live is not None and live.firing <= 0 and live.lost_loud <= 0:
        quiet = _quiet(live, "person", who)
        return _Stands("person", who, since, quiet.waits_for, quiet.until, quiet.then, owner, "for")
    asks = _asks(record)
    ends = (
        f"its alerts to end, for Resolve, or for an approval of “{asks}”"
        if asks
        else "its alerts to end, or for Resolve"
    )
    waits_for = _remediation(record) or ends
    return _Stands("person", who, since, waits_for, owner=owner, timing="for")


def _quiet(live: Live, holder: Holder, who: str) -> _Stands:
    since = live.last_end_at or live.last_alert_at
    if live.flapping:  # its window is the stack owner's, which the record does not know
        return _Stands(holder, who, since, "a quiet time, because it comes and goes")
    return _Stands(
        holder, who, since, f"{short_duration(GROUPING_WINDOW)} of quiet", since + GROUPING_WINDOW, "it is closed"
    )


def _paged(record: IncidentRecord, live: Live) -> _Stands:
    since = live.paged_at or record.paged_at
    waits_for = "an acknowledgement"
    if asks := _asks(record):
        waits_for += f", or for an approval of “{asks}”"
    elif running := _remediation(record):
        waits_for += f"; {running}"
    if since is None or not live.page_done:
        return _Stands("nobody", "Nobody has it, the first page is going out", live.opened_at, waits_for)
    times = _times_paged(record)
    who = f"Nobody has it, paged{f' {times}×, first' if times > 1 else ''}"
    due = live.page_again_at if live.paged_seq > live.voided_seq else None
    return _Stands("nobody", who, since, waits_for, due, "the next page goes out", timing="ago")


def _with_firstline(record: IncidentRecord, now: datetime) -> _Stands | None:
    """Return the status of an incident that Firstline deals with; None if the incident was handed to people."""
    live, verdict = record.live, record.classification
    opened = record.incident.opened_at
    hold = (verdict.hold if verdict else None) or record.incident.hold
    if live is not None and on_hold(live, now):
        why = f": {one_line(hold.reason, 120).rstrip('.')}" if hold else ""
        until = min(filter(None, (live.held_until, hold.until if hold else None)), default=None)
        return _Stands("firstline", f"Held{why}", opened, "the end of that", until, "it is judged again")
    if verdict is None:
        return _Stands("firstline", "Firstline judges it", opened, "a verdict")
    if live is not None and live.awaiting in ("acknowledgement", "resolution"):
        return None
    if running := _remediation(record):
        return _Stands("firstline", "Firstline deals with it", opened, running)
    if live is not None and not live.shown and not record.slack_ts and SEVERITY_RANK[verdict.severity]:
        return _Stands("firstline", "Firstline is about to tell people", opened)
    return None


def _told(record: IncidentRecord) -> _Stands:
    """Return the status of an incident of which people were told without a page, and that nobody has taken."""
    since = record.incident.opened_at
    who = "Nobody has it, nobody was paged"
    if asks := _asks(record):
        return _Stands("nobody", who, since, f"an approval of “{asks}”", timing="open")
    return _Stands("nobody", who, since, "somebody to take it", timing="open")


def _asks(record: IncidentRecord) -> str:
    """Return the title of the plan that waits for an approval; empty if no plan waits, or no alert fires any more."""
    over = record.live is not None and record.live.firing <= 0 and record.live.lost_loud <= 0
    return one_line(record.plan.title, 80) if record.plan and record.waits_for_approval and not over else ""


def _remediation(record: IncidentRecord) -> str:
    """Return `the runbook “<title>”` if a runbook runs now; else empty."""
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
