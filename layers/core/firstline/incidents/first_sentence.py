"""The first sentence of a message: who has the incident, what it waits for, and until when. Pure.

A message is read later than it is written, so the sentence names times of day instead of growing durations.
"""

from datetime import datetime, timedelta, tzinfo

from firstline.incidents.message_facts import ENDS, answered, message_kind
from firstline.incidents.status import status_of
from firstline.models import IncidentRecord, Notification, NotificationKind
from firstline.text import local_time, one_line, short_duration

MOST_PAGES_NAMED = 3


def kind_of_message(notification: Notification) -> NotificationKind:
    """Return the kind by which a message is rendered: its own or, for `changed`, the one that fits the incident now."""
    return message_kind(notification.record) if notification.kind == "changed" else notification.kind


def sentence_of(notification: Notification, zone: tzinfo) -> str:
    """Say who has the incident, what it waits for and until when, at the time of this message."""
    record, at = notification.record, notification.at
    match notification.kind:
        case "suppressed":
            return f"{ENDS['suppressed']}."
        case "paged":
            return _paging(record, at, zone)
        case "remediating":
            return _remediating(record, at, zone)
        case "closed":
            record = record.model_copy(update={"status": "CLOSED", "closed_at": record.closed_at or at})
            return status_of(record, at).lasting_sentence(zone)
    told = kind_of_message(notification) in ("approval", "needs_human")
    return status_of(record, at, told=told).lasting_sentence(zone, _took(record))


def _paging(record: IncidentRecord, at: datetime, zone: tzinfo) -> str:
    """Say to whom the pages went and when, the newest last, and when the next page goes out.

    The newest page goes out with this message, and gets the message's time (`at`).
    """
    whom = [f"{one_line(page.on_call, 80)} at {local_time(page.at or at, zone, at)}" for page in record.pages]
    if not whom:
        return f"Nobody has it. Paged at {local_time(at, zone, at)}."
    newest = record.pages[-1]
    times = f" {newest.seq}×" if newest.seq > 1 else ""
    more = "…, " if len(whom) > MOST_PAGES_NAMED else ""
    paged = f"Nobody has it. Paged{times}: {more}{', '.join(whom[-MOST_PAGES_NAMED:])}."
    again = at + timedelta(seconds=newest.acknowledge_within_seconds)
    return f"{paged} Without an answer, the next page goes out at {local_time(again, zone, at)}."


def _remediating(record: IncidentRecord, at: datetime, zone: tzinfo) -> str:
    plan = record.plan
    what = f"runs the runbook “{one_line(plan.title, 80)}”" if plan else "runs a runbook"
    places = one_line(", ".join(plan.places.values()), 160) if plan else ""
    has_it = f"{status_of(record, at).who_since(zone)}. " if answered(record) else ""
    return f"{has_it}Firstline {what}{f' on {places}' if places else ''}. This message says how it ends."


def _took(record: IncidentRecord) -> str:
    """Return `, 2 min after the first page` if a person took the incident after a page and still has it; else empty."""
    live = record.live
    if live is None or live.acked_at is None or live.paged_at is None or live.acked_at <= live.paged_at:
        return ""
    return f", {short_duration(live.acked_at - live.paged_at)} after the first page" if answered(record) else ""
