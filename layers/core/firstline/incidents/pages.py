"""The rules of paging: whether a page is due, and of which level. Pure; used by the escalate function and reconcile."""

from datetime import datetime, timedelta
from math import ceil
from typing import Literal, NamedTuple

from firstline.models import PAGING_RANK, Live, Loud
from firstline.models.live import loudest_since

GROUPING_WINDOW = timedelta(minutes=5)
"""The time for which an incident stays open after its last alert ended, so that a returning alert joins it again."""

LOUDER_WITHIN = timedelta(minutes=1)
"""The longest time that a running remediation may delay the page for a worse alert that joined after the verdict."""

STORM_PAGES_EVERY = timedelta(minutes=5)
"""The shortest time between two pages for further critical alerts of the same storm."""

ESCALATE_EVERY = timedelta(minutes=1)
"""The shortest time between two escalations of an incident by people, so that two who press at once page one level."""

LEASE = timedelta(seconds=60)
"""The time for which the claim of a page is valid: longer than any function runs."""

WITHOUT_DATA = "No data any more: nobody saw it recover, so please look."
"""The reason of a page for an alert that ended without data."""

type Due = Literal["first", "worse", "more", "again", "resume"]
"""The reason why a page is due. `first`: nobody was paged yet. `worse`: an alert joined that is worse than the last
page or acknowledgement covers. `more`: further critical alerts joined a storm. `again`: nobody answered in time.
`resume`: a claimed page never went out."""


class NextDue(NamedTuple):
    """The next page if nothing else happens: why it is due (`due`), and from when on (`at`; None for at once)."""

    due: Due
    at: datetime | None


def next_due(live: Live) -> NextDue | None:
    """Return the page that is due next for an incident that needs a person; None if it is over or answered.

    An acknowledgement answers the pages before it, up to the worst severity that it covered. A loud alert (high or
    critical, not held) that ended without data is paged like one that fires, because nobody saw it recover.
    """
    if not live.open or (live.firing <= 0 and live.lost_loud <= 0):
        return None
    if live.page_done < live.paged_seq and not live.answered:
        # Until its lease is over, it is going out. A void one has to be followed by a page with a new number.
        return NextDue("resume" if live.paged_seq > live.voided_seq else "again", live.page_lease)
    known = max(live.paged_rank, live.acked_rank)
    if (live.paged_seq or live.acked_at) and loudest_since(live, live.paged_loud) > known:
        return NextDue("worse", None)
    more = _more_criticals(live)
    if live.answered:
        return more
    if live.paged_seq == 0:
        return NextDue("first", None)
    again = NextDue("again", None if live.paged_seq <= live.voided_seq else live.page_again_at)
    if more is None or again.at is None:
        return again
    return more if more.at is None or more.at < again.at else again


def page_due(live: Live, now: datetime) -> Due | None:
    """Return why a page is due now (`first`, `worse`, …) for an incident that needs a person; None if none is due."""
    following = next_due(live)
    return following.due if following and (following.at is None or now >= following.at) else None


def next_page(live: Live, due: Due, levels: int) -> tuple[int, int, int]:
    """Return the number, the level and the round of the page that is due, for a paging policy with `levels` levels.

    The round counts from 0 how often all levels were gone through before.
    """
    if due == "resume":
        return live.paged_seq, min(live.page_level, levels - 1), live.page_round
    if due != "again" or live.paged_seq <= live.voided_seq:
        return live.paged_seq + 1, 0, 0
    if live.page_level + 1 < levels:
        return live.paged_seq + 1, live.page_level + 1, live.page_round
    return live.paged_seq + 1, 0, live.page_round + 1


def seconds_until_due(live: Live, now: datetime) -> int:
    """Return the seconds until the next page is due; 1 if one is due now, or if none will be due."""
    following = next_due(live)
    left = following.at - now if following and following.at else timedelta(0)
    return max(1, ceil(left.total_seconds()))


def page_overdue(live: Live, now: datetime, page_after: timedelta) -> bool:
    """Return True if reconcile has to page, because a page has been due for `page_after` and the execution sent none.

    For the first page after a verified cure, this time counts from the verification. If an alert joined that is worse
    than all that people know of, it is at most 1 minute (`page_within`).
    """
    overdue_at = page_overdue_at(live, page_after)
    return overdue_at is not None and now >= overdue_at and not on_hold(live, now)


def page_overdue_at(live: Live, page_after: timedelta) -> datetime | None:
    """Return when the page that is due next becomes overdue (`page_overdue`) if nothing else happens.

    None if none will be due, and for the first page of an incident below paging severity, which is not paged. A hold on
    the incident is left out of account. `page_after` is the longest time that a due page may wait for the execution.
    """
    following = next_due(live)
    if following is None:
        return None
    due, since = following.due, _due_since(live, following.due)
    if since is None:
        return None
    if due == "first" and live.verified_at is not None:
        since = max(since, live.verified_at)
    overdue_at = since + page_within(live, page_after)
    return overdue_at if following.at is None else max(overdue_at, following.at)


def _due_since(live: Live, due: Due) -> datetime | None:
    """Return since when a page that is due for the reason `due` has been due; None if reconcile does not send it."""
    if due == "resume":
        # A claimed page that never went out must not delay the page any longer.
        return min(
            (at for at in (live.loud_since, live.page_again_at, live.page_lease) if at is not None), default=None
        )
    if due == "again" and live.paged_seq > live.voided_seq:
        return live.page_again_at
    if due == "again" or live.rank >= PAGING_RANK:
        claimed = live.page_lease if live.page_done < live.paged_seq else None
        return live.loud_since or claimed or live.last_alert_at
    return None


def page_within(live: Live, page_after: timedelta) -> timedelta:
    """Return the longest time that a due page may wait for the execution, before reconcile sends it.

    It is `page_after`, but at most 1 minute if an alert joined that is worse than verdict, pages and acknowledgement.
    """
    return min(page_after, LOUDER_WITHIN) if live.decided is not None and has_louder(live) else page_after


def has_louder(live: Live) -> bool:
    """Return True if a loud alert (high or critical, not held) joined that is worse than all that people know of.

    People know of what the verdict, the pages and the acknowledgement cover. In a storm, a critical alert that joined
    after the last verdict and the last page is enough, even if it is not worse.
    """
    paged, judged = live.paged_loud, live.judged_loud
    if live.is_storm and live.loud.critical > max(paged.critical, judged.critical):
        return True
    known = Loud(high=max(paged.high, judged.high), critical=max(paged.critical, judged.critical))
    return loudest_since(live, known) > max(live.paged_rank, live.acked_rank, live.decided or 0)


def escalated_already(live: Live, now: datetime) -> bool:
    """Return True if a person escalated the incident within the last minute, or earlier and without an effect so far.

    An escalation has an effect once a page or an acknowledgement follows it.
    """
    at = live.escalated_at
    if at is None:
        return False
    paged_since = live.last_paged_at is not None and live.last_paged_at >= at
    return now - at < ESCALATE_EVERY or not (paged_since or live.answered)


def may_escalate(live: Live, now: datetime, seen: int | None) -> bool:
    """Return True if a person may ask for the next page now.

    Nobody may while the execution does not wait for people, while a page is going out, if somebody escalated the
    incident already, or if people were paged since the person saw the page number `seen` (None: unknown).
    """
    waits = live.awaiting in ("acknowledgement", "resolution") and live.page_done >= live.paged_seq
    return waits and not escalated_already(live, now) and (seen is None or seen >= live.paged_seq)


def is_over(live: Live) -> bool:
    """Return True if no alert of the incident fires, and no person must look at an alert that ended without data."""
    needs_a_person = live.rank >= PAGING_RANK or live.paged_seq > 0
    return live.firing <= 0 and not (needs_a_person and next_due(live) is not None)


def on_hold(live: Live, now: datetime) -> bool:
    """Return True while the incident's hold lasts."""
    return live.held_until is not None and now < live.held_until and live.hold_ended_at is None


def _more_criticals(live: Live) -> NextDue | None:
    """Return the page for critical alerts that joined a storm after its last page, or None if there are none."""
    if not live.is_storm or not live.paged_seq or live.loud.critical <= live.paged_loud.critical:
        return None
    return NextDue("more", live.last_paged_at + STORM_PAGES_EVERY if live.last_paged_at else None)
