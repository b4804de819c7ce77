"""The lifecycle of an incident: what is stored, which waits end, and the names and inputs of executions."""

import json
from typing import Any

import pytest

from firstline.errors import JoinedSince
from firstline.incidents import lifecycle
from firstline.incidents.pages import page_due
from firstline.models import SEVERITY_RANK, Counts, IncidentRecord
from firstline.observability import metrics
from tests.support.builders import NOON, a_live, a_page, a_record, at, incident
from tests.support.changes import counts_for
from tests.support.memory import MemoryExecutions, MemoryStore

INCIDENT_ID = incident().incident_id
WAITS = ["hold", "recovery", "acknowledgement", "resolution", "quiet"]


def record(**what: Any) -> IncidentRecord:
    return a_record(incident(), **{"last_alert_at": NOON, "classification": None, "task_token": "t"} | what)


# --- people's actions ---


@pytest.mark.parametrize("awaiting", [*WAITS, None])
def test_an_acknowledgement_ends_the_waits_of_an_incident_that_is_with_people(awaiting: str | None) -> None:
    store, executions = MemoryStore(record(awaiting=awaiting)), MemoryExecutions()

    taken = lifecycle.acknowledge(INCIDENT_ID, "ada", NOON, incidents=store.incidents, executions=executions)

    assert taken is not None
    assert (store.only.acknowledged_by, store.only.acknowledged_at) == ("ada", NOON)
    assert executions.told == ([("acknowledged", "ada")] if awaiting in lifecycle.WITH_PEOPLE else [])
    assert set(executions.tokens) <= {"t"}


def test_an_acknowledgement_is_shown_to_people_before_the_execution_gets_its_signal() -> None:
    store, executions = MemoryStore(record(awaiting="acknowledgement")), MemoryExecutions()
    seen = list[tuple[str | None, list[str]]]()

    def show(shown: IncidentRecord) -> bool:
        seen.append((shown.acknowledged_by, list(executions.tokens)))
        return True

    lifecycle.acknowledge(INCIDENT_ID, "ada", NOON, incidents=store.incidents, executions=executions, show=show)

    assert (seen, executions.tokens) == ([("ada", [])], ["t"])
    assert executions.told == [(lifecycle.SHOWN, "ada")]


def test_an_acknowledgement_that_nobody_was_shown_is_left_to_the_execution() -> None:
    store, executions = MemoryStore(record(awaiting="acknowledgement")), MemoryExecutions()

    lifecycle.acknowledge(
        INCIDENT_ID, "ada", NOON, incidents=store.incidents, executions=executions, show=lambda _record: False
    )

    assert executions.told == [("acknowledged", "ada")]


@pytest.mark.parametrize("awaiting", WAITS)
def test_a_person_who_resolves_ends_every_wait(awaiting: str) -> None:
    store, executions = MemoryStore(record(awaiting=awaiting)), MemoryExecutions()

    lifecycle.resolve_by_hand(INCIDENT_ID, "ada", NOON, incidents=store.incidents, executions=executions)

    assert (executions.tokens, executions.told) == (["t"], [("resolved", "ada")])


def test_a_resolve_without_an_acknowledgement_counts_for_the_time_to_acknowledge() -> None:
    metrics.clear_metrics()
    store, executions = MemoryStore(record(awaiting="resolution", paged_at=at(0))), MemoryExecutions()

    lifecycle.resolve_by_hand(INCIDENT_ID, "ada", at(2), incidents=store.incidents, executions=executions)

    assert store.only.resolved_by == "ada"
    assert metrics.metric_set["TimeToAcknowledge"]["Value"] == [120.0]
    metrics.clear_metrics()


def test_a_resolve_acknowledges_no_page() -> None:
    store, executions = MemoryStore(record(paged_at=at(0))), MemoryExecutions()

    lifecycle.resolve_by_hand(INCIDENT_ID, "ada", at(2), incidents=store.incidents, executions=executions)

    live = store.only.live
    assert live is not None
    assert not live.answered


def test_a_resolve_by_a_person_who_did_not_see_all_alerts_is_refused() -> None:
    two_joined = counts_for(SEVERITY_RANK["medium"], SEVERITY_RANK["critical"])
    live = a_live(incident(), own=two_joined, task_token="t", awaiting="resolution")
    store, executions = MemoryStore(record(live=live)), MemoryExecutions()

    with pytest.raises(JoinedSince) as refused:
        lifecycle.resolve_by_hand(INCIDENT_ID, "ada", NOON, seen=1, incidents=store.incidents, executions=executions)

    assert (refused.value.seen, refused.value.joined) == (1, 2)
    assert (store.only.resolved_by, executions.told) == (None, [])


@pytest.mark.parametrize("say", [lifecycle.acknowledge, lifecycle.take_back, lifecycle.resolve_by_hand])
def test_an_incident_that_is_over_sends_no_signal(say: Any) -> None:
    over = record(awaiting="resolution", status="CLOSED", closed_at=NOON, resolved_by="ada")
    executions = MemoryExecutions()

    for store in (MemoryStore(over), MemoryStore()):
        assert say(INCIDENT_ID, "bob", NOON, incidents=store.incidents, executions=executions) is None

    assert executions.told == []


@pytest.mark.parametrize("awaiting", [*WAITS, None])
def test_ending_a_hold_signals_only_an_execution_that_is_held(awaiting: Any) -> None:
    store, executions = MemoryStore(record(awaiting=awaiting)), MemoryExecutions()

    lifecycle.end_hold(INCIDENT_ID, "somebody ended it", NOON, incidents=store.incidents, executions=executions)

    assert (store.only.hold_ended_at, store.only.hold_ended_because) == (NOON, "somebody ended it")
    assert executions.told == ([("go on", "somebody ended it")] if awaiting == "hold" else [])


@pytest.mark.parametrize("awaiting", [*WAITS, None])
def test_an_acknowledgement_that_is_taken_back_lets_paging_go_on(awaiting: Any) -> None:
    page = a_page(at=NOON, acknowledge_within_seconds=300)
    acked = {"acknowledged_at": at(1), "acknowledged_by": "ada", "acked_seq": 1}
    store = MemoryStore(record(awaiting=awaiting, pages=[page], paged_at=NOON, paged_seq=1, page_done=1, **acked))
    executions = MemoryExecutions()

    lifecycle.take_back(INCIDENT_ID, "PagerDuty", at(2), incidents=store.incidents, executions=executions)

    live = store.only.live
    assert live is not None
    assert (live.answered, live.acked_by, store.only.acknowledged_by) == (False, None, None)
    assert (page_due(live, at(6)), page_due(live, at(7))) == (None, "again")
    assert executions.told == ([("taken back", "PagerDuty")] if awaiting in lifecycle.WITH_PEOPLE else [])


def test_without_an_acknowledgement_there_is_nothing_to_take_back() -> None:
    store, executions = MemoryStore(record(awaiting="resolution", paged_at=NOON)), MemoryExecutions()

    assert lifecycle.take_back(INCIDENT_ID, "x", NOON, incidents=store.incidents, executions=executions) is None
    assert lifecycle.take_back("nobody", "x", NOON, incidents=store.incidents, executions=executions) is None
    assert executions.told == []


# --- alerts that join or end ---

PAGED = {"paged_seq": 1, "page_done": 1, "paged_rank": 3, "decided": 3}


@pytest.mark.parametrize(
    ("awaiting", "counts", "what", "signal"),
    [
        ("resolution", Counts(joined=1), {}, "ended"),
        ("acknowledgement", Counts(joined=1), {}, "ended"),
        ("recovery", Counts(joined=1), {}, "ended"),
        ("hold", Counts(joined=1), {}, "ended"),
        ("quiet", Counts(joined=1), {}, None),
        ("quiet", counts_for(2), {}, "joined"),
        ("hold", counts_for(2), {}, None),
        ("hold", counts_for(2, 3), {"decided": 3}, "joined"),
        ("recovery", counts_for(2, 4), {}, None),
        ("resolution", counts_for(1, 4), {"decided": 1}, "joined"),
        ("resolution", counts_for(1, 2), {"decided": 1}, None),
        ("acknowledgement", counts_for(4), PAGED, "joined"),
        ("resolution", counts_for(3, 3), PAGED, None),
        (None, counts_for(1, 4), {"decided": 1}, None),
    ],
    ids=[
        "all ended, with a person",
        "all ended, before an acknowledgement",
        "all ended during the recovery",
        "all ended during a hold",
        "all ended during the quiet",
        "one fires during the quiet",
        "a medium during a hold",
        "a high joined during a hold",
        "a critical joined during the recovery",
        "a critical joined a low",
        "a medium joined a low",
        "a critical joined a paged high",
        "a high joined a paged high",
        "no wait",
    ],
)
def test_alerts_that_join_or_end_wake_only_the_waits_that_they_concern(
    awaiting: Any, counts: Counts, what: dict[str, Any], signal: str | None
) -> None:
    executions = MemoryExecutions()
    live = a_live(incident(), own=counts, awaiting=awaiting, task_token="t", **what)

    assert lifecycle.tell(live, executions) is (signal is not None)

    assert executions.told == ([] if signal is None else [(signal, "the sender")])


def test_nothing_wakes_the_execution_of_a_closed_incident() -> None:
    closed = a_live(incident(), own=Counts(joined=1), awaiting="resolution", task_token="t", open=False)
    assert not lifecycle.tell(closed, MemoryExecutions())


# --- executions ---

LONGEST = "A" * 53 + "-20260301T031200Z-0a1b2c3d"


def test_the_first_execution_has_the_incidents_id_and_a_successor_its_generation() -> None:
    assert lifecycle.execution_name(INCIDENT_ID, 1) == INCIDENT_ID
    assert lifecycle.execution_name(INCIDENT_ID, 2) == f"{INCIDENT_ID}-2"


@pytest.mark.parametrize("generation", [2, 10, 12_345])
def test_a_successors_name_fits_and_still_tells_incidents_apart(generation: int) -> None:
    other = LONGEST[:-1] + "e"
    name = lifecycle.execution_name(LONGEST, generation)
    assert len(name) <= 80
    assert name.endswith(f"-20260301T031200Z-0a1b2c3d-{generation}")
    assert name != lifecycle.execution_name(other, generation)


def test_an_execution_starts_with_the_same_bytes_each_time() -> None:
    first = lifecycle.execution_input(incident(), 3)
    assert first == lifecycle.execution_input(incident(), 3)
    assert json.loads(first)["generation"] == 3
