"""JSONata as AWS evaluates it: values are bound, never spliced into the expression."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.session import Session

from local.emulator import savings
from local.emulator.engine import spelled
from local.emulator.jsonata_expressions import QueryFailed, evaluate


def run(expression: str, **variables: Any) -> Any:
    return evaluate(expression, variables.__getitem__)


@pytest.mark.parametrize(
    "text",
    [
        'He said "no"',
        "back\\slash",
        "new\nline\ttab",
        "') ; $x := 1 ; ('",
        "{% $states.input %}",
        "\u202eolleh \U0001f525",
        "",
    ],
)
def test_a_string_stays_what_it_is_whatever_it_contains(text: str) -> None:
    assert run("$message", message=text) == text
    assert run('"<" & $alert.message & ">"', alert={"message": text}) == f"<{text}>"


def test_null_is_a_value() -> None:
    assert run("$plan", plan=None) is None
    assert run("$record.plan", record={"plan": None}) is None
    assert run("$plan = null", plan=None) is True
    assert run('{"plan": $plan, "results": $results}', plan=None, results=[]) == {"plan": None, "results": []}
    assert run("$exists($record.plan)", record={"plan": None}) is True


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$a.x", 1),
        ("$a.x + $a.y.z", 3),
        ("$a.(x + y.z)", 3),
        ("$a.x + $count($keys($a))", 3),
        ("$a.y.%.x", 1),
        ("$a.*[0]", 1),
        ("$a.`x`", 1),
        ("$a", {"x": 1, "y": {"z": 2}}),
        ("$merge([$a, {'x': $a.y}]).x.z", 2),
        ("$l.x", [1, 2]),
    ],
)
def test_no_part_of_a_variable_that_an_expression_reads_is_missing(expression: str, value: Any) -> None:
    given = {"a": {"x": 1, "y": {"z": 2}}, "l": [{"x": 1}, {"x": 2}]}
    assert run(expression, **given) == value


@pytest.mark.parametrize("expression", ["$plan", "$record.nothing", "$record.plan.deeper", "$results[5]"])
def test_undefined_is_an_error(expression: str) -> None:
    with pytest.raises(QueryFailed, match="returned nothing"):
        run(expression, record={"plan": None}, results=[1])


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("$count(", "failed"),
        ("$sum($word)", "failed"),
        ("$word()", "failed"),
        ("$uppercase", "which is no JSON value"),
    ],
)
def test_a_wrong_expression_says_which_it_is(expression: str, problem: str) -> None:
    with pytest.raises(QueryFailed, match=problem) as caught:
        run(expression, word="no number")
    assert expression in str(caught.value)


def test_lists_and_numbers_come_back_as_json_has_them() -> None:
    assert run("[1..3]") == [1, 2, 3]
    assert run("[$old, $new]", old=[1, 2], new=[3]) == [1, 2, 3]
    assert run("$n / 2", n=8) == 4
    assert isinstance(run("$n / 2", n=8), int)
    assert run("$n / 2", n=1) == 0.5
    assert run("[$targets.id]", targets=[{"id": "i-1"}]) == ["i-1"]


def test_a_value_that_was_bound_is_not_changed_by_the_evaluation() -> None:
    # Given a value whose nulls the evaluator has to replace while it works
    record: dict[str, Any] = {"plan": None, "steps": [None, {"x": None}]}

    # When it is returned whole
    result = run("$record", record=record)

    # Then the result is equal, and apart from it
    assert result == record == {"plan": None, "steps": [None, {"x": None}]}
    result["steps"].append(1)
    assert len(record["steps"]) == 2


def test_an_expression_that_was_parsed_before_sees_the_new_values() -> None:
    assert [run("$x + 1", x=x) for x in (1, 2, 3)] == [2, 3, 4]
    with pytest.raises(QueryFailed):
        run("$x + $y", x=1)


def test_members_are_spelled_as_step_functions_does_and_keys_of_maps_are_left_alone() -> None:
    """Spell `eTag` of the API as `ETag` in a state machine and back, at any depth."""
    create = Session().get_service_model("codedeploy").operation_model("CreateDeployment").input_shape
    api = {
        "revision": {"s3Location": {"key": "shop.zip", "eTag": "1"}},
        "autoRollbackConfiguration": {"enabled": False},
    }
    machine = {
        "Revision": {"S3Location": {"Key": "shop.zip", "ETag": "1"}},
        "AutoRollbackConfiguration": {"Enabled": False},
    }
    assert spelled(machine, create, as_step_functions=False) == api
    assert spelled(api, create, as_step_functions=True) == machine

    update = Session().get_service_model("dynamodb").operation_model("UpdateItem").input_shape
    item = {"Key": {"pk": {"S": "a"}}, "ExpressionAttributeValues": {":token": {"S": "t"}}}
    assert spelled(item, update, as_step_functions=False) == item


@pytest.mark.parametrize("kept", [{"a": [1, {"b": None}], "c": "ü"}, [SimpleNamespace(a=[1])]])
def test_a_copy_shares_nothing_with_the_original(kept: Any) -> None:
    made = savings.copied(kept)
    assert made == kept
    inner, original = (made["a"], kept["a"]) if isinstance(kept, dict) else (made[0], kept[0])
    assert inner is not original
