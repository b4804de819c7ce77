"""The next state that a function chooses itself, and the cases that it leaves to `What Now?`."""

from typing import Any

import pytest

from firstline.contracts import DoneSoFar, WhatNowInput, WhatNowOutput
from firstline.incidents.following import asked_after, following
from firstline.incidents.what_now import MOST_ROUNDS, what_now
from firstline.models import IncidentRecord, RemediationPlan
from tests.support.builders import NOW, a_classification, a_plan, a_record
from tests.support.memory import MemoryStore
from tests.unit.incidents.looks import TIMES

NOISE = {"classification": a_classification(severity="noise")}
PLANNED = {"plan": a_plan()}
WORSE = {"paged_seq": 1, "page_done": 1, "last_paged_at": NOW, "paged_rank": 2}


def asked(state: str, record: IncidentRecord, **known: Any) -> WhatNowInput:
    return asked_after(state, DoneSoFar(incident=record.incident), **known)


def after(state: str, store: MemoryStore, plan: RemediationPlan | None = None, **known: Any) -> WhatNowOutput | None:
    """Choose the state after a state whose function has just had its effect; `plan` is what the machine has."""
    return following(asked(state, store.only, **known), incidents=store.incidents, now=NOW, times=TIMES, plan=plan)


@pytest.mark.parametrize(
    ("go", "state", "record", "known"),
    [
        ("Record Suppression", "Classify", NOISE, {}),
        ("Plan Remediation", "Classify", {}, {}),
        ("Page On-Call", "Classify", {}, {"planned": True}),
        ("Stop", "Classify", {"generation": 2}, {}),
    ],
    ids=[
        "noise",
        "not planned yet",
        "a high that was planned for",
        "a later execution has the incident",
    ],
)
def test_a_function_chooses_the_same_next_state_as_what_now(
    go: str, state: str, record: dict[str, Any], known: dict[str, Any]
) -> None:
    store = MemoryStore(a_record(**record))

    chosen = after(state, store, **known)

    assert chosen == what_now(asked(state, store.only, **known), store.only, NOW, TIMES)
    assert chosen is not None
    assert chosen.go == go


@pytest.mark.parametrize(
    ("state", "record", "known"),
    [
        pytest.param("Classify", PLANNED, {}, id="a plan that the machine does not have"),
        pytest.param("Classify", PLANNED, {"plan": a_plan()}, id="a plan whose permission must be checked"),
        pytest.param("Classify", PLANNED | {"acted_at": NOW}, {"plan": a_plan()}, id="a reason that the record shows"),
        pytest.param("Classify", {"resolved_by": "Ana", "resolved_seen": 0}, {}, id="a Resolve to be taken back"),
        pytest.param("Page On-Call", WORSE, {"result": {"sent": 1}}, id="the same state again"),
        pytest.param("Classify", {}, {"rounds": MOST_ROUNDS}, id="a successor to be announced"),
    ],
)
def test_a_function_leaves_the_choice_to_what_now_if_that_must_write_or_tell_more(
    state: str, record: dict[str, Any], known: dict[str, Any]
) -> None:
    known = dict(known)
    assert after(state, MemoryStore(a_record(**record)), known.pop("plan", None), **known) is None


def test_a_plan_that_the_machine_has_is_not_sent_again() -> None:
    plan = a_plan(decision="approve")
    store = MemoryStore(a_record(plan=plan))

    chosen = after("Plan Remediation", store, plan)

    assert chosen is not None
    assert (chosen.go, chosen.plan) == ("Page On-Call", None)


def test_without_the_table_the_choice_is_left_to_what_now() -> None:
    store = MemoryStore(a_record())
    record = store.only
    store.down = True

    assert following(asked("Classify", record), incidents=store.incidents, now=NOW, times=TIMES) is None


def test_the_choice_for_an_unknown_incident_is_left_to_what_now() -> None:
    assert following(asked("Classify", a_record()), incidents=MemoryStore().incidents, now=NOW, times=TIMES) is None
