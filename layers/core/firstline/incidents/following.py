"""The state that follows one whose function answers for `What Now?`, so that the machine need not ask that state.

The record is read after the function's effect. Whatever moves between this answer and the next state is found there:
waits and ends are refused if the record has changed.
"""

from datetime import datetime
from typing import Any

from firstline.contracts import DoneSoFar, Observed, WhatNowInput, WhatNowOutput
from firstline.errors import HistoryUnavailable
from firstline.incidents.choice import choose
from firstline.incidents.store import Incidents
from firstline.incidents.what_now import Times, stale_resolve
from firstline.models import IncidentRecord, RemediationPlan
from firstline.observability import logger

_MORE_THAN_A_CHOICE = ("Announce Remediation", "Hand Over")
"""The states before which `What Now?` asks for the plan's permission, or writes."""


def asked_after(state: str, request: DoneSoFar, *, result: Any = None, **news: Any) -> WhatNowInput:
    """Return what `What Now?` would be asked after a state; `news` is what the state adds to what was done so far."""
    done = {name: getattr(request, name) for name in DoneSoFar.model_fields}
    return WhatNowInput(state="What Now?", happened=Observed(state=state, result=result), **done | news)


def following(
    asked: WhatNowInput,
    *,
    incidents: Incidents,
    now: datetime,
    times: Times,
    plan: RemediationPlan | None = None,
    record: IncidentRecord | None = None,
) -> WhatNowOutput | None:
    """Choose what follows as `What Now?` does; return None if the machine has to ask that state.

    It has to if the choice writes, if the record shows a plan or a reason that the machine does not have, if the table
    cannot be read, and if a state would follow itself: `What Now?` counts the rounds.

    Parameters
    ----------
    asked
        What `What Now?` would be asked; `happened` names the state that ends.
    plan
        The plan that the machine has.
    record
        The incident, if it was read after the state's effect; else it is read here.
    """
    try:
        record = record or incidents.record(asked.incident.incident_id)
    except HistoryUnavailable:
        logger.warning("what comes next is not known: the table could not be reached")
        return None
    if record is None or record.live is None or stale_resolve(record.live):
        return None
    chosen = choose(asked, record, now, times)
    known = chosen.reason is None and (chosen.plan is None or plan is not None)
    again = asked.happened is not None and asked.happened.state == chosen.go
    if not known or again or chosen.go in _MORE_THAN_A_CHOICE:
        return None
    logger.info(chosen.go, extra={"happened": asked.happened and asked.happened.state, "seconds": chosen.seconds})
    return chosen.model_copy(update={"plan": None})
