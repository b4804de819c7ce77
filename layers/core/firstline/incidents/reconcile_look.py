"""A look of reconcile at an open incident: the signals that its execution missed, and when to look again. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.incidents.backoff import LONGEST, SHORTEST
from firstline.incidents.pages import is_over, next_due, on_hold, page_overdue_at
from firstline.incidents.what_now import stale_resolve
from firstline.models import IncidentRecord, Live

NEWS_AFTER = timedelta(seconds=30)
"""The time that the maker of a change has to show it to people, before reconcile does."""


@dataclass
class Spare:
    """The number of whole incident records that one run of reconcile may still read."""

    records: int


@dataclass
class Look:
    """One look of reconcile at an open incident.

    Parameters
    ----------
    live
        The incident's `Live` item as it was read last.
    spare
        The number of whole incidents that the run may still read.
    record
        The whole incident; None until it was read after `live`.
    until
        When the incident has to be looked at again; None if no step asked for that.
    unfinished
        True if a step could not be done because the run had no reads left: the incident stays due.
    told
        True if this look woke the execution, which then shows the change to people.
    """

    live: Live
    now: datetime
    spare: Spare
    record: IncidentRecord | None = None
    until: datetime | None = None
    unfinished: bool = False
    told: bool = False

    @property
    def incident_id(self) -> str:
        """The incident's id."""
        return self.live.incident_id

    @property
    def last_change(self) -> datetime:
        """The time of the newest opening, page, acknowledgement or Resolve.

        Whoever makes such a change also shows it to people a moment later.
        """
        live = self.live
        known = (live.opened_at, live.last_paged_at, live.acked_at, live.resolved_at)
        return max(at for at in known if at is not None)

    def again(self, at: datetime, *, only: bool = False) -> None:
        """Ask for another look at the incident at `at`. The earliest such time counts.

        With `only`, `at` replaces any time that was asked for before.
        """
        self.until = at if only or self.until is None else min(self.until, at)

    def take(self, live: Live) -> None:
        """Replace `live` by a newer one, and forget the record that was read with the old one."""
        self.live, self.record = live, None

    def may_read(self) -> bool:
        """Use up one of the whole incidents that this run of reconcile may read.

        Return False, and mark the look as unfinished, if none is left.
        """
        if self.spare.records <= 0:
            self.unfinished = True
            return False
        self.spare.records -= 1
        return True


def missed_signal(look: Look, record: Callable[[], IncidentRecord | None]) -> str | None:
    """Return the signal that the waiting execution has missed: a person's action or the end of its hold; else None.

    Alerts that joined or ended are not looked at here but in `lifecycle.tell`.

    Parameters
    ----------
    record
        Reads the whole incident, which is needed only to see an approval.
    """
    live = look.live
    if live.resolved_by is not None and not stale_resolve(live):
        return "resolved"
    match live.awaiting:
        case "hold" if not on_hold(live, look.now):
            return "go on"
        case "acknowledgement" if live.answered:
            return "acknowledged"
        case "acknowledgement" | "resolution" if live.acked_at is not None and live.acted_at is None:
            # An approval is also an acknowledgement.
            known = record()
            return "approved" if known is not None and _approved(known) else None
    return None


def _approved(record: IncidentRecord) -> bool:
    return record.decision == "approved" and record.plan is not None and record.plan_digest == record.plan.digest()


def out_of_date(live: Live) -> bool:
    """Return True if an incident that people were told of, or must be, has changed since its newest message to them.

    False once the incident is over.
    """
    told = live.shown > 0 or live.paged_seq > 0 or live.awaiting in ("acknowledgement", "resolution")
    return told and not is_over(live) and live.version > live.shown


def next_look(live: Live, now: datetime, page_after: timedelta) -> datetime:
    """Return when reconcile looks again at an incident that needs nothing now: in 1 to 10 minutes.

    In 1 minute if the incident is held, if its execution has not started yet, or if a page is due now that reconcile
    sends once it is overdue (`page_overdue`). Else, within these limits, when the next page becomes overdue; in 10
    minutes if none will. `page_after` is the longest time that a due page may wait before reconcile sends it. A page
    that was overdue when it was claimed has probably gone out, and only its record failed: it gets `page_after` from
    the end of its claim.
    """
    soon, late = now + SHORTEST, now + LONGEST
    if on_hold(live, now) or live.started < live.generation:
        return soon
    following, overdue_at = next_due(live), page_overdue_at(live, page_after)
    if following is None or overdue_at is None:
        return late
    if following.at is None:
        return soon
    if live.page_done < live.paged_seq and overdue_at == live.page_lease:
        overdue_at += page_after
    return min(late, max(soon, overdue_at))
