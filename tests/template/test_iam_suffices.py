"""Each function's calls to the table, judged one by one by the statements of its own role: it may do what it does."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from firstline.adapters.dynamodb.commands import TableCommands
from firstline.adapters.dynamodb.hand_overs import TableHandOvers
from firstline.adapters.dynamodb.model_circuit import FAILURES_IN_A_ROW, PARTITION, SharedCircuit
from firstline.adapters.dynamodb.open_incidents import count_open
from firstline.adapters.dynamodb.overrides import TableOverrides
from firstline.adapters.dynamodb.schedule_copies import TableCopies
from firstline.adapters.dynamodb.sessions import TableSessions
from firstline.adapters.dynamodb.silences import TableSilences
from firstline.adapters.dynamodb.spending import Spending
from firstline.adapters.dynamodb.table import Table, stamp
from firstline.classification import feedback_store
from firstline.console.sessions import Pass
from firstline.errors import CeilingReached, ModelUnavailable
from firstline.incidents.audit_trail import classified, judged, planned
from firstline.incidents.groups import Limits
from firstline.models import Approval, Deployment, Feedback, Hold, Incident, Live, Page, Usage, Word, kind_of
from firstline.people.hand_over import Holding
from firstline.policy.followed_schedules import Copy
from firstline.policy.holds import Silence
from firstline.policy.match import AlertMatch
from firstline.policy.model import Ceiling
from firstline.policy.oncall import Override
from firstline.remediation.limits import beginning_of
from tests.support.browsing import get, site_of
from tests.support.builders import NOON, a_classification, a_plan, alert, at, open_for
from tests.support.changes import ending, joining, stored
from tests.support.memory import MemoryStore
from tests.template.access import Noting, allows, of_the_table

VERDICT = a_classification(runbook_id=None)
SUBJECT = kind_of(alert())
PAGE = Page(level=0, on_call="primary", delivered_to=[], acknowledge_within_seconds=300)
WEB_1 = AlertMatch(host=("web-1",))
SILENCE = Silence(id="s-1", match=WEB_1, owner="ada", reason="because", created_at=NOON, expires_at=at(30))


@dataclass
class World:
    """The adapters that functions use, over one table whose accesses are noted."""

    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.client = Noting(self.store.client)
        self.store.table._client = cast("Any", self.client)
        self.table: Table = self.store.table
        self.incidents, self.groups = self.store.incidents, self.store.groups
        self.remediations, self.trail = self.store.remediations, self.store.trail
        self.heartbeats, self.silences = self.store.heartbeats, TableSilences(self.table)
        self.sessions, self.overrides = TableSessions(self.table), TableOverrides(self.table)
        self.circuit = SharedCircuit(cast("Any", self.client), self.table.name)

    def live(self, incident: Incident) -> Live:
        live = self.incidents.live(incident.group_key)
        assert live is not None
        return live


@pytest.fixture
def world() -> World:
    return World()


def ingests(world: World, incident: Incident) -> None:
    given = alert(fingerprint="fp-3", service="shop")
    world.groups.read({"group-1": ["fp-1", "fp-3"], "storm:generic": []}, ["network#a1"])
    world.groups.apply(joining(world.live(incident), given, now=at(1)))
    world.groups.apply(ending(world.live(incident), stored(given, incident, at(1)), now=at(2)))
    ended = stored(alert(fingerprint="fp-9"), incident, at(1), firing=False, ended_at=at(2), incident_id=None)
    world.groups.put_alone(ended, "group-1", inhibits={"network#a1": -1})
    world.incidents.record(incident.incident_id)
    world.silences.since(at(2), limit=9)
    world.heartbeats.beat(alert(), at(2))
    world.incidents.acknowledge(incident.incident_id, "ada", at(2))
    world.incidents.remember_page("PD1", incident.incident_id, at(3))
    world.incidents.take_in_order("PD1", "acknowledged", at(3), at(3))
    world.incidents.mark_taken("PD1", "acknowledged", at(3))
    world.incidents.resolve(incident.incident_id, "ada", at(4))
    feedback_store.save_note(incident.incident_id, "ada", "restarted it", at(3), incidents=world.incidents)
    closed = world.incidents.record(incident.incident_id)
    assert closed is not None
    world.incidents.remember_the_end(closed.model_copy(update={"closed_at": at(9), "outcome": "resolved"}))
    world.incidents.save_deployment(Deployment(service="shop", version="1", environment="prod", deployed_at=NOON))


def asks_whom_pagerduty_means(world: World, incident: Incident) -> None:
    world.incidents.remember_page("PD1", incident.incident_id, at(3))
    assert world.incidents.incident_paged_as("PD1") == incident.incident_id


def spreads(world: World, incident: Incident) -> None:
    """Take in so many alerts at once that the counts are spread over shards."""
    world.client.conflicts = 2
    world.groups.apply(joining(world.live(incident), alert(fingerprint="fp-7"), now=at(1)))
    assert world.live(incident).shards


def closes_with_shards(world: World, incident: Incident) -> None:
    closed = world.incidents.close(incident, None, "resolved", "over", [], at(5), joined=world.live(incident).joined)
    assert closed is not None


def classifies(world: World, incident: Incident) -> None:
    world.incidents.alerts_named("DiskFull", NOON)
    world.incidents.service_activity("shop", NOON)
    world.incidents.earlier_incidents("group-1")
    world.incidents.incidents_like(alert(service="shop"))
    world.incidents.deployments_since(NOON)
    world.incidents.word_on(SUBJECT)
    world.incidents.words()
    world.incidents.disagreements()
    world.incidents.record(incident.incident_id)
    world.incidents.members(incident.incident_id)
    world.silences.since(NOON)
    world.groups.read({}, ["network#a1"])
    world.incidents.judge(incident, 1, VERDICT, NOON, seen=world.live(incident))
    world.trail.append(incident.incident_id, [classified(VERDICT)], NOON)


def asks_a_model(world: World, incident: Incident) -> None:
    def fails() -> None:
        raise ModelUnavailable("no answer")

    for _ in range(FAILURES_IN_A_ROW):
        with pytest.raises(ModelUnavailable):
            world.circuit.call(incident.incident_id, fails)
    # Its minute is over: the next one probes, and closes it.
    key = PARTITION, incident.incident_id
    world.table.update(*key, "SET opened_at = :long_ago", {":long_ago": 1})
    SharedCircuit(cast("Any", world.client), world.table.name).call(incident.incident_id, lambda: None)
    circuit = world.table.get(*key)
    assert circuit is not None
    assert circuit["state"] == "CLOSED"

    account = Spending(world.table, Ceiling(tokens=100))
    account.settle(account.hold(Usage(prompt_tokens=60)), Usage(prompt_tokens=60))
    with pytest.raises(CeilingReached):
        account.hold(Usage(prompt_tokens=60))


def plans(world: World, incident: Incident) -> None:
    world.incidents.last_deployments("shop")
    plan = a_plan(planned_at=NOON)
    world.incidents.record(incident.incident_id)
    world.incidents.mark_verified(incident, NOON)
    world.incidents.withdraw_resolve(incident, seen=world.live(incident))
    assert world.remediations.plan_of(incident.incident_id) is None
    state = world.remediations.state(plan.runbook_id, NOON)
    reservation = beginning_of(plan, incident.incident_id, state, NOON)
    world.remediations.reserve(reservation, NOON)
    world.remediations.standing(plan.runbook_id)
    world.remediations.holds_locks(incident.incident_id, NOON)
    world.remediations.keep_shadow(reservation.run.model_copy(update={"decision": "shadow"}))
    world.remediations.keep(plan, "another-incident")
    world.trail.append(incident.incident_id, [planned(plan)], NOON)


def settles(world: World, incident: Incident) -> None:
    plan = a_plan(planned_at=NOON)
    world.remediations.settle(
        plan, incident.incident_id, "failed", began=NOON, accepted=True, demote="it did not help", at=NOON
    )
    world.remediations.standing(plan.runbook_id)
    world.remediations.settle(plan, "never-began", "not_run", began=None, accepted=False, demote=None, at=NOON)
    world.trail.append(incident.incident_id, [planned(plan)], NOON)


def escalates(world: World, incident: Incident) -> None:
    world.incidents.record(incident.incident_id)
    world.incidents.members(incident.incident_id)
    assert world.incidents.claim_page(incident, PAGE, at(2), at(1), seen=world.live(incident))
    world.incidents.release_page(incident, PAGE, at(1))
    assert world.incidents.claim_page(incident, PAGE, at(2), at(1), seen=world.live(incident))
    sent = PAGE.model_copy(update={"delivered_to": ["sns"], "at": at(1)})
    world.incidents.finish_page(incident, sent, at(6), at(1))
    world.incidents.save_slack_message(incident.incident_id, "#ops", "1.2")
    world.incidents.save_post(incident.incident_id, "teams", "d")
    world.incidents.mark_shown(incident, 99)


def notifies(world: World, incident: Incident) -> None:
    world.groups.apply(ending(world.live(incident), stored(alert(severity="critical"), incident, NOON), now=at(2)))
    world.client.seen.clear()  # that was ingest
    world.incidents.record(incident.incident_id)
    world.incidents.members(incident.incident_id)
    world.incidents.save_slack_message(incident.incident_id, "#ops", "1.2")
    world.incidents.save_post(incident.incident_id, "teams", "d")
    world.incidents.mark_shown(incident, 99)
    world.incidents.claim_once("slack-is-down", incident.incident_id, at(1), until=at(60))
    assert world.incidents.begin_quiet(incident, at(2))
    assert world.incidents.await_quiet(incident, 1, "token", at(2), seen=world.live(incident), void=True)
    world.incidents.withdraw_resolve(incident, seen=world.live(incident))
    for _ in range(2):
        world.incidents.close(incident, 1, "resolved", "over", [], at(5), joined=None)
    world.incidents.repair_index(incident.incident_id)
    before = len(world.client.seen)
    world.silences.save(SILENCE)
    del world.client.seen[before:]  # a person did that
    world.silences.end_resolved(SILENCE.id, at(5))


def responds(world: World, incident: Incident) -> None:
    plan = a_plan(planned_at=NOON)
    world.store.change(incident.incident_id, plan=plan, plan_digest=plan.digest())
    world.client.seen.clear()  # that was remediate
    seen = world.incidents.record(incident.incident_id)
    assert seen is not None
    word = Approval(approver="U0ADA", by="ada", at=at(1))
    state = world.remediations.state(plan.runbook_id, NOON)
    begins = beginning_of(plan, incident.incident_id, state, at(1))
    assert world.incidents.save_answer(incident.incident_id, word, "approved", seen=seen, begins=begins) is not None
    world.incidents.runs_since(plan.runbook_id, NOON)
    world.incidents.acknowledge(incident.incident_id, "ada", at(1))
    world.incidents.resolve(incident.incident_id, "ada", at(1))
    world.incidents.save_slack_message(incident.incident_id, "#ops", "1.2")
    world.incidents.save_post(incident.incident_id, "teams", "d")
    world.incidents.mark_shown(incident, 99)
    world.trail.append(incident.incident_id, [planned(plan)], at(1))


def hears(world: World, incident: Incident) -> None:
    incident_id = incident.incident_id
    real = Feedback(person="slack:U1", by="ada", said="real", at=at(9))
    feedback_store.save_feedback(incident_id, real.model_copy(update={"said": "noise"}), incidents=world.incidents)
    feedback_store.save_note(incident_id, "ada", "restarted it", at(9), incidents=world.incidents)
    assert world.incidents.save_word(Word(subject=SUBJECT, severity="low", person="slack:U1", by="ada", at=at(9)))
    # Closed by somebody else; what was said late goes to the group.
    record = world.incidents.record(incident_id)
    assert record is not None
    world.incidents.remember_the_end(
        record.model_copy(update={"closed_at": at(9), "outcome": "suppressed", "feedback": [real]})
    )
    world.trail.append(incident_id, [judged(real)], at(9))


def escalates_and_reopens_by_hand(world: World, incident: Incident) -> None:
    world.incidents.escalate(incident.incident_id, "ada", at(9), seen=0)
    world.incidents.live(incident.group_key)
    world.silences.since(at(9))
    world.groups.read({}, ["network#a1"])
    world.trail.entries(incident.incident_id)


PASS = Pass(key="ada", name="ada", role="operator", expires_at=at(60))


def signs_people_in(world: World, incident: Incident) -> None:
    ticket = world.sessions.mint(PASS, NOON)
    assert world.sessions.redeem(ticket, NOON) == PASS
    session = world.sessions.begin(PASS, NOON)
    assert world.sessions.find(session, NOON) == PASS
    world.sessions.end(session, NOON)


def shows(world: World, incident: Incident) -> None:
    """Open every page of the console."""
    world.store.change(incident.incident_id, plan=a_plan(planned_at=NOON))
    session = world.sessions.begin(PASS, NOON)
    world.client.seen.clear()  # that was remediate and respond
    site = site_of(world)
    page = f"incidents/{incident.incident_id}"
    for path in ("incidents?closed=1", page, f"{page}/status", f"{page}/plan", "oncall", "silences", "reports"):
        assert site.handle(get(f"/console/{path}", session), NOON)["statusCode"] == 200, path
    by_its_end = get(f"/console/incidents/{incident.incident_id[-6:]}", session)
    assert site.handle(by_its_end, NOON)["statusCode"] == 303


HELD = Hold(by="silence", id="s-1", reason="So.", until=at(9), seconds=9)


def reconciles(world: World, incident: Incident) -> None:
    (due,) = world.incidents.due(at(5), 9)
    assert count_open(world.table) == 1
    assert list(world.incidents.open_records())
    world.incidents.record(incident.incident_id)
    world.incidents.members(incident.incident_id)
    world.groups.read({}, ["network#a1"])
    world.silences.since(at(1))
    world.trail.append(incident.incident_id, [classified(VERDICT)], at(5))
    world.incidents.judge(incident, 1, VERDICT.model_copy(update={"hold": HELD}), at(1), seen=None)
    world.incidents.name_hold(incident.incident_id, HELD.model_copy(update={"id": "s-2"}))
    world.incidents.end_hold(incident.incident_id, "silence s-1 was ended", at(1))
    successor = world.incidents.begin_generation(due, at(5))
    assert successor is not None
    world.incidents.postpone(successor, at(15))
    world.incidents.repair_index(incident.incident_id)
    escalates(world, incident)


def watches(world: World, incident: Incident) -> None:
    world.heartbeats.expect("backup", alert(), NOON)
    (pulse,), before = world.heartbeats.pulses()
    world.heartbeats.watch(before, [pulse], NOON)
    world.heartbeats.mark(pulse, NOON, NOON)
    absent = alert(source="firstline", fingerprint="heartbeat", group_key="firstline:heartbeat", service="shop")
    world.groups.read({absent.group_key: [absent.fingerprint], "storm:firstline": []}, ["network#a1"])
    opened = open_for(world.groups, absent, now=at(1))
    world.groups.apply(ending(world.live(opened), stored(absent, opened, at(1)), now=at(2)))


def opens(world: World, incident: Incident) -> None:
    assert world.groups.take_token("generic", "DiskFull", Limits(1, 1), NOON, paging=False) is None
    assert world.groups.take_token("generic", "DiskFull", Limits(1, 1), NOON, paging=False) is not None
    assert world.groups.take_token("generic", "DiskFull", Limits(1, 1), NOON, paging=True) is None
    open_for(world.groups, alert(group_key="group-2", service="shop"), now=NOON + timedelta(hours=1))


def asks_whose_turn_it_is(world: World, _: Incident) -> None:
    TableOverrides(world.table).of("platform", NOON)
    TableCopies(world.table).of("platform")


def copies_a_schedule(world: World, _: Incident) -> None:
    copies = TableCopies(world.table)
    assert copies.claim("platform", NOON, timedelta(minutes=15))
    copies.save("platform", Copy(taken_at=NOON, spans=()))


def hands_over(world: World, _: Incident) -> None:
    hand_overs = TableHandOvers(world.table)
    first = Holding("ada", NOON)
    assert hand_overs.claim("platform", first, hand_overs.last("platform"))
    assert hand_overs.claim("platform", Holding("bob", at(1)), hand_overs.last("platform"))
    assert not hand_overs.claim("platform", Holding("cem", at(1)), first)
    assert list(world.incidents.open_records())
    list(world.incidents.closed_since(NOON))
    world.silences.since(NOON)


def tells_operators(world: World, _: Incident) -> None:
    for key in (f"throttles {stamp(NOON)}", "unheard", "ceiling 2026-03-02", "stopped"):
        assert world.incidents.claim_once(key, "me", NOON, until=at(1))
    assert world.incidents.claimed(["stopped web-1"], NOON) == set()
    world.incidents.claim_all(["stopped web-1"], "me", until=at(1))
    assert Spending(world.table, Ceiling()).reached(NOON.date()) == {}


def takes_a_turn(world: World, _: Incident) -> None:
    override = Override(schedule="platform", person="ada", begins_at=NOON, ends_at=at(9), by="ada", at=NOON)
    TableOverrides(world.table).save(override)


def publishes(world: World, incident: Incident) -> None:
    assert world.incidents.record(incident.incident_id) is not None


def hears_of_a_command(world: World, _: Incident) -> None:
    TableCommands(world.table).end("c-1", "Success", NOON)


@pytest.mark.parametrize(
    ("role", "does"),
    [
        ("IngestFunctionRole", opens),
        ("IngestFunctionRole", ingests),
        ("IngestFunctionRole", asks_whom_pagerduty_means),
        ("IngestFunctionRole", spreads),
        ("ClassifyFunctionRole", classifies),
        ("ClassifyFunctionRole", asks_a_model),
        ("RemediateFunctionRole", plans),
        ("EscalateFunctionRole", escalates),
        ("EscalateFunctionRole", settles),
        ("EscalateFunctionRole", asks_whose_turn_it_is),
        ("NotifyFunctionRole", notifies),
        ("NotifyFunctionRole", settles),
        ("RespondFunctionRole", responds),
        ("RespondFunctionRole", hears),
        ("RespondFunctionRole", escalates_and_reopens_by_hand),
        ("RespondFunctionRole", signs_people_in),
        ("RespondFunctionRole", asks_whose_turn_it_is),
        ("RespondFunctionRole", takes_a_turn),
        ("ConsoleFunctionRole", shows),
        ("ReconcileFunctionRole", reconciles),
        ("ReconcileFunctionRole", opens),
        ("ReconcileFunctionRole", watches),
        ("ReconcileFunctionRole", hears_of_a_command),
        ("ReconcileFunctionRole", asks_whose_turn_it_is),
        ("ReconcileFunctionRole", hands_over),
        ("ReconcileFunctionRole", tells_operators),
        ("ReconcileFunctionRole", copies_a_schedule),
        ("ConsoleFunctionRole", asks_whose_turn_it_is),
        ("PublishFunctionRole", publishes),
    ],
)
def test_a_function_may_do_what_it_does(
    role: str,
    does: Callable[[World, Incident], None],
    world: World,
    statements: dict[str, list[dict[str, Any]]],
) -> None:
    incident = open_for(world.groups, alert(severity="critical"), now=NOON)
    if does is not escalates and does is not reconciles:
        # Classified and taken, so that its end has something to count.
        world.incidents.judge(incident, 1, VERDICT, NOON, seen=world.live(incident))
        world.incidents.acknowledge(incident.incident_id, "grace", at(0))
    world.client.seen.clear()

    does(world, incident)

    given = of_the_table(statements[role])
    assert world.client.seen
    refused = [access for access in world.client.seen if not any(allows(statement, access) for statement in given)]
    assert refused == []


def test_notify_closes_an_incident_whose_counts_are_on_shards(
    world: World, statements: dict[str, list[dict[str, Any]]]
) -> None:
    incident = open_for(world.groups, alert(severity="critical"), now=NOON)
    spreads(world, incident)
    world.client.seen.clear()

    closes_with_shards(world, incident)

    given = of_the_table(statements["NotifyFunctionRole"])
    assert [access for access in world.client.seen if not any(allows(each, access) for each in given)] == []
