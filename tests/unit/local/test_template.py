"""The template is read as CloudFormation reads it."""

from pathlib import Path
from typing import Any

import pytest

from local.emulator.template import Template, TemplateError, expand, state_machine_definition


def make(body: dict[str, Any], **parameters: str) -> Template:
    def attribute(logical_id: str, name: str | None) -> str:
        return f"{logical_id}.{name}" if name else logical_id.lower()

    return Template({"Resources": {}, **body}, parameters, pseudo={"AWS::Region": "eu-west-1"}, attribute=attribute)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Ref": "Table"}, "table"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "Table.Arn"),
        ({"Fn::GetAtt": "Nested.Outputs.Name"}, "Nested.Outputs.Name"),
        ({"Fn::Sub": "a/${Table}/${Table.Arn}/${!Literal}"}, "a/table/Table.Arn/${Literal}"),
        ({"Fn::Sub": ["${x}-${AWS::Region}", {"x": {"Ref": "Table"}}]}, "table-eu-west-1"),
        ({"Fn::Join": [":", ["a", {"Ref": "Table"}]]}, "a:table"),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Size"}, "Memory"]}, 512),
        ({"Fn::If": ["IsBig", "yes", "no"]}, "yes"),
        ([1, {"Fn::If": ["IsSmall", 2, {"Ref": "AWS::NoValue"}]}], [1]),
        ({"a": {"Ref": "AWS::NoValue"}, "b": 1}, {"b": 1}),
        ({"Ref": "Names"}, ["x", "y"]),
    ],
)
def test_an_intrinsic_function_is_replaced_by_its_value(value: Any, expected: Any) -> None:
    template = make(
        {
            "Parameters": {
                "Size": {"Type": "String", "Default": "big"},
                "Names": {"Type": "CommaDelimitedList", "Default": "x,y"},
            },
            "Mappings": {"Sizes": {"big": {"Memory": 512}}},
            "Conditions": {
                "IsBig": {"Fn::Equals": [{"Ref": "Size"}, "big"]},
                "IsSmall": {"Fn::And": [{"Fn::Not": [{"Condition": "IsBig"}]}, {"Fn::Or": [{"Condition": "IsBig"}]}]},
            },
        }
    )

    assert template.resolve(value) == expected


def test_only_resources_whose_condition_holds_are_there() -> None:
    body = {
        "Parameters": {"Mail": {"Type": "String", "Default": ""}},
        "Conditions": {"MailIsGiven": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Mail"}, ""]}]}},
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic"},
            "Subscription": {"Type": "AWS::SNS::Subscription", "Condition": "MailIsGiven"},
        },
    }

    assert list(make(body).resources()) == ["Topic"]
    assert list(make(body, Mail="a@example.org").resources()) == ["Topic", "Subscription"]


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [({}, "EnvironmentName has no default"), ({"EnvironmentName": "dev", "Typo": "x"}, "no template parameter Typo")],
)
def test_wrong_parameters_are_named(parameters: dict[str, str], problem: str) -> None:
    with pytest.raises(TemplateError, match=problem):
        make({"Parameters": {"EnvironmentName": {"Type": "String"}}}, **parameters)


def test_an_unknown_intrinsic_is_named() -> None:
    with pytest.raises(TemplateError, match="Fn::Cidr"):
        make({}).resolve({"Fn::Cidr": ["10.0.0.0/8", 2]})


def test_sam_is_expanded_with_paths_kept(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Ping:\n    Type: AWS::Serverless::Function\n"
        "    Properties: {CodeUri: functions/ping/, Handler: app.handler, Runtime: python3.13}\n"
    )

    expanded = expand(tmp_path / "template.yaml", {}, "eu-west-1")

    assert expanded["Resources"]["Ping"]["Type"] == "AWS::Lambda::Function"
    assert expanded["Resources"]["Ping"]["Properties"]["Code"] == {"S3Bucket": "local", "S3Key": "functions/ping/"}
    assert "PingRole" in expanded["Resources"]


def test_a_template_that_sam_refuses_is_refused_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Ping:\n    Type: AWS::Serverless::Function\n"
        "    Properties: {CodeUri: functions/ping/}\n"
    )

    with pytest.raises(TemplateError, match="Ping"):
        expand(tmp_path / "template.yaml", {}, "eu-west-1")


def test_a_definition_without_one_of_its_substitutions_is_refused(tmp_path: Path) -> None:
    definition = tmp_path / "machine.asl.yaml"
    definition.write_text("StartAt: A\nStates: {A: {Type: Task, Resource: '${Arn}', Comment: '{% $x %}', End: true}}")

    assert '"Resource": "arn:x"' in state_machine_definition(definition, {"Arn": "arn:x"})
    with pytest.raises(TemplateError, match=r"\$\{Arn\}"):
        state_machine_definition(definition, {})
