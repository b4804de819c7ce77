"""Pages: whether one is due, and which one. Pure; the escalate function and reconcile page through the same rules."""

from datetime import datetime, timedelta
from typing import Literal

from firstline.models import PAGING_RANK, Live
from firstline.models.live import loudest_since

STORM_PAGES_EVERY = timedelta(minutes=5)
"""A storm whose page is answered is paged again for further criticals, but not more often than this."""

LEASE = timedelta(seconds=60)
"""How long a claimed page may take to go out. Longer than any function runs."""

type Due = Literal["first", "worse", "more", "again", "resume"]
"""The reason why a page is due: nobody was paged yet; something worse joined than the last page or acknowledgement
knew; more criticals joined a storm; nobody answered in time; a claimed page never went out."""


def page_due(live: Live, now: datetime) -> Due | None:
    """Return why a page is due for an incident that needs a person, or None if none is due now.

    An acknowledgement answers the pages before it, up to the severity that it knew of.
    """
    if not live.open or live.firing <= 0:
        return None
    if live.page_done < live.paged_seq and (live.page_lease is None or now >= live.page_lease):
        return "resume"
    if live.page_done < live.paged_seq:
        return None  # it is going out now
    covered = max(live.paged_rank, live.acked_rank)
    if loudest_since(live, live.paged_loud) > covered and (live.paged_seq or live.acked_at):
        return "worse"
    if live.is_storm and live.loud.critical > live.paged_loud.critical and live.paged_seq:
        return "more" if live.last_paged_at is None or now - live.last_paged_at >= STORM_PAGES_EVERY else None
    if live.answered:
        return None
    if live.paged_seq == 0:
        return "first"
    rings = live.paged_seq > live.voided_seq and live.page_again_at is not None and now < live.page_again_at
    return None if rings else "again"


def next_page(live: Live, due: Due, levels: int) -> tuple[int, int, int]:
    """Return the number, the level and the round of the page that is due, for a policy of so many levels."""
    if due == "resume":
        return live.paged_seq, min(live.page_level, levels - 1), live.page_round
    if due != "again" or live.paged_seq <= live.voided_seq:
        return live.paged_seq + 1, 0, 0
    if live.page_level + 1 < levels:
        return live.paged_seq + 1, live.page_level + 1, live.page_round
    return live.paged_seq + 1, 0, live.page_round + 1


def seconds_until_due(live: Live, now: datetime) -> int:
    """Return for how many seconds the newest page still rings; at least one."""
    until = live.page_lease if live.page_done < live.paged_seq else live.page_again_at
    return max(1, int((until - now).total_seconds()) + 1) if until is not None else 1


def page_overdue(live: Live, now: datetime, page_after: timedelta) -> bool:
    """Return True if reconcile has to page, because the execution has not.

    Nobody was paged for an alert of paging severity within the time, or the next level has been due for that long.
    """
    due = page_due(live, now)
    if due is None or on_hold(live, now):
        return False
    if due in ("first", "worse", "more"):
        return live.rank >= PAGING_RANK and live.loud_since is not None and now - live.loud_since >= page_after
    since = live.page_lease if due == "resume" else live.page_again_at
    return since is not None and now - since >= page_after


def on_hold(live: Live, now: datetime) -> bool:
    """Return True while the incident's hold lasts."""
    return live.held_until is not None and now < live.held_until and live.hold_ended_at is None
