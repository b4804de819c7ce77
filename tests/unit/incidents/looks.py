"""The question `What Now?` of an execution, with the parts of an incident's record that its tests combine."""

from datetime import timedelta
from typing import Any

from firstline.contracts import ErrorOutput, Observed, WhatNowInput, WhatNowOutput
from firstline.incidents.what_now import Times, what_now
from firstline.models import SEVERITY_RANK, Classification, Counts, Hold, IncidentRecord, Live, Loud
from tests.support import lives
from tests.support.builders import NOON, a_classification, a_plan, at, incident
from tests.support.changes import counts_for

TIMES = Times(timedelta(minutes=5), timedelta(minutes=20), timedelta(hours=8))
LOW, MEDIUM, HIGH, CRITICAL = (counts_for(rank) for rank in (1, 2, 3, 4))
OVER = Counts(firing=-1)
HELD_UNTIL = at(60)
PLAN = a_plan(planned_at=at(0))
ASKS = a_plan(planned_at=at(0), decision="approve")
ACTED: dict[str, Any] = {"acted_at": at(1)}


def hold(by: Any = "silence") -> Hold:
    return Hold(by=by, id="s-1", reason="Silenced.", until=HELD_UNTIL, seconds=3_600)


def verdict(severity: str = "low", **what: Any) -> Classification:
    return a_classification(severity=severity, **what)


def failed(state: str, error: str = "Lambda.Unknown") -> Observed:
    return Observed(state=state, error=ErrorOutput(Error=error))


def timed_out(state: str) -> Observed:
    return failed(state, "States.Timeout")


def look(
    live: dict[str, Any] | None = None,
    record: dict[str, Any] | None = None,
    minutes: float = 2,
    came_from: str | Observed | None = None,
    **request: Any,
) -> WhatNowOutput:
    """Return the next state of an incident with one firing low alert that was judged low, 2 minutes after its opening.

    `live` and `record` change the record, `came_from` is the last state, and `request` what the execution has done.
    """
    classification = request.pop("classification", verdict("low"))

    fields: dict[str, Any] = {
        "group_key": "group-1",
        "incident_id": incident().incident_id,
        "opened_at": NOON,
        "last_alert_at": NOON,
        "own": LOW,
        "judged": 1,
        "decided": None if classification is None else SEVERITY_RANK[classification.severity],
    }
    fields |= live or {}
    if "judged_loud" not in fields and fields["judged"] == fields["own"].joined:
        fields["judged_loud"] = Loud(high=fields["own"].loud_high, critical=fields["own"].loud_critical)
    stored: dict[str, Any] = {"status": "OPEN", "alert_count": 1, "last_alert_at": NOON, "live": Live(**fields)}
    stored |= {"plan_digest": record["plan"].digest()} if record and record.get("plan") else {}
    asked: dict[str, Any] = {"state": "What Now?", "incident": incident(), "classification": classification}
    if came_from is not None:
        asked["happened"] = came_from if isinstance(came_from, Observed) else Observed(state=came_from)
    whole = IncidentRecord(incident=incident(), **(stored | (record or {})))
    return what_now(WhatNowInput(**(asked | request)), whole, at(minutes), TIMES)


CRITICAL_ONE: dict[str, Any] = {"own": CRITICAL, "loud_since": NOON}
PAGED: dict[str, Any] = CRITICAL_ONE | lives.PAGED
ACKED: dict[str, Any] = PAGED | lives.ACKED
LOW_ACKED: dict[str, Any] = {"acked_at": at(1), "acked_by": "Ana", "acked_rank": 1}
ANSWERED = Observed(state="Await Acknowledgement", result={"signal": "acknowledged", "by": "Ana"})
GIVEN_BACK = Observed(state="Await Resolution", result={"signal": "taken back", "by": "Ana"})
FATAL = verdict("critical")
NOISE = verdict("noise")
DUE = verdict("critical", evidence_due=True)
QUIET: dict[str, Any] = {"own": LOW + OVER, "last_end_at": at(10)}
