"""Earned autonomy: the outcomes of runs, their counts, and the mode that a runbook earns with them."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.models import RunbookRun, StepResult
from firstline.policy.remediation import Autonomy
from firstline.remediation.autonomy import Tally, advice, outcome_of_run, tally
from firstline.remediation.store import Standing
from firstline.runbooks.model import Mode
from tests.support.builders import NOW, a_plan, a_result
from tests.support.spool import a_runbook

UNDO = a_plan().steps[0].model_copy(update={"step_id": "undo", "kind": "rollback"})
MANY_HOSTS = [a_plan().targets[0].model_copy(update={"instance_id": f"i-{number:017x}"}) for number in range(12)]
TWO_HOSTS = [a_plan().targets[0], a_plan().targets[0].model_copy(update={"instance_id": "i-0123456789abcdef1"})]

ON_MANY = a_result(kind="rollback", instance_id="12 hosts")
"""The shared result of the hosts on which a step succeeded, as kept for more than ten hosts."""


@pytest.mark.parametrize(
    ("results", "cured", "plan", "outcome"),
    [
        pytest.param([], True, {}, "not_run", id="no step ran"),
        pytest.param(
            [a_result(command_id="none", status="Not sent: Ssm.SsmException")],
            False,
            {},
            "not_run",
            id="the step was not sent",
        ),
        pytest.param([a_result(status="Undeliverable")], False, {}, "not_run", id="no host got the step"),
        pytest.param(
            [a_result(status="Delivery Timed Out"), a_result(kind="diagnose")],
            False,
            {},
            "looked",
            id="a host got it too late",
        ),
        pytest.param([a_result(kind="diagnose")], True, {}, "looked", id="only looked"),
        pytest.param([a_result()], True, {}, "verified", id="cured"),
        pytest.param([a_result()], False, {}, "failed", id="not cured"),
        pytest.param([a_result(status="Failed")], False, {}, "failed", id="the act failed"),
        pytest.param([a_result(), a_result(kind="rollback")], False, {"rollback": [UNDO]}, "undone", id="rolled back"),
        pytest.param(
            [a_result(), a_result(kind="rollback", status="Failed")],
            False,
            {"rollback": [UNDO]},
            "failed",
            id="the rollback failed",
        ),
        pytest.param(
            [a_result(), a_result(kind="rollback")], False, {"rollback": [UNDO, UNDO]}, "failed", id="half rolled back"
        ),
        pytest.param(
            [a_result(), a_result(kind="rollback")],
            False,
            {"rollback": [UNDO], "targets": TWO_HOSTS},
            "failed",
            id="rolled back on one host of two",
        ),
        pytest.param(
            [a_result(), ON_MANY],
            False,
            {"rollback": [UNDO], "targets": MANY_HOSTS},
            "undone",
            id="rolled back on many hosts",
        ),
        pytest.param(
            [a_result(), ON_MANY],
            False,
            {"rollback": [UNDO, UNDO], "targets": MANY_HOSTS},
            "failed",
            id="half rolled back on many hosts",
        ),
    ],
)
def test_the_outcome_of_a_run_follows_from_its_results_and_the_cure(
    results: list[StepResult], cured: bool, plan: dict[str, Any], outcome: str
) -> None:
    assert outcome_of_run(a_plan(**plan), results, cured=cured) == outcome


def run(**changes: Any) -> RunbookRun:
    fields: dict[str, Any] = {
        "runbook_id": "low-disk",
        "incident_id": "inc-1",
        "instance_ids": ["i-1"],
        "decision": "approve",
        "at": NOW,
        "until": NOW + timedelta(hours=1),
    }
    return RunbookRun(**fields | changes)


def test_the_tally_counts_plans_by_decision_approval_and_outcome() -> None:
    counted = tally(
        "low-disk",
        [
            run(decision="shadow"),
            run(decision="auto", outcome="verified"),
            run(accepted=True, outcome="verified"),
            run(accepted=True, outcome="failed"),
            run(accepted=True, outcome="undone"),
            run(accepted=False, outcome="not_run"),
            run(outcome="not_run"),
            run(),
        ],
    )

    assert counted == Tally(
        runbook_id="low-disk",
        shadow=1,
        planned=7,
        approved=3,
        refused=1,
        run=4,
        verified=2,
        failed=1,
        undone=1,
    )
    assert counted.accepted_percent == 75, "plans that nobody answered do not count"
    assert counted.verified_percent == 50
    assert tally("low-disk", []).accepted_percent is None


GOOD = {"planned": 10, "approved": 10, "run": 10, "verified": 10}


@pytest.mark.parametrize(
    ("mode", "counted", "demoted", "words"),
    [
        ("off", {}, None, "switched off"),
        ("shadow", {"shadow": 4}, None, "1 more in shadow"),
        ("shadow", {"shadow": 5}, None, "ready for approve"),
        ("approve", {}, None, "10 more runs"),
        ("approve", GOOD, None, "ready for auto"),
        ("approve", GOOD | {"refused": 1}, None, "90% accepted, 95% wanted"),
        ("approve", GOOD | {"verified": 9, "failed": 1}, None, "90% verified, 95% wanted"),
        ("auto", {}, None, "runs by itself"),
        ("auto", GOOD, "it did not help", "it did not help. After fixing it: firstline runbooks promote drain-spool"),
    ],
)
def test_the_advice_says_what_mode_a_runbook_earned_or_what_it_lacks(
    mode: Mode, counted: dict[str, int], demoted: str | None, words: str
) -> None:
    """By default, approve takes 5 runs in shadow, and auto takes 10 runs with 95% accepted and verified."""
    said = advice(
        a_runbook(mode=mode), mode, Tally(runbook_id="drain-spool", **counted), Standing(demoted=demoted), Autonomy()
    )

    assert words in said


def test_a_destructive_runbook_never_earns_auto() -> None:
    runbook = a_runbook(risk="destructive")

    for mode in ("approve", "auto"):
        counted = Tally(runbook_id="drain-spool", **GOOD)
        assert advice(runbook, mode, counted, Standing(), Autonomy()) == "destructive: always asks"


@pytest.mark.parametrize(
    ("mode", "environments", "expected"),
    [
        ("auto", ("prod",), "auto"),
        ({"default": "approve", "dev": "auto"}, ("dev",), "auto"),
        ({"default": "approve", "dev": "auto"}, ("DEV ", ""), "auto"),
        ({"default": "approve", "dev": "auto"}, ("prod",), "approve"),
        ({"default": "approve", "dev": "auto"}, ("dev", "prod"), "approve"),
        ({"default": "approve", "dev": "auto"}, ("", " "), "approve"),
        ({"default": "off", "dev": "auto", "prod": "shadow"}, ("dev", "prod"), "shadow"),
    ],
)
def test_of_several_environments_the_more_careful_mode_counts(
    mode: Any, environments: tuple[str, ...], expected: str
) -> None:
    assert a_runbook(mode=mode).mode_in(*environments) == expected


def test_a_mode_for_environments_needs_a_default() -> None:
    with pytest.raises(ValueError, match="add `default: shadow`, for all the others"):
        a_runbook(mode={"dev": "auto"})


def test_a_runbook_is_off_only_if_it_is_off_in_every_environment() -> None:
    assert a_runbook(mode={"default": "off"}).is_off
    assert not a_runbook(mode={"default": "off", "dev": "shadow"}).is_off
