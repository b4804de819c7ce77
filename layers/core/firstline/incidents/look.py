"""One look of reconcile at an open incident: what its execution missed, and when to look again. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.incidents.backoff import LONGEST, SHORTEST
from firstline.incidents.pages import is_over, next_due, on_hold
from firstline.incidents.what_now import stale_resolve
from firstline.models import IncidentRecord, Live

NEWS_AFTER = timedelta(seconds=30)
"""The time in which whoever changed an incident shows it to people."""


@dataclass
class Spare:
    """The number of incidents that a run may still read whole."""

    records: int


@dataclass
class Look:
    """One look at an open incident.

    Parameters
    ----------
    live
        The live half as it was last seen.
    record
        The whole incident, once it was read with this live half.
    until
        When the incident has to be looked at again.
    unfinished
        True if the run had read enough: the incident stays due.
    told
        True if its execution was just woken: it shows people what changed.
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
        """Return when somebody last changed the incident who shows it to people: what joins shows itself to nobody."""
        live = self.live
        known = (live.opened_at, live.last_paged_at, live.acked_at, live.resolved_at)
        return max(at for at in known if at is not None)

    def again(self, at: datetime, *, only: bool = False) -> None:
        """Ask to look again at a time; the earliest one counts, or this one `only`."""
        self.until = at if only or self.until is None else min(self.until, at)

    def take(self, live: Live) -> None:
        """Go on with the live half as it stands now."""
        self.live, self.record = live, None

    def may_read(self) -> bool:
        """Take one of the run's reads. Return False, and leave the incident due, if there is none left."""
        if self.spare.records <= 0:
            self.unfinished = True
            return False
        self.spare.records -= 1
        return True


def missed_signal(look: Look, record: Callable[[], IncidentRecord | None]) -> str | None:
    """Return what people did that the waiting execution was not told of, or None.

    What joined or ended is `lifecycle.tell`'s question.

    Parameters
    ----------
    record
        Reads the whole incident: only it shows an approval.
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
    """Return True if people were told of the incident, or wait to be, and it changed since."""
    told = live.shown > 0 or live.paged_seq > 0 or live.awaiting in ("acknowledgement", "resolution")
    return told and not is_over(live) and live.version > live.shown


def next_look(live: Live, now: datetime, page_after: timedelta) -> datetime:
    """Return when to look at an incident again that needs nothing now: in a minute while something is pending."""
    soon, late = now + SHORTEST, now + LONGEST
    if on_hold(live, now) or live.started < live.generation:
        return soon
    following = next_due(live)
    if following is None:
        return late
    if following.at is None:
        return soon if live.loud_since is not None else late
    return min(late, max(soon, following.at + page_after))
