"""Tests of the model of a runbook: a valid runbook is read, and each mistake is refused with its reason."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from firstline.runbooks.commands import Step
from firstline.runbooks.model import Runbook
from firstline.runbooks.parameters import Parameter
from tests.support.checked import checked

type Fields = Callable[..., dict[str, Any]]

STEP = {"id": "drain", "kind": "act", "run": 'drain -- "$SSM_spool"'}
VERIFY = {"run": "spool-is-empty", "within": "1m", "every": "20s"}


def test_a_valid_runbook_is_read_with_durations_commands_and_parameters(runbook_fields: Fields) -> None:
    limits = {"cooldown": "30m", "per_hour": 3, "max_hosts": 2}
    verify = VERIFY | {"within": "1m", "every": "20s"}
    runbook = Runbook.model_validate(runbook_fields(limits=limits, steps=[STEP], verify=verify))

    assert runbook.limits.cooldown == timedelta(minutes=30)
    assert runbook.verify is not None
    assert runbook.verify.attempts == 3
    assert [step_id for step_id, _ in runbook.commands()] == ["drain", "verify"]
    assert checked(Step, runbook.steps[0]).variables == ["spool"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"colour": "red"}, "Extra inputs"),
        ({"id": "Drain Spool"}, "should match pattern"),
        ({"mode": "sometimes"}, "'off', 'shadow', 'approve' or 'auto'"),
        ({"match": {}}, "nothing to match on"),
        ({"match": {"alerts": ["*"]}}, "would fit every alert"),
        ({"match": {"words": ["---"]}}, "contains no word"),
        ({"verify": None}, "never checks whether that helped"),
        ({"risk": "read_only"}, "cannot have `risk: read_only`"),
        ({"steps": []}, "at least 1 item"),
        ({"steps": [STEP, STEP]}, "'drain' is taken"),
        ({"steps": [STEP | {"id": "verify"}]}, "'verify' is taken"),
        ({"rollback": [{"id": "drain", "run": 'undo "$SSM_spool"'}]}, "'drain' is taken"),
        ({"steps": [STEP | {"run": "drain {{ spool }}"}]}, "which Systems Manager would replace"),
        ({"steps": [STEP | {"run": "  \n"}]}, "the script is empty"),
        ({"steps": [STEP | {"run": "a\r\nb"}]}, "carriage return"),
        ({"steps": [STEP | {"run": "FIRSTLINE_SCRIPT"}]}, "marks the end of a script"),
        ({"steps": [STEP | {"run": 'drain "$SSM_spool" "${SSM_host}"'}]}, "does not declare 'host'"),
        ({"verify": VERIFY | {"run": 'empty "$SSM_host"'}}, "does not declare 'host'"),
        ({"steps": [STEP | {"run": "drain"}]}, "'spool' is read by no step"),
        ({"steps": [STEP | {"timeout": "1s"}]}, "1s is out of range; write a duration from 5s to 3600s"),
        ({"steps": [STEP | {"timeout": 60}]}, "has no unit"),
        ({"steps": [STEP | {"timeout": "1 week"}]}, "not a duration"),
        ({"steps": [STEP | {"run_as": "root; id"}]}, "should match pattern"),
        ({"steps": [STEP | {"run_as": "root"}]}, "the script runs as root without a reason; add `because: …`"),
        (
            {"steps": [STEP | {"run_as": "root", "because": "Only root may do this.", "reads_journal": True}]},
            "root can read the journal without `reads_journal`",
        ),
        ({"steps": [STEP | {"because": "Only root may do this."}]}, "and this script runs as nobody; remove `because`"),
        ({"verify": VERIFY | {"within": "2h"}}, "360 tries, one per `every`, fit into `within`"),
        ({"limits": {"cooldown": "30m", "per_hour": 0, "max_hosts": 1}}, "greater than or equal to 1"),
        ({"limits": {"cooldown": "30m", "per_hour": 1, "max_hosts": 51}}, "less than or equal to 50"),
        ({"parameters": {"spool": {"pattern": "^[a-z]+$"}}}, "could never have a value"),
        ({"parameters": {"spool": {"from": "message", "pattern": "^[a-z]+$"}}}, "should match pattern"),
        ({"parameters": {"spool": {"from": "raw_payload", "pattern": "^[a-z]+$"}}}, "should match pattern"),
        ({"parameters": {"spool": {"from": "host", "pattern": ".*"}}}, "not anchored"),
        ({"parameters": {"spool": {"default": "Mail", "pattern": "^[a-z]+$"}}}, "the default 'Mail' does not fit"),
        ({"parameters": {"spool; id": {"default": "a", "pattern": "^[a-z]+$"}}}, "should match pattern"),
    ],
)
def test_a_wrong_runbook_is_refused_with_the_reason(
    runbook_fields: Fields, changes: dict[str, Any], reason: str
) -> None:
    fields = runbook_fields() | changes
    with pytest.raises(ValidationError, match=re.escape(reason)):
        Runbook.model_validate(fields)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("/var/log", None),
        ("/", None),
        ("/var/log\n", "does not fit"),
        ("/var;reboot", "does not fit"),
        ("/var/../etc", "leads out of the folder"),
        ("/..", "leads out of the folder"),
        ("/a..b", None),
        ("/" + "a" * 256, "257 characters long"),
        ("", "does not fit"),
    ],
)
def test_the_whole_value_of_a_parameter_must_fit_the_pattern(value: str, problem: str | None) -> None:
    parameter = Parameter.model_validate({"from": "labels.mountpoint", "pattern": "^/[A-Za-z0-9._/-]*$"})

    found = parameter.problem(value)

    assert found is None if problem is None else problem in (found or "")


def test_a_value_with_a_leading_dash_is_refused_even_if_the_pattern_allows_it() -> None:
    parameter = Parameter.model_validate({"from": "host", "pattern": "^[a-z-]+$"})

    assert "read as an option" in (parameter.problem("--force") or "")
