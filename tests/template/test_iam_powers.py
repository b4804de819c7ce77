"""Roles and the powers over the table: who may write which item, and what is refused."""

from typing import Any

import pytest

from tests.template.access import Access, allows, as_list, of_the_table

WRITES = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem")


def who_may(statements: dict[str, list[dict[str, Any]]], action: str, key: str) -> set[str]:
    """Return the roles that may do an action to an item of a partition."""
    wanted = Access(action, (key,))
    return {role for role, given in statements.items() if any(allows(each, wanted) for each in of_the_table(given))}


@pytest.mark.parametrize(
    ("key", "writers"),
    [
        ("PLAN#any", {"dynamodb:PutItem": {"Remediate"}}),
        ("RUNBOOK#any", {"dynamodb:UpdateItem": {"Escalate", "Notify"}}),
        ("LOCK#any", {"dynamodb:PutItem": {"Remediate", "Respond"}, "dynamodb:UpdateItem": {"Escalate", "Notify"}}),
        ("DECISION#any", {"dynamodb:UpdateItem": {"Respond"}}),
        ("STEP#any", {"dynamodb:PutItem": {"IncidentStateMachine"}}),
        ("COMMAND#any", {"dynamodb:UpdateItem": {"IncidentStateMachine", "Reconcile"}}),
        ("ONCALL#any", {"dynamodb:PutItem": {"Respond"}}),
        ("SILENCES", {}),
        ("SESSION#any", {"dynamodb:PutItem": {"Respond"}, "dynamodb:UpdateItem": {"Respond"}}),
        ("TICKET#any", {"dynamodb:PutItem": {"Respond"}, "dynamodb:UpdateItem": {"Respond"}}),
        ("SILENCE_ENDS", {"dynamodb:PutItem": {"Notify"}}),
        ("TRAIL#any", {"dynamodb:PutItem": {"Classify", "Remediate", "Escalate", "Notify", "Respond", "Reconcile"}}),
    ],
)
def test_each_kind_of_item_is_written_by_its_writers_alone_and_the_trail_only_grows(
    statements: dict[str, list[dict[str, Any]]], key: str, writers: dict[str, set[str]]
) -> None:
    for action in WRITES:
        may = {role.removesuffix("Role").removesuffix("Function") for role in who_may(statements, action, key)}
        assert may == writers.get(action, set()), action


def test_the_console_writes_nothing(statements: dict[str, list[dict[str, Any]]]) -> None:
    allowed = {action for given in statements["ConsoleFunctionRole"] for action in as_list(given["Action"])}
    reads = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "ssm:GetDocument", "ssm:DescribeDocument"}
    reads |= {"ssm:GetParameter"}
    assert {action for action in allowed if not action.startswith(("logs:", "xray:"))} <= reads


def test_nobody_can_look_up_the_token_of_who_waits_for_a_command(statements: dict[str, list[dict[str, Any]]]) -> None:
    for action in ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"):
        assert who_may(statements, action, "COMMAND#any") == set()


@pytest.mark.parametrize(
    ("role", "refused"),
    [
        ("EscalateFunctionRole", Access("dynamodb:PutItem", ("RUNS#any",))),
        ("EscalateFunctionRole", Access("dynamodb:Query", ("OPEN",), "by_status")),
        ("IngestFunctionRole", Access("dynamodb:Query", ("DUE#0",), "due")),
        ("RespondFunctionRole", Access("dynamodb:UpdateItem", ("PLAN#any",))),
        ("RemediateFunctionRole", Access("dynamodb:UpdateItem", ("INCIDENT#any",))),
        ("ClassifyFunctionRole", Access("dynamodb:BatchGetItem", ("PLAN#any", "SPENDING"))),
        ("IncidentStateMachineRole", Access("dynamodb:UpdateItem", ("INCIDENT#any",))),
    ],
)
def test_what_a_role_may_not_touch_is_refused(
    role: str, refused: Access, statements: dict[str, list[dict[str, Any]]]
) -> None:
    assert not any(allows(statement, refused) for statement in of_the_table(statements[role]))
