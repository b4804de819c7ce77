"""The next move of a remediation after each observation, and its results and reasons."""

from typing import Any

import pytest

from firstline.contracts import Observed, Origin
from firstline.models import (
    MOST_OUTPUT,
    StepResult,
    Target,
)
from firstline.runbooks.documents import HOLDS_ALREADY, NOT_NOW
from tests.unit.remediation.moves import (
    HERE,
    HOSTS,
    RELEASE,
    SILENCE,
    START,
    decide,
    failed,
    plan,
    read,
    result,
    seen,
    step,
    where,
)

CHANGED: dict[str, Any] = {"touched": True, "results": [result()]}
THROTTLED = failed("Run Step", "Ssm.SsmException", "Rate exceeded (Service: Ssm, Status Code: 400)")


@pytest.mark.parametrize(
    ("observed", "at", "expected"),
    # The steps are look, drain and restart. Expected are the move, the seconds before it, its queue and its index.
    [
        # After a step that succeeded, the next one follows; an act goes through the kill switch.
        (read("Success"), {"index": 0}, ("Read Switch", 0, "steps", 1)),
        (read("Success"), {"index": 2}, ("Await Recovery", 0, "steps", 2)),
        # After a step that failed, the remediation is rolled back.
        (read("Failed"), {"index": 1}, ("Read Switch", 0, "rollback", 0)),
        # A command that still runs is read again, later each time.
        (read("InProgress"), {"index": 1}, ("Read Step", 2, "steps", 1)),
        (read("InProgress"), {"index": 1, "polls": 3}, ("Read Step", 16, "steps", 1)),
        (read("InProgress"), {"index": 1, "polls": 7}, ("Read Step", 30, "steps", 1)),
        (read(), {"index": 1}, ("Read Step", 2, "steps", 1)),
        (read("InProgress"), {"index": 1, "polls": 9}, ("Cancel Step", 0, "steps", 1)),
        # A command whose time is over is not read again.
        (read("InProgress", overdue=True), {"index": 1}, ("Cancel Step", 0, "steps", 1)),
        (read("Success", overdue=True), {"index": 0}, ("Read Switch", 0, "steps", 1)),
        (Observed(state="Cancel Step"), {"index": 1}, ("Read Switch", 0, "rollback", 0)),
        # Throttling.
        (THROTTLED, {"index": 0}, ("Run Step", 2, "steps", 0)),
        (THROTTLED, {"index": 1}, ("Read Switch", 2, "steps", 1)),
        (THROTTLED, {"index": 1, "throttles": 3}, ("Read Switch", 16, "steps", 1)),
        (THROTTLED, {"index": 1, "throttles": 4}, ("Read Switch", 0, "rollback", 0)),
        # Recovery.
        (Observed(state="Await Recovery"), {"index": 2}, ("ended: resolved", 0, "steps", 2)),
        (failed("Await Recovery", "DynamoDb.ConditionalCheckFailedException"), {}, ("ended: resolved", 0, "steps", 0)),
        (SILENCE, {"index": 2}, ("Run Step", 0, "verify", 0)),
        (SILENCE, {"queue": "verify", "attempt": 2}, ("Read Switch", 0, "rollback", 0)),
        (failed("Await Recovery", "DynamoDb.DynamoDbException"), {}, ("ended: page", 0, "steps", 0)),
        # Verification.
        (read("Success"), CHANGED | {"queue": "verify", "attempt": 1}, ("ended: verified", 0, "verify", 0)),
        (read("Success"), {"queue": "verify", "attempt": 1}, ("ended: human", 0, "verify", 0)),
        (read("Failed"), {"queue": "verify", "attempt": 1}, ("Await Recovery", 0, "verify", 0)),
        (read("Failed"), {"queue": "verify", "attempt": 2}, ("Read Switch", 0, "rollback", 0)),
        # Rollback.
        (read("Success"), {"queue": "rollback"}, ("Read Switch", 0, "rollback", 1)),
        (read("Success"), {"queue": "rollback", "index": 1}, ("ended: human", 0, "rollback", 1)),
        # The switch.
        (Observed(state="Read Switch"), {"index": 1}, ("ended: human", 0, "steps", 1)),
        (Observed(state="Read Switch"), {"index": 1, "touched": True}, ("ended: page", 0, "steps", 1)),
        # If a command cannot be read, a human is paged.
        (failed("Read Step", "Ssm.SsmException"), {"index": 1}, ("ended: page", 0, "steps", 1)),
    ],
)
def test_each_observation_leads_to_its_next_move(
    observed: Observed, at: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    assert seen(decide(observed, **at)) == expected


@pytest.mark.parametrize(
    ("error", "cause", "queue"),
    [
        ("Ssm.InvalidInstanceIdException", "not in a valid state (Service: Ssm, Status Code: 400)", "steps"),
        ("Ssm.SsmException", "AccessDenied (Service: Ssm, Status Code: 400)", "steps"),
        ("Ssm.ThrottlingException", "Rate exceeded", "steps"),
        ("Ssm.SsmException", "(Service: Ssm, Status Code: 503)", "rollback"),
        ("Ssm.InternalServerErrorException", "internal", "rollback"),
        ("Ssm.SdkClientException", "reset", "rollback"),
        ("States.Timeout", "", "rollback"),
    ],
)
def test_an_act_that_may_fail_is_passed_over_when_refused_but_not_when_its_answer_is_lost(
    error: str, cause: str, queue: str
) -> None:
    forgiving = plan(steps=[step("drain", "act", on_failure="continue"), step("look", "diagnose")])

    assert decide(failed("Run Step", error, cause), forgiving).cursor.queue == queue


def test_an_act_that_may_fail_is_passed_over_when_cancelled_but_not_when_it_could_not_be() -> None:
    forgiving = plan(steps=[step("drain", "act", on_failure="continue"), step("look", "diagnose")])
    looking = plan(steps=[step("look", "diagnose", on_failure="continue"), step("drain", "act")])
    not_cancelled = failed("Cancel Step", "Ssm.SsmException")

    assert decide(Observed(state="Cancel Step"), forgiving).cursor.queue == "steps"
    assert decide(not_cancelled, forgiving).cursor.queue == "rollback", "it may still run"
    assert decide(not_cancelled, looking).cursor.queue == "steps", "a look that goes on changes nothing"


@pytest.mark.parametrize(
    ("status", "index"),
    [("Failed", 1), ("Undeliverable", 0), ("Delivery Timed Out", 0), ("Terminated", 0)],
)
def test_a_rollback_goes_on_past_a_failure_but_not_where_no_host_answers(status: str, index: int) -> None:
    undoing = plan(rollback=[step("refill", "rollback", on_failure="continue"), START])

    decided = decide(read(status), undoing, queue="rollback", touched=True)

    assert decided.cursor.index == index
    assert where(decided) == ("Read Switch" if index else "ended: page")


@pytest.mark.parametrize(
    ("observed", "at", "reason"),
    [
        (read("Failed"), {"index": 1}, "Unstick a queue failed at step drain."),
        (read("Success"), CHANGED | {"queue": "verify"}, "Unstick a queue ran, and its verification holds."),
        (
            read("Success"),
            {"queue": "verify"},
            "Unstick a queue changed nothing: its verification holds, and the alert still fires.",
        ),
        (Observed(state="Await Recovery"), {}, "Unstick a queue ran, and the alert resolved."),
        (SILENCE, {"attempt": 2}, "Unstick a queue ran, but the alert did not resolve."),
        (
            Observed(state="Read Switch"),
            {"index": 1},
            "Unstick a queue was stopped before step drain: remediation has been switched off.",
        ),
        (
            failed("Read Switch", "Ssm.SsmException"),
            {},
            "Unstick a queue was stopped before step look: the remediation switch could not be read "
            "(Ssm.SsmException).",
        ),
        (failed("Read Step", "Ssm.SsmException"), {}, "Read Step failed (Ssm.SsmException)."),
        (read("Success"), {"queue": "rollback", "index": 1}, "Step drain failed. It was rolled back."),
        (
            read("Failed"),
            {"queue": "rollback"},
            "Step drain failed. It was not all rolled back. Failed: refill; undone: nothing; not tried: start.",
        ),
    ],
)
def test_the_reason_says_how_the_remediation_stands(observed: Observed, at: dict[str, Any], reason: str) -> None:
    """A rollback keeps the reason for which it began: here `Step drain failed.`, as `decide` sets it."""
    assert decide(observed, **at).reason == reason


@pytest.mark.parametrize("cause", [{}, {"Cause": None}, {"Cause": ""}], ids=["none", "null", "empty"])
def test_a_time_out_without_a_cause_is_read(cause: dict[str, Any]) -> None:
    silence = Observed.model_validate({"state": "Await Recovery", "error": {"Error": "States.Timeout", **cause}})

    assert decide(silence, index=2).move == "Run Step"


ALARM = Origin(source="cloudwatch", account=HERE.account, region=HERE.region)


@pytest.mark.parametrize(
    ("origin", "move"),
    [
        (ALARM, "Ask CloudWatch"),
        (ALARM.model_copy(update={"account": "210987654321"}), "Run Step"),
        (ALARM.model_copy(update={"region": "us-east-1"}), "Run Step"),
        (ALARM.model_copy(update={"source": "datadog"}), "Run Step"),
    ],
    ids=["an alarm of this stack's place", "another account", "another region", "another source"],
)
def test_cloudwatch_is_asked_only_about_an_alarm_of_this_account_and_region(origin: Origin, move: str) -> None:
    assert decide(SILENCE, origin=origin, index=2).move == move


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (Observed(state="Ask CloudWatch", result=["OK"]), "ended: verified"),
        (Observed(state="Ask CloudWatch", result=["ALARM"]), "Run Step"),
        (Observed(state="Ask CloudWatch", result=[]), "Run Step"),
        (failed("Ask CloudWatch", "States.Timeout"), "Run Step"),
    ],
)
def test_only_the_state_ok_of_the_alarm_ends_the_remediation(observed: Observed, expected: str) -> None:
    assert where(decide(observed, index=2)) == expected


@pytest.mark.parametrize(
    ("results", "ended"),
    [
        ([result()], "verified"),
        ([result(changed=False)], "human"),
        ([result(changed=False), result()], "verified"),
        ([result(status="Failed")], "verified"),
        ([result(kind="diagnose")], "human"),
    ],
)
def test_a_verification_proves_a_cure_only_if_an_act_changed_something(results: list[StepResult], ended: str) -> None:
    decided = decide(read("Success"), queue="verify", attempt=1, touched=True, results=results)

    assert decided.ended == ended


@pytest.mark.parametrize(
    ("output", "changed"),
    [
        ("freed 3 GB", True),
        ("", True),
        (HOLDS_ALREADY, False),
        ("Nothing is swapped out: nothing was done.\n", False),
        ("90 of 100 entries are in use: nothing was done\nfailed to run commands: exit status 4", False),
        ("nothing was done about web-2, web-1 was restarted", True),
        (f"\n----------ERROR-------\n{NOT_NOW}\nfailed to run commands: exit status 1", False),
    ],
)
def test_the_last_line_of_an_act_tells_whether_it_changed_anything(output: str, changed: bool) -> None:
    (row, *_) = decide(read("Success", output=output), index=1).results
    assert row.changed is changed


@pytest.mark.parametrize(("attempt", "expected"), [(1, "Await Recovery"), (2, "ended: human")])
def test_a_verification_proves_no_cure_while_cloudwatch_says_alarm(attempt: int, expected: str) -> None:
    place = CHANGED | {"queue": "verify", "attempt": attempt, "alarming": True}

    decided = decide(read("Success"), **place)

    assert where(decided) == expected
    if decided.ended:
        assert decided.reason == "Unstick a queue ran, and its verification holds, but CloudWatch still says ALARM."


def test_an_alarm_counts_as_firing_only_until_cloudwatch_says_otherwise() -> None:
    alarmed = decide(Observed(state="Ask CloudWatch", result=["ALARM"]), index=2)
    assert alarmed.cursor.alarming
    silent = Observed(state="Ask CloudWatch", result=["INSUFFICIENT_DATA"])
    assert not decide(silent, **CHANGED, index=2, alarming=True).cursor.alarming


CANCELLED = "Transaction cancelled, please refer cancellation reasons for specific reasons [{}, {}]"
REFUSED = "ConditionalCheckFailed"


@pytest.mark.parametrize(
    ("error", "cause", "why"),
    [
        (
            "DynamoDb.TransactionCanceledException",
            CANCELLED.format("None", REFUSED),
            "was claimed before by an execution that ended: nobody knows whether it ran.",
        ),
        (
            "DynamoDb.TransactionCanceledException",
            CANCELLED.format(REFUSED, REFUSED),
            "was claimed before by an execution that ended: nobody knows whether it ran.",
        ),
        (
            "DynamoDb.TransactionCanceledException",
            CANCELLED.format(REFUSED, "None"),
            "was not sent: the alert resolved, or another execution has the incident.",
        ),
        (
            "DynamoDb.TransactionCanceledException",
            CANCELLED.format("TransactionConflict", "None"),
            "was not sent: it could not be claimed (DynamoDb.TransactionCanceledException).",
        ),
        (
            "DynamoDb.InternalServerErrorException",
            "",
            "was not sent: it could not be claimed (DynamoDb.InternalServerErrorException).",
        ),
        ("States.Timeout", "", "was not sent: it could not be claimed (States.Timeout)."),
    ],
)
@pytest.mark.parametrize(("touched", "ended"), [(False, "human"), (True, "page")])
def test_a_step_that_could_not_be_claimed_is_not_sent_and_calls_a_human(
    error: str, cause: str, why: str, touched: bool, ended: str
) -> None:
    decided = decide(failed("Claim Step", error, cause), index=1, touched=touched)

    assert (decided.move, decided.ended, decided.reason) == ("What Now?", ended, f"Step drain {why}")
    assert decided.results == []


@pytest.mark.parametrize(
    ("error", "cause", "touched"),
    [
        ("Ssm.ThrottlingException", "Rate exceeded", False),
        ("Ssm.SsmException", "Rate exceeded", False),
        ("Ssm.SsmException", "AccessDenied (Status Code: 400)", True),
        ("Ssm.SdkClientException", "reset", True),
        ("States.Timeout", "", True),
    ],
)
def test_an_act_that_failed_for_anything_but_throttling_may_have_touched_the_host(
    error: str, cause: str, touched: bool
) -> None:
    assert decide(failed("Run Step", error, cause), index=1).cursor.touched is touched
    assert decide(failed("Run Step", error, cause), index=0).cursor.touched is False, "step 0 only looks"


def test_of_a_long_output_each_of_two_hosts_keeps_the_most_that_is_allowed() -> None:
    both = plan(targets=[Target(instance_id=host, name=host) for host in HOSTS])
    long = "x y\n" * MOST_OUTPUT
    (result,) = decide(read("Success", output=long)).results
    first, _ = decide(read("Success", "Success", output=long), both).results

    assert (len(result.output), len(first.output)) == (MOST_OUTPUT, MOST_OUTPUT)


def test_an_output_is_kept_without_its_secrets() -> None:
    (result,) = decide(read("Success", output="password=hunter2hunter2")).results

    assert "hunter2" not in result.output


SECRETS = ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENG", "password: hunter2hunter2", "token ghp_" + "a1B2" * 9)
MARK = "---Output truncated---"


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_hidden_wherever_the_state_machine_cuts_the_output(secret: str) -> None:
    for ending in ("\n" + "all is well\n" * 60, " " + "all is well " * 60):
        whole = f"before {secret}{ending}"
        for cut in range(len(f"before {secret}")):
            # Exactly 500 characters are left, as after the cut.
            kept = whole[cut:][:MOST_OUTPUT]
            (result,) = decide(read("Success", output=kept)).results
            assert not any(part in result.output for part in ("wJalr", "MDENG", "hunter2", "a1B2a1B2")), (cut, kept)
            assert "all is well" in result.output


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("mark", [f"\n{MARK}", MARK])
def test_a_secret_is_hidden_wherever_systems_manager_cuts_the_output(secret: str, mark: str) -> None:
    for cut in range(1, len(secret)):
        output = f"all is well\n{secret[:cut]}{mark}\n----------ERROR-------\nfailed"
        (result,) = decide(read("Failed", output=output)).results
        assert result.output == f"all is well\n{MARK}\n----------ERROR-------\nfailed"


def test_of_an_output_without_line_breaks_the_end_is_kept_or_the_log_is_named() -> None:
    (words,) = decide(read("Success", output="word " * 100)).results
    (blob,) = decide(read("Success", output="x" * 500)).results

    assert words.output.endswith("word word ")
    assert blob.output == "(one long line: see the command's log)"


def test_of_many_hosts_ten_failures_are_kept_and_the_successes_counted() -> None:
    hosts = [f"i-{number:08x}" for number in range(50)]
    many = plan(targets=[Target(instance_id=host, name=host) for host in hosts], steps=[step("look", "diagnose")])
    invocations = [
        {"InstanceId": host, "Status": "Failed" if number % 2 else "Success"} for number, host in enumerate(hosts)
    ]

    kept = decide(Observed(state="Read Step", result={"command_id": "c", "invocations": invocations}), many).results

    assert (kept[0].instance_id, kept[0].status) == ("25 hosts", "Success")
    assert [row.status for row in kept[1:]] == ["Failed"] * 10


def test_of_several_verifications_the_last_is_kept() -> None:
    earlier = decide(read("Failed"), queue="verify", attempt=1).results

    assert [row.status for row in decide(read("Success"), queue="verify", attempt=2, results=earlier).results] == [
        "Success"
    ]


def released(**changes: Any) -> Observed:
    fields = {"deployment": "d-3", "running": False, "lost": False, "touched": True, "failed": None, "seen": None}
    return Observed(state="Take Release Back", result=fields | changes)


def refusal(state: str, error: str, cause: str) -> dict[str, Any]:
    return {"state": state, "error": {"Error": error, "Cause": cause}}


OURS = {"Status": "Succeeded", "Description": RELEASE.marker}
NAMELESS = refusal("Roll Back Release", "CodeDeploy.CodeDeployException", "Rate exceeded")


@pytest.mark.parametrize(
    ("observed", "move", "status"),
    [
        (released(seen=OURS), "Await Recovery", "Success"),
        (released(seen=OURS | {"Status": "Failed"}), "ended: page", "Failed"),
        (released(seen=OURS | {"Status": "InProgress"}, running=True), "ended: page", "Goes on: did not end in time"),
        (released(seen={"Status": "Succeeded"}), "ended: page", "Unknown: not ours"),
        (released(lost=True), "ended: page", "Unknown: no answer"),
        (released(touched=False), "ended: human", "Not sent: newer release"),
        (released(touched=False, deployment=None), "ended: human", "Not sent: unread"),
        (released(touched=False, running=True), "ended: human", "Not sent: still in progress"),
        (released(failed=refusal("Stop Release", "CodeDeploy.X", "no")), "ended: page", "Not stopped: CodeDeploy.X"),
        (released(failed=refusal("Read Release", "CodeDeploy.X", "no")), "ended: page", "Unknown: unread"),
        (released(failed=NAMELESS, touched=False), "Read Switch", None),
        (failed("Take Release Back", "States.TaskFailed"), "ended: page", "Unknown: States.TaskFailed"),
        (failed("Take Release Back", "States.Timeout"), "ended: page", "Unknown: States.Timeout"),
    ],
)
def test_each_end_of_taking_a_release_back_gives_its_move_and_status(
    observed: Observed, move: str, status: str | None
) -> None:
    decided = decide(observed, plan(steps=[RELEASE], targets=[], rollback=[], verify=None))

    assert where(decided) == move
    assert [row.status for row in decided.results] == ([status] if status else [])
