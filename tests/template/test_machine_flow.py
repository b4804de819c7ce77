"""The paths through the state machines: what precedes an act, where a circle ends, what a wait is for."""

from collections.abc import Mapping
from typing import Any, get_args

import pytest

from firstline import contracts
from firstline.models import RemediationPlan
from local.emulator.jsonata_expressions import evaluate
from tests.support.builders import a_plan, a_release, a_release_plan, a_whole_plan
from tests.template.machine import CHILD, MACHINE, TASKS, Machine


def before(machine: Machine, state: str) -> set[str]:
    """Return the states from which an edge leads to a state."""
    return {name for name in machine.states if state in {edge.target for edge in machine.edges(name)}}


def test_a_release_is_changed_only_after_it_was_checked() -> None:
    for change in ("Roll Back Release", "Roll Back Configuration", "Stop Configuration", "Stop Release"):
        assert before(CHILD, change) == {"Release Unchanged?"}
    assert before(CHILD, "Release Unchanged?") == {"Check Release", "Check Configuration"}


def test_an_act_is_only_ever_reached_through_a_claim_and_the_switch() -> None:
    assert before(MACHINE, "Take Release Back") == {"Switched Off?"}
    assert before(MACHINE, "Switched Off?") == {"Read Switch"}
    assert before(MACHINE, "Read Switch") == {"Claim Step"}
    # What disturbs nobody is sent without both.
    assert before(MACHINE, "Run Step") == {"Switched Off?", "Go"}


def goes(go: str, *, kind: str = "diagnose", document: str = "${DocumentPrefix}-ro-look", seconds: int = 0) -> str:
    """Return the state that `Go` chooses for an answer."""
    variables = {"next": {"go": go}, "seconds": seconds, "step": {"kind": kind, "document": document}}
    choices = MACHINE.states["Go"]
    chosen = (rule["Next"] for rule in choices["Choices"] if evaluate(rule["Condition"][3:-3], variables.__getitem__))
    return str(next(chosen, choices["Default"]))


def document(risk: str) -> str:
    """Return the name of a document as the definition's expressions see it, without the substitution of its prefix."""
    return f"${{DocumentPrefix}}-{risk}-low-disk.look"


@pytest.mark.parametrize("kind", ["diagnose", "verify"])
@pytest.mark.parametrize("name", [document("safe"), document("destructive"), "Mine", "ro-mine", f"my{document('ro')}"])
def test_a_step_that_claims_to_look_without_a_read_only_document_of_the_stack_is_claimed(kind: str, name: str) -> None:
    assert goes("Run Step", kind=kind, document=name) == "Claim Step"


@pytest.mark.parametrize(("kind", "looks"), [("diagnose", True), ("verify", True), ("act", False), ("rollback", False)])
@pytest.mark.parametrize("move", ["Run Step", "Read Switch"])
def test_a_command_that_may_change_a_host_is_claimed_before_it_is_sent(move: str, kind: str, looks: bool) -> None:
    read_only = document("ro")

    chosen = goes(move, kind=kind, document=read_only)

    # The answer Read Switch says that the step asks the switch first; the claim comes before that.
    assert chosen == ("Run Step" if looks and move == "Run Step" else "Claim Step")


@pytest.mark.parametrize(
    ("signal", "answered", "then"),
    [
        ("answered", {"go": "Await Resolution", "seconds": 60, "changes": 4, "acked": 1}, "Await Resolution"),
        ("answered", contracts.AfterSignal().model_dump(), "What Now?"),
        ("approved", {"go": "Await Resolution", "seconds": 60, "changes": 4, "acked": 1}, "What Now?"),
        ("answered", None, "What Now?"),
    ],
    ids=["an answer for it", "an empty answer", "an answer for another signal", "no answer"],
)
def test_what_follows_a_wait_is_what_its_answer_said_of_the_signal(signal: str, answered: Any, then: str) -> None:
    """The answer to an earlier release's wait has no `signal` and counts as none."""
    said = {"go": "Await Acknowledgement", "seconds": 300} | ({"then": {"answered": answered}} if answered else {})
    given = {"next": said, "ask": {"go": "What Now?", "rank": 4}, "states": {"result": {"signal": signal}}}
    after = evaluate(TASKS["Await Acknowledgement"]["Assign"]["next"][3:-3], given.__getitem__)

    assert (after["go"], goes(after["go"])) == (then, then)
    assert ("seconds" in after) == (answered is not None and signal == "answered")


@pytest.mark.parametrize("go", [*get_args(contracts.Move.__value__), *get_args(contracts.Go.__value__)])
def test_every_answer_leads_to_its_state_or_to_a_wait_if_it_has_seconds(go: str) -> None:
    assert goes(go) == {"Read Switch": "Claim Step", "Classify": "Classify Again", "Announce Quiet": "Await Quiet"}.get(
        go, go
    )
    assert goes(go, seconds=4) == "Wait"


BOUNDED = {"What Now?", "Next Move", "Plan Remediation", "Classify Again", "Page On-Call", "Notify Ops"}
"""The states whose function never answers the same for ever without a wait: tests of these pure functions show it."""


ONCE = {"Announce Remediation"}
"""The states that cannot be part of a second round: this one says that the first step comes next."""


def is_a_wait(state: Mapping[str, Any]) -> bool:
    """Return True if a state takes time: it waits for a clock, a task token or another machine."""
    return state["Type"] == "Wait" or str(state.get("Resource", "")).endswith((".waitForTaskToken", ".sync:2"))


def test_no_circle_is_without_a_wait_or_a_function_that_bounds_it() -> None:
    free = {name for name, state in MACHINE.states.items() if not is_a_wait(state) and name not in BOUNDED | ONCE}
    # Why Announce Remediation counts as passed only once.
    assert MACHINE.states["Announce Remediation"]["Assign"]["next"]["go"] == "Run Step"

    assert MACHINE.circle_within(free) is None


def test_no_circle_of_the_child_is_made_of_choices_alone() -> None:
    assert CHILD.circle_within({name for name, state in CHILD.states.items() if state["Type"] == "Choice"}) is None


def test_a_wait_that_times_out_leads_on_and_one_that_is_refused_to_a_pause() -> None:
    of_a_runbook = ("Await Recovery", "Await Step")
    for name, state in TASKS.items():
        if state["Resource"].endswith(".waitForTaskToken") and name not in of_a_runbook:
            # The function of Await Quiet finds out whether the record calls for this wait at all.
            ways = (
                ["Close Incident", "What Now?", "Pause", "Pause"] if name == "Await Quiet" else ["What Now?", "Pause"]
            )
            assert [catch["Next"] for catch in state["Catch"]] == ways
            assert state["Catch"][0]["ErrorEquals"] == ["States.Timeout"]
    errors = [error for catch in TASKS["Await Quiet"]["Catch"] for error in catch["ErrorEquals"]]
    assert errors == ["States.Timeout", "StaysOpen", "WaitRefused", "States.ALL"]


def test_an_execution_that_cannot_read_its_record_pages_once_and_ends_some_day() -> None:
    """`What Now?`, which bounds the circles, is what fails here."""
    states = MACHINE.states
    (failed,) = states["What Now?"]["Catch"]
    assert failed["Next"] == "Was Anyone Paged?"
    assert "rounds" in failed["Assign"]
    page, hand_over = states["Was Anyone Paged?"]["Choices"]
    assert (page["Next"], hand_over["Next"]) == ("Page On-Call", "Hand Over")
    assert states["Was Anyone Paged?"]["Default"] == "Wait For Record"
    # `tried` remembers the page: without it the machine pages, with it not again ...
    for tried, chosen in ((False, True), (True, False)):
        assert evaluate(page["Condition"][3:-3], {"tried": tried}.get) is chosen
    assert states["Page On-Call"]["Assign"]["tried"] is True
    caught = [catch for catch in states["Page On-Call"]["Catch"] if catch["Next"] != "Undelivered"]
    assert all(catch["Assign"]["tried"] is True for catch in caught)
    # ... and only the first state, which nothing leads back to, sets it to false: at its end and if it fails.
    forgets = [
        name
        for name in states
        for edge in (states[name], *states[name].get("Catch", ()))
        if edge.get("Assign", {}).get("tried") is False
    ]
    assert forgets == [MACHINE.start] * 2
    assert before(MACHINE, MACHINE.start) == set()


def test_the_wait_for_a_command_is_refused_if_it_has_ended_and_bounded_by_its_time_outs() -> None:
    state = TASKS["Await Step"]

    assert state["Arguments"]["Key"]["pk"] == {"S": '{% "COMMAND#" & $commandId %}'}
    assert state["Arguments"]["ConditionExpression"] == "attribute_not_exists(ended_at)"
    assert {way["Next"] for way in [*state["Catch"], state]} == {"Read Step"}, "the command is read, whatever woke it"
    # An act goes from wave to wave, each with its own time-out; a look is at all hosts at once.
    for kind, seconds in (("diagnose", 75 + 60), ("act", 75 + 3 * 60)):
        variables = {"step": {"kind": kind, "timeout_seconds": 60}, "plan": {"waves": 3}}
        assert evaluate(state["TimeoutSeconds"][3:-3], variables.__getitem__) == seconds


WAITS = [
    name
    for name, state in TASKS.items()
    if state["Resource"].endswith(":updateItem.waitForTaskToken") and name != "Await Step"
]
"""The waits that the machine itself writes on a LIVE item; `Await Quiet` has a function for that."""


@pytest.mark.parametrize("name", WAITS)
def test_a_wait_is_refused_to_an_earlier_execution_and_after_an_unseen_change(name: str) -> None:
    arguments = TASKS[name]["Arguments"]
    condition, values = arguments["ConditionExpression"], arguments["ExpressionAttributeValues"]

    assert "incident_id = :id AND generation = :generation AND #status = :open" in condition
    assert values[":awaiting"] == {"S": name.removeprefix("Await ").lower()}
    if name != "Await Recovery":
        assert condition.endswith("AND changes = :changes")
        assert TASKS[name]["TimeoutSeconds"] == "{% $next.seconds %}"
    for retry in TASKS[name]["Retry"]:
        assert "DynamoDb.TransactionConflictException" in retry["ErrorEquals"]
        assert "DynamoDb.ConditionalCheckFailedException" not in retry["ErrorEquals"]


@pytest.mark.parametrize(("answer", "seconds"), [({"quiet_seconds": 1200}, 1200), ({}, 300)])
def test_a_remediation_does_not_forget_how_long_the_grouping_window_lasts(answer: dict[str, int], seconds: int) -> None:
    """An answer from a function of an earlier release does not say it."""
    for way in (TASKS["Announce Remediation"], *TASKS["Announce Remediation"]["Catch"]):
        assert evaluate(way["Assign"]["next"]["quiet_seconds"][3:-3], {"next": answer}.__getitem__) == seconds
    kept = TASKS["Next Move"]["Assign"]["next"][3:-3]
    answered = {"states": {"result": {"Payload": {"move": "Await Recovery"}}}, "next": {"quiet_seconds": seconds}}
    assert evaluate(kept, answered.__getitem__) == {"quiet_seconds": seconds, "go": "Await Recovery"}


def test_a_step_is_claimed_only_by_the_present_execution_while_the_alert_fires() -> None:
    on_live, claim = (next(iter(item.values())) for item in TASKS["Claim Step"]["Arguments"]["TransactItems"][:2])

    condition = " ".join(on_live["ConditionExpression"].split())
    assert "generation = :generation AND #status = :open AND (attribute_exists(#rollback) OR" in condition
    assert "(firing > :none OR attribute_exists(shards)) AND (attribute_not_exists(resolved_by) OR" in condition
    assert claim["ConditionExpression"] == "attribute_not_exists(pk) OR claimed_by = :me"
    assert claim["Item"]["claimed_by"] == claim["ExpressionAttributeValues"][":me"]
    assert "Execution.Id" in claim["Item"]["claimed_by"]["S"], "else a repeat of a lost answer claims it for good"


@pytest.mark.parametrize(
    ("mode", "decision", "risk", "asked"),
    [
        ("auto", "auto", "safe", "RUNBOOK#mine"),
        ("auto", "auto", "disruptive", "RUNBOOK#mine"),
        ("auto", "auto", "destructive", "DECISION#one"),
        ("auto", "approve", "safe", "DECISION#one"),
        ("approve", "auto", "safe", "DECISION#one"),
        ("off", "auto", "safe", "DECISION#one"),
    ],
)
def test_a_claim_checks_the_decision_unless_mode_plan_and_risk_let_the_runbook_act_by_itself(
    mode: str, decision: str, risk: str, asked: str
) -> None:
    expression = TASKS["Claim Step"]["Arguments"]["TransactItems"][2].replace("${RemediationMode}", mode)
    document = f"${{DocumentPrefix}}-{risk}-mine.act"  # what counts is its runbook, and not what the plan says
    variables = {
        "step": {"document": document, "document_version": "1", "through": "ssm", "parameters": {}},
        "plan": {"decision": decision, "runbook_id": "another", "targets": [{"instance_id": "i-1"}]},
        "incident": {"incident_id": "one"},
    }

    check = evaluate(expression[3:-3], variables.__getitem__)["ConditionCheck"]

    assert check["Key"]["pk"] == {"S": asked}
    # A safe runbook acts by itself until it is demoted; a riskier one has to be promoted, or to have proven itself.
    acts_until_demoted = asked == "RUNBOOK#mine" and risk == "safe"
    assert ("attribute_not_exists(demoted_at)" in check["ConditionExpression"]) == acts_until_demoted


VALUES: list[dict[str, list[str]]] = [{}, {"b": ["1"], "a": ["/data"]}, {"paths": ["/data", "/home"]}]
REQUESTS: list[dict[str, Any]] = [
    {"ApplicationId": "app1234", "DeploymentNumber": 7, "AllowRevert": True},
    {"b": {"d": ["x", "y", {"z": 1}], "c": {}}, "B": "", "a": [], "text": 'ü "quoted"; a=b|c', "none": None},
]


@pytest.mark.parametrize(
    "plan",
    [
        a_whole_plan(),
        a_whole_plan(guard_alarm=None, targets=a_plan().targets),
        a_plan(steps=[a_plan().commands[0].model_copy(update={"parameters": values}) for values in VALUES]),
        a_release_plan(steps=[a_release(request=request) for request in REQUESTS]),
    ],
    ids=["a whole plan", "one host without a guard", "other parameters", "releases"],
)
def test_an_approval_covers_all_that_is_sent(plan: RemediationPlan) -> None:
    sent = plan.model_dump(mode="json")
    steps = [*sent["steps"], *([sent["verify"]] if sent["verify"] else []), *sent["rollback"]]
    expression = TASKS["Claim Step"]["Arguments"]["TransactItems"][2][3:-3]

    def asked(step: dict[str, Any]) -> str:
        known = {"step": step, "plan": sent | {"decision": "approve"}, "incident": {"incident_id": "one"}}
        check = evaluate(expression, known.__getitem__)["ConditionCheck"]
        return str(check["ExpressionAttributeValues"][":step"]["S"])

    assert [asked(step) for step in steps] == plan.covers[: len(steps)]
