"""The sentences that say why a person's action had no effect, and who was first. Pure."""

from datetime import datetime, timedelta

from firstline.errors import DoneAlready, OperationRefused
from firstline.incidents.audit_trail import Entry, happened_at
from firstline.incidents.pages import escalated_already
from firstline.models import IncidentRecord, Live
from firstline.text import one_line, short_duration

OPENS_WITHIN = timedelta(minutes=1)
"""The time within which the new incident of a reopened one is expected to open."""


def nothing_to_do(record: IncidentRecord, does: str, now: datetime, *, seen: int | None) -> OperationRefused:
    """Return the refusal of an action that changed nothing, from the record as it stands after the attempt.

    Parameters
    ----------
    does
        The action, such as `acknowledge` or `escalate`.
    seen
        escalate: the number of the newest page that the person saw; None if unknown.
    """
    live = record.live
    if record.status == "CLOSED" or live is None or not live.open:
        why = one_line(record.outcome_reason or "", 300)
        return DoneAlready(f"Nothing to do: the incident is over. {why}".strip())
    if live.resolved_by is not None:
        return DoneAlready(f"Nothing to do: {_name(live.resolved_by)} resolved it.")
    if does == "acknowledge" and live.answered:
        return DoneAlready(f"Nothing to do: {_name(live.acked_by)} has it already.")
    if does == "escalate" and (first := _paged_already(record, live, now, seen)):
        return DoneAlready(f"Nothing to do: {first}")
    return OperationRefused("Nothing to do: this incident waits for nobody at this moment. Look again in a minute.")


def _paged_already(record: IncidentRecord, live: Live, now: datetime, seen: int | None) -> str:
    """Return a sentence that says why a person need not escalate, or an empty text.

    The reasons are that somebody just did, that a page goes out now, or that one went out after the person looked.
    `seen` is the number of the newest page that the person saw; None if unknown.
    """
    if live.escalated_at is not None and escalated_already(live, now):
        return f"{_name(live.escalated_by)} escalated it {short_duration(now - live.escalated_at)} ago."
    if live.page_done < live.paged_seq:
        return "the next page goes out at this moment."
    if seen is not None and seen < live.paged_seq:
        ago = f" {short_duration(now - live.last_paged_at)} ago" if live.last_paged_at else ""
        whom = record.sent_pages[-1].on_call if record.sent_pages else None
        return f"{_name(whom)} was paged{ago}, since you looked. Look again, and escalate if it must go further."
    return ""


def reopened_already(
    record: IncidentRecord, newest: Live | None, last: Entry | None, now: datetime
) -> DoneAlready | None:
    """Return the refusal to reopen a closed incident that goes on already; None if nobody reopened it.

    Parameters
    ----------
    newest
        The live half of the group's newest incident.
    last
        The entry of the trail for the last time that a person reopened the incident; None if nobody did.
    """
    at = None if last is None else happened_at(last)
    first = "" if last is None or at is None else f"{_name(last.who)} reopened it {short_duration(now - at)} ago."
    if newest is not None and newest.open and newest.incident_id != record.incident.incident_id:
        return DoneAlready(f"Nothing to do: {newest.incident_id} of the same group is open already. {first}".strip())
    if at is not None and now - at < OPENS_WITHIN:
        return DoneAlready(f"Nothing to do: {first} The new incident opens within seconds.")
    return None


def _name(who: str | None) -> str:
    return one_line(who or "somebody", 80)
