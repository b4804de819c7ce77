"""The choice of the next state of an incident's execution and, for an acknowledgement, of the state after that."""

from collections.abc import Callable
from datetime import datetime

from firstline.contracts import AfterSignal, AfterWait, Observed, WhatNowInput, WhatNowOutput
from firstline.incidents.lifecycle import SHOWN
from firstline.incidents.pages import next_due
from firstline.incidents.store import Incidents
from firstline.incidents.what_now import Times, stale_resolve, what_now
from firstline.models import Counts, IncidentRecord, Live, RemediationPlan


def serve_what_now(
    request: WhatNowInput,
    *,
    incidents: Incidents,
    now: datetime,
    times: Times,
    withdrawn: Callable[[RemediationPlan, IncidentRecord], str | None] = lambda _plan, _record: None,
) -> WhatNowOutput:
    """Serve the state `What Now?`: store what the execution found out, read the record, and choose the next state.

    Parameters
    ----------
    times
        The waits that the stack's owner sets, such as how long an incident must be quiet before it is closed.
    withdrawn
        Returns why a plan that is about to run may no longer run, or None if it may.

    Raises
    ------
    HistoryUnavailable
        The table could not be reached. The state machine then pages once, and asks again each minute.
    """
    if request.remediation == "verified":
        incidents.mark_verified(request.incident, now)
    record = incidents.record(request.incident.incident_id)
    output = choose(request, record, now, times)
    if record is None or record.live is None:
        return output
    if output.go != "Stop" and stale_resolve(record.live):
        incidents.withdraw_resolve(request.incident, seen=record.live)
        # What was acknowledged may have ended with the Resolve, so that a page is due.
        record = incidents.record(request.incident.incident_id) or record
        output = choose(request, record, now, times)
    if output.go == "Announce Remediation" and output.plan and (why := withdrawn(output.plan, record)):
        instead = request.model_copy(update={"remediation": "human", "notified": False})
        reason = f"{output.plan.title} was not run: {why}."
        output = choose(instead, record, now, times).model_copy(update={"remediation": "human", "reason": reason})
    if output.go == "Hand Over" and record.live is not None:
        # Step Functions' event about the end of this execution may get lost: let reconcile look by itself.
        incidents.postpone(record.live, now)
    return output


def choose(request: WhatNowInput, record: IncidentRecord | None, now: datetime, times: Times) -> WhatNowOutput:
    """Choose the next state with the function `what_now`, and for `Await Acknowledgement` also the state after it.

    `record` is the incident as it stands now; None if the table does not have it: then a person is paged once. The
    state after it is chosen for two cases: a person acknowledged, and no alert fires any more. `times` are the waits
    that the stack's owner sets, such as how long an incident must be quiet before it is closed.
    """
    chosen = what_now(request, record, now, times)
    if chosen.go != "Await Acknowledgement" or record is None or record.live is None:
        return chosen
    answered = _once_acknowledged(request, record, record.live, now, times)
    # The state looks itself whether nothing fires.
    ended = AfterSignal(go="Announce Quiet", quiet_seconds=chosen.quiet_seconds)
    then = AfterWait(answered=answered, ended=ended)
    return chosen.model_copy(update={"then": then})


def _once_acknowledged(
    request: WhatNowInput, record: IncidentRecord, live: Live, now: datetime, times: Times
) -> AfterSignal:
    """Return the state after an acknowledgement if that is certain to be `Await Resolution`; else an empty answer.

    After an empty answer the machine asks `What Now?`. The state is uncertain if a further page would be due, if the
    newest page was acknowledged before, or if further items (shards) count the incident's alerts. It is assumed that
    the messages to people already show the acknowledgement.
    """
    if live.shards or live.acked_seq >= live.paged_seq:
        return AfterSignal()
    acked = live.model_copy(
        update={
            "acked_at": now,
            "acked_seq": live.paged_seq,
            "own": live.own + Counts(changes=1),
            "shown": live.version + 1,
        }
    )
    if next_due(acked) is not None:
        return AfterSignal()
    happened = Observed(state="Await Acknowledgement", result={"signal": SHOWN})
    asked, known = request.model_copy(update={"happened": happened}), record.model_copy(update={"live": acked})
    after = what_now(asked, known, now, times)
    if after.go != "Await Resolution":
        return AfterSignal()
    return AfterSignal(
        go=after.go,
        seconds=after.seconds,
        changes=after.changes,
        acked=live.paged_seq,
        quiet_seconds=after.quiet_seconds,
    )
