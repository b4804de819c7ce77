"""The choice of the next state by the function of the state that ends, so that the machine can skip `What Now?`.

The record is read after the function's effect. If the record changes between this choice and the next state, that state
finds out: its wait or its end is refused.
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
"""The states that `What Now?` alone may choose: before them it checks the plan's permission, or writes to the table."""


def asked_after(state: str, request: DoneSoFar, *, result: Any = None, **news: Any) -> WhatNowInput:
    """Return what the state machine would pass to its state `What Now?` once `state` has ended with `result`.

    `news` are the fields of the request that changed meanwhile.
    """
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
    """Choose the next state as `What Now?` does; return None if the machine has to visit `What Now?` itself.

    The machine has to if the record cannot be read, if a Resolve has to be withdrawn, if only `What Now?` may choose
    the state, if the choice carries a reason or a plan that the machine lacks, or if a state would follow itself: `What
    Now?` counts such rounds.

    Parameters
    ----------
    asked
        The input that `What Now?` would get; its `happened` names the state that ends.
    times
        The waits that the stack's owner sets, such as how long an incident must be quiet before it is closed.
    plan
        The plan that the machine already has, or None.
    record
        The incident's record if it was read after the state's effect; None to read it here.
    """
    try:
        record = record or incidents.record(asked.incident.incident_id)
    except HistoryUnavailable:
        logger.warning("the table could not be read: the machine asks What Now? for the next state")
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
