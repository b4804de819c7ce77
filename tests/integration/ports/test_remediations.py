"""Remediations: reserved all or nothing, locked for a lease, settled once."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from firstline.errors import AlreadyPlanned, LockHeld, RemediationContended
from firstline.incidents.store import Incidents
from firstline.models import RemediationPlan, RunbookRun, Target
from firstline.remediation.limits import beginning_of
from firstline.remediation.store import NOTHING_RUNS, Remediations, Standing
from tests.integration.ports.conftest import Open, Ports
from tests.support.builders import NOON, a_plan, alert, at

HOSTS = ["i-0123456789abcdef0", "i-0123456789abcdef1"]
LEASE = timedelta(hours=1)

type Begin = Callable[[str], str]


@pytest.fixture
def begun(opened: Open) -> Begin:
    """Open an incident of a group of this name."""
    return lambda group: opened(alert(group_key=group, fingerprint=group)).incident_id


def plan_for(hosts: list[str], now: datetime = NOON, service: str | None = None) -> RemediationPlan:
    targets = [Target(instance_id=host, name=host) for host in hosts]
    locks = [f"host:{host}" for host in hosts] + ([f"service:{service}"] if service else [])
    return a_plan(locks=locks, planned_at=now, longest_seconds=int(LEASE.total_seconds()), targets=targets)


def run_of(plan: RemediationPlan, incident_id: str) -> RunbookRun:
    return beginning_of(plan, incident_id, NOTHING_RUNS, plan.planned_at).run


def begin(remediations: Remediations, plan: RemediationPlan, incident_id: str, now: datetime = NOON) -> None:
    state = remediations.state(plan.runbook_id, at(-600))
    remediations.reserve(beginning_of(plan, incident_id, state, now), now)


def test_a_reservation_keeps_the_plan_counts_the_run_and_takes_the_locks(
    remediations: Remediations, incidents: Incidents, begun: Begin
) -> None:
    incident_id, plan = begun("g"), plan_for(HOSTS, service="checkout")

    begin(remediations, plan, incident_id)

    assert remediations.plan_of(incident_id) == plan
    record = incidents.record(incident_id)
    assert record is not None
    assert record.plan == plan
    state = remediations.state("low-disk", at(-60))
    assert state.runs == [run_of(plan, incident_id)]
    (held,) = state.held
    assert (held.incident_id, held.locks, held.until) == (incident_id, plan.locks, NOON + LEASE)
    assert remediations.state("low-disk", at(1)).runs == []
    assert remediations.state("high-memory", at(-60)).runs == []


def test_an_incident_has_one_plan(remediations: Remediations, begun: Begin) -> None:
    incident_id = begun("g")
    begin(remediations, plan_for(HOSTS), incident_id)

    with pytest.raises(AlreadyPlanned):
        begin(remediations, plan_for(HOSTS, at(1)), incident_id, at(1))
    assert len(remediations.state("low-disk", at(-60)).runs) == 1


def test_what_was_read_before_somebody_else_began_is_not_enough_to_begin(
    remediations: Remediations, begun: Begin
) -> None:
    first, second = begun("g"), begun("h")
    state = remediations.state("low-disk", at(-60))
    begin(remediations, plan_for(HOSTS[:1]), first)
    late = plan_for(HOSTS[1:])

    with pytest.raises(RemediationContended):
        remediations.reserve(beginning_of(late, second, state, NOON), NOON)
    assert remediations.plan_of(second) is None
    begin(remediations, late, second)


def test_locks_are_taken_all_or_none(remediations: Remediations, begun: Begin) -> None:
    first, second, third = begun("g"), begun("h"), begun("i")
    begin(remediations, plan_for(HOSTS[:1], service="checkout"), first)

    with pytest.raises(LockHeld, match=f"host:{HOSTS[0]} is being remediated by another incident"):
        begin(remediations, plan_for(HOSTS), second)
    with pytest.raises(LockHeld, match="service:checkout"):
        begin(remediations, plan_for(HOSTS[1:], service="checkout"), second)
    begin(remediations, plan_for(HOSTS[1:]), third)


def test_a_crash_gives_its_locks_back_when_the_lease_is_over_and_not_before(
    remediations: Remediations, begun: Begin
) -> None:
    first, second = begun("g"), begun("h")
    begin(remediations, plan_for(HOSTS), first)
    just_before, then = NOON + LEASE - timedelta(microseconds=1), NOON + LEASE

    with pytest.raises(LockHeld):
        begin(remediations, plan_for(HOSTS, just_before), second, just_before)
    begin(remediations, plan_for(HOSTS, then), second, then)
    assert [held.incident_id for held in remediations.state("low-disk", at(-60)).held] == [second]


def test_a_remediation_that_settles_after_its_lease_leaves_the_locks_to_the_next_one(
    remediations: Remediations, begun: Begin
) -> None:
    crashed, second, third = begun("g"), begun("h"), begun("i")
    then = NOON + LEASE
    begin(remediations, plan_for(HOSTS), crashed)
    begin(remediations, plan_for(HOSTS, then), second, then)

    remediations.settle(plan_for(HOSTS), crashed, "failed", began=NOON, accepted=None, demote=None, at=then)

    with pytest.raises(LockHeld):
        begin(remediations, plan_for(HOSTS, then), third, then)


def test_settling_gives_everything_back_once(remediations: Remediations, begun: Begin) -> None:
    first, second = begun("g"), begun("h")
    plan = plan_for(HOSTS, service="checkout")
    begin(remediations, plan, first)

    assert remediations.settle(plan, first, "verified", began=NOON, accepted=True, demote=None, at=at(5))
    assert not remediations.settle(plan, first, "failed", began=NOON, accepted=None, demote="a lie", at=at(6))

    (run,) = remediations.state("low-disk", at(-60)).runs
    assert (run.outcome, run.accepted, run.ended_at) == ("verified", True, at(5))
    assert remediations.state("low-disk", at(-60)).held == []
    assert remediations.standing("low-disk").demoted is None
    begin(remediations, plan_for(HOSTS, at(5), service="checkout"), second, at(5))


def test_a_reservation_on_a_state_of_before_another_settled_is_refused(
    remediations: Remediations, begun: Begin
) -> None:
    first, second = begun("g"), begun("h")
    plan = plan_for(HOSTS[:1])
    begin(remediations, plan, first)
    state = remediations.state("low-disk", at(-60))
    remediations.settle(plan, first, "failed", began=NOON, accepted=None, demote="it did not help", at=at(5))

    late = plan_for(HOSTS[1:], at(5))
    with pytest.raises(RemediationContended):
        remediations.reserve(beginning_of(late, second, state, at(5)), at(5))


def test_a_runbook_that_did_not_help_asks_until_a_person_resets_it(remediations: Remediations, begun: Begin) -> None:
    incident_id, plan = begun("g"), plan_for(HOSTS)
    begin(remediations, plan, incident_id)

    remediations.settle(plan, incident_id, "undone", began=NOON, accepted=None, demote="it did not help", at=at(5))

    assert remediations.standing("low-disk").demoted == "it did not help"
    assert remediations.standing("high-memory").demoted is None
    remediations.promote("low-disk", "ada", at(9))
    assert remediations.standing("low-disk").demoted is None


def test_a_plan_that_waits_holds_nothing_and_is_kept_once(remediations: Remediations, begun: Begin) -> None:
    first, second = begun("g"), begun("h")
    plan = plan_for(HOSTS)

    remediations.keep(plan, first)
    with pytest.raises(AlreadyPlanned):
        remediations.keep(plan_for(HOSTS, at(1)), first)
    remediations.keep(plan, second)

    assert remediations.plan_of(first) == plan
    assert remediations.state("low-disk", at(-60)) == NOTHING_RUNS
    assert not remediations.holds_locks(first, NOON)


def test_a_plan_that_nobody_approved_leaves_a_run_that_was_never_sent(remediations: Remediations, begun: Begin) -> None:
    incident_id, plan = begun("g"), plan_for(HOSTS)
    remediations.keep(plan, incident_id)

    def over(at_minute: int) -> bool:
        return remediations.settle(
            plan, incident_id, "not_run", began=None, accepted=False, demote=None, at=at(at_minute)
        )

    assert over(5)
    assert not over(6)

    (run,) = remediations.state("low-disk", at(-60)).runs
    assert (run.outcome, run.accepted, run.ended_at) == ("not_run", False, at(5))


def test_a_remediation_holds_its_locks_until_its_end_or_its_lease(remediations: Remediations, begun: Begin) -> None:
    incident_id, plan = begun("g"), plan_for(HOSTS)
    begin(remediations, plan, incident_id)
    assert remediations.holds_locks(incident_id, at(59))
    assert not remediations.holds_locks(incident_id, NOON + LEASE)

    remediations.settle(plan, incident_id, "failed", began=NOON, accepted=None, demote=None, at=at(5))

    assert not remediations.holds_locks(incident_id, at(6))


def test_proven_runs_count_in_a_row_and_one_that_did_not_help_ends_the_row(
    remediations: Remediations, begun: Begin
) -> None:
    for number in range(4):
        incident_id, plan = begun(f"group-{number}"), plan_for(HOSTS, at(number))
        begin(remediations, plan, incident_id, at(number))
        failed = "it did not help" if number == 2 else None
        remediations.settle(
            plan,
            incident_id,
            "failed" if failed else "verified",
            began=at(number),
            accepted=None,
            demote=failed,
            proven=not failed,
            at=at(number),
        )
        assert remediations.standing("low-disk").in_a_row == (1, 2, 0, 1)[number]


def test_a_person_gives_and_takes_autonomy(remediations: Remediations) -> None:
    remediations.promote("low-disk", "ada", NOON)
    assert remediations.standing("low-disk") == Standing(promoted_by="ada")

    remediations.demote("low-disk", "bo", at(1))
    assert remediations.standing("low-disk") == Standing(demoted="bo demoted it", demoted_by_person=True)

    remediations.promote("low-disk", "ada", at(2))
    assert remediations.standing("low-disk").runs_by_itself(auto_after=None), "however many runs it takes to earn it"


def test_a_shadow_is_counted_once_and_holds_nothing(remediations: Remediations) -> None:
    run = run_of(plan_for(HOSTS), "inc-1").model_copy(update={"decision": "shadow"})

    remediations.keep_shadow(run)
    remediations.keep_shadow(run)

    state = remediations.state("low-disk", at(-60))
    assert state.runs == [run]
    assert (state.version, state.held) == (0, [])


@pytest.fixture
def crowd(ports: Ports) -> int:
    return ports.crowd


def test_of_many_that_want_one_host_at_once_one_gets_it(remediations: Remediations, begun: Begin, crowd: int) -> None:
    incidents = [begun(f"group-{number}") for number in range(crowd)]

    def take(incident_id: str) -> str:
        plan = plan_for(HOSTS)
        while True:
            try:
                begin(remediations, plan, incident_id)
            except RemediationContended:
                continue
            except LockHeld:
                return "held"
            return "taken"

    with ThreadPoolExecutor(crowd) as pool:
        taken = Counter(pool.map(take, incidents))

    assert taken == {"taken": 1, "held": crowd - 1}
    assert len(remediations.state("low-disk", at(-60)).runs) == 1
    assert len([incident for incident in incidents if remediations.plan_of(incident)]) == 1


def test_of_many_for_hosts_of_their_own_every_one_is_on_the_board(remediations: Remediations, begun: Begin) -> None:
    incidents = {begun(f"group-{number}"): f"i-{number:017x}" for number in range(8)}

    def take(incident_id: str) -> None:
        while True:
            try:
                return begin(remediations, plan_for([incidents[incident_id]]), incident_id)
            except RemediationContended:
                continue

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, incidents))

    state = remediations.state("low-disk", at(-60))
    assert {held.incident_id for held in state.held} == set(incidents)
    assert {host for run in state.runs for host in run.instance_ids} == set(incidents.values())
    assert state.version == len(incidents)
