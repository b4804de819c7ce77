"""The first words of a page: why the person is woken now. Pure."""

from datetime import datetime, timedelta

from firstline.incidents.pages import WITHOUT_DATA, Due
from firstline.incidents.reasons import ESCALATED
from firstline.models import PAGING_RANK, SEVERITY_RANK, IncidentRecord, Live, StoredAlert
from firstline.models.live import loudest_since
from firstline.models.severity import severity_of
from firstline.people.members import joined_since, names
from firstline.text import count, in_words


def page_reason(due: Due, record: IncidentRecord, alerts: list[StoredAlert], reason: str, now: datetime) -> str:
    """Return the words that say why a page goes out, at most 4,000 characters.

    Parameters
    ----------
    due
        Why a page is due, such as `first` or `again`.
    alerts
        The incident's alerts, worst first, as far as they are known.
    reason
        The reason that the state machine gives, or reconcile (the periodic repair).
    """
    if reason.startswith(ESCALATED):
        return reason
    live = record.live
    first = _first_words(due, record, live, alerts, now) if live is not None else ""
    known = record.classification is not None and reason == record.classification.summary
    known = known or reason == first
    return " ".join(part for part in (first, "" if first and known else reason) if part)[:4_000]


def _first_words(due: Due, record: IncidentRecord, live: Live, alerts: list[StoredAlert], now: datetime) -> str:
    if live.firing <= 0:
        return WITHOUT_DATA
    told_at = max((at for at in (live.last_paged_at, live.acked_at) if at is not None), default=None)
    match due:
        case "first" if live.shown > 0 and (louder := _new(alerts, live.opened_at, PAGING_RANK)):
            return f"It got worse: {louder} joined."
        case "worse":
            loudest = severity_of(loudest_since(live, live.paged_loud))
            return f"It got worse: {_new(alerts, told_at, PAGING_RANK) or f'an alert of severity {loudest}'} joined."
        case "more":
            critical = count(live.loud.critical - live.paged_loud.critical, "more critical alert")
            named = _new(alerts, told_at, SEVERITY_RANK["critical"])
            return f"{critical} joined the storm{f': {named}' if named else ''}."
        case "again" if live.paged_seq <= live.voided_seq:
            if _stopped(live):
                return "It had ended, and fires again."
            return (
                f"It was resolved, but {_new(alerts, live.last_paged_at, 0) or 'another alert'} joined before its end."
            )
        case "again" | "resume" if since := _unanswered_since(record, live):
            return f"Nobody has answered for {_minutes(now - since)}."
    return "The check on the host passed, but the alert still fires." if live.verified_at is not None else ""


def _stopped(live: Live) -> bool:
    """Return True if an alert ended after the newest page; without a page, if any alert ended."""
    return live.last_end_at is not None and (live.last_paged_at is None or live.last_end_at >= live.last_paged_at)


def _new(alerts: list[StoredAlert], since: datetime | None, rank: int) -> str:
    """Return the names of firing alerts of at least `rank`, received after `since` (None: at any time) and not held."""
    return names([alert for alert in joined_since(alerts, since) if alert.rank >= rank and not alert.held])


def _unanswered_since(record: IncidentRecord, live: Live) -> datetime | None:
    """Return the time of the oldest page that still waits for an acknowledgement, or None if no page does."""
    waiting = [page for page in record.sent_pages if page.seq > max(live.acked_seq, live.voided_seq)]
    return min((page.at for page in waiting if page.at is not None), default=None)


def _minutes(duration: timedelta) -> str:
    return in_words(timedelta(minutes=max(1, round(duration.total_seconds() / 60))))
