"""The promises of template.yaml about its resources."""

import re
from pathlib import Path
from typing import Any

import pytest

from firstline import settings
from firstline.adapters.aws.event_bus import source_of
from firstline.adapters.channels.posting import TIMEOUT_SECONDS
from firstline.channels.events import render
from firstline.incidents.milestones import Milestone
from firstline.incidents.reconcile import SECONDS
from firstline.sources import SOURCES
from firstline.sources.deployments import is_deployment_event
from local.emulator.commands import FINAL
from local.emulator.events import command_ended, fits
from local.emulator.template import Template, expand
from tests.support.builders import INCIDENT_ID, NOW, a_record
from tests.template.stack import FUNCTIONS, TEMPLATES, Resources, every_function, linted, of_type

ROOT = Path(__file__).parents[2]

EXECUTION_ENDED = "Step Functions Execution Status Change"
COMMAND_ENDED = "EC2 Command Status-change Notification"


@pytest.mark.parametrize("template", TEMPLATES)
def test_cfn_lint_finds_nothing(template: str) -> None:
    assert [str(match) for match in linted(template) if match.rule.severity != "informational"] == []


def test_every_function_has_one_noun_in_the_template_and_as_its_folder(functions: Resources) -> None:
    assert set(functions) == {f"{noun}Function" for noun in FUNCTIONS}
    assert {path.parent.name for path in ROOT.glob("functions/*/app.py")} == {noun.lower() for noun in FUNCTIONS}


@every_function
def test_a_functions_code_is_its_folder(noun: str, written: dict[str, Any]) -> None:
    assert written["Resources"][f"{noun}Function"]["Properties"]["CodeUri"] == f"functions/{noun.lower()}/"


# --- environment and settings ----------------------------------------------------------------------------------------


@every_function
def test_a_function_finds_every_setting_in_its_environment(noun: str, functions: Resources) -> None:
    model = getattr(settings, f"{noun}Settings")
    given = set(functions[f"{noun}Function"]["Environment"]["Variables"])

    assert {name.upper() for name in model.model_fields} <= given


@every_function
def test_a_variable_of_one_function_is_a_setting_of_it(noun: str, written: dict[str, Any]) -> None:
    model = getattr(settings, f"{noun}Settings")
    own = written["Resources"][f"{noun}Function"]["Properties"].get("Environment", {}).get("Variables", {})

    assert set(own) <= {name.upper() for name in model.model_fields}


def test_a_variable_of_all_functions_is_a_setting_of_several(written: dict[str, Any]) -> None:
    shared = {name for name in written["Globals"]["Function"]["Environment"]["Variables"] if "POWERTOOLS" not in name}
    models = [getattr(settings, f"{noun}Settings") for noun in FUNCTIONS]

    for variable in shared:
        assert sum(variable.lower() in model.model_fields for model in models) > 1, variable


@every_function
def test_the_defaults_of_the_parameters_make_valid_settings(
    noun: str, written: dict[str, Any], functions: Resources
) -> None:
    model = getattr(settings, f"{noun}Settings")
    defaults = {name: parameter.get("Default", "dev") for name, parameter in written["Parameters"].items()}

    def value(given: Any) -> Any:
        return defaults.get(given["Ref"], "a-name") if isinstance(given, dict) and "Ref" in given else given

    variables = functions[f"{noun}Function"]["Environment"]["Variables"].items()
    plain = {name.lower(): value(given) for name, given in variables}
    model.model_validate({name: text if isinstance(text, str | int) else "a-name" for name, text in plain.items()})


@every_function
def test_a_function_has_the_core_the_runbooks_if_it_reads_them_and_the_models_client_if_it_classifies(
    noun: str, functions: Resources
) -> None:
    function = functions[f"{noun}Function"]
    layers = str(function["Layers"])

    assert ("RunbooksLayer" in layers) == ("RUNBOOKS_DIR" in function["Environment"]["Variables"])
    assert ("LlmLayer" in layers) == (noun == "Classify")
    assert "CoreLayer" in layers


# --- events and queues ------------------------------------------------------------------------------------------------


def test_an_event_on_which_ingest_fails_is_kept_in_the_quarantine(resources: Resources) -> None:
    quarantine = {"Fn::GetAtt": ["QuarantineQueue", "Arn"]}
    asynchronous = resources["IngestFunctionEventInvokeConfig"]["Properties"]
    rules = of_type(resources, "AWS::Events::Rule")

    assert asynchronous["DestinationConfig"]["OnFailure"]["Destination"] == quarantine
    assert set(rules) == {"AlarmRule", "DeploymentRule", "ExecutionEndedRule", "CommandEndedRule"}
    for name in ("AlarmRule", "DeploymentRule"):
        assert [target["DeadLetterConfig"] for target in rules[name]["Targets"]] == [{"Arn": quarantine}]


def test_every_deployment_event_that_is_sent_is_read(resources: Resources) -> None:
    pattern = resources["DeploymentRule"]["Properties"]["EventPattern"]

    assert all(is_deployment_event({"detail-type": kind}) for kind in pattern["detail-type"])
    assert len(pattern["source"]) == len(pattern["detail-type"])


def test_reconcile_hears_of_every_end_of_an_execution(resources: Resources) -> None:
    rule = resources["ExecutionEndedRule"]["Properties"]
    (target,) = rule["Targets"]
    permission = resources["ExecutionEndedPermission"]["Properties"]

    assert rule["EventPattern"]["detail-type"] == [EXECUTION_ENDED]
    assert rule["EventPattern"]["source"] == ["aws.states"]
    assert rule["EventPattern"]["detail"] == {
        "stateMachineArn": [{"Ref": "IncidentStateMachine"}],
        "status": ["SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"],
    }
    assert target["Arn"] == {"Fn::GetAtt": ["ReconcileFunction", "Arn"]}
    assert permission["FunctionName"] == {"Ref": "ReconcileFunction"}
    assert permission["SourceArn"] == {"Fn::GetAtt": ["ExecutionEndedRule", "Arn"]}
    # The quarantine's messages are read by ingest, which makes nothing of an execution's end.
    dead = {"Fn::GetAtt": ["QuarantineDeadLetterQueue", "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": dead}
    policy = resources["QueuePolicy"]["Properties"]
    assert dead in policy["PolicyDocument"]["Statement"][0]["Resource"]
    assert {"Ref": "QuarantineDeadLetterQueue"} in policy["Queues"]


def test_reconcile_hears_of_every_end_of_a_command_that_may_be_ours(resources: Resources) -> None:
    rule = resources["CommandEndedRule"]["Properties"]
    (target,) = rule["Targets"]
    permission = resources["CommandEndedPermission"]["Properties"]

    assert rule["EventPattern"]["detail-type"] == [COMMAND_ENDED]
    assert set(rule["EventPattern"]["detail"]["status"]) == set(FINAL)
    for name, heard in (("shop_runbook-safe-low-disk.free", True), ("Mine", True), ("AWS-RunPatchBaseline", False)):
        detail = {"command-id": "c-1", "document-name": name, "status": "Success"}
        assert fits(rule["EventPattern"], command_ended(detail, "eu-central-1", "123456789012")) is heard
    assert target["Arn"] == {"Fn::GetAtt": ["ReconcileFunction", "Arn"]}
    assert permission["FunctionName"] == {"Ref": "ReconcileFunction"}
    assert permission["SourceArn"] == {"Fn::GetAtt": ["CommandEndedRule", "Arn"]}


def test_a_run_of_reconcile_has_time_for_its_last_page_and_ends_before_the_next_run(functions: Resources) -> None:
    two_tries_of_slack, teams_and_the_webhook = 10, 2 * TIMEOUT_SECONDS
    last_page_begins_by, next_run = SECONDS, 60
    last_page_is_out = last_page_begins_by + two_tries_of_slack + teams_and_the_webhook
    assert last_page_is_out < functions["ReconcileFunction"]["Timeout"] < next_run


def test_an_alert_of_the_backlog_is_tried_by_itself_at_once_and_for_a_day(
    resources: Resources, functions: Resources
) -> None:
    backlog, mapping = resources["BacklogQueue"]["Properties"], resources["Backlog"]["Properties"]

    assert mapping.get("Enabled", True) is True
    assert mapping["BatchSize"] == 1
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["BacklogQueue", "Arn"]}
    assert backlog["VisibilityTimeout"] >= 6 * functions["IngestFunction"]["Timeout"]
    assert backlog["VisibilityTimeout"] * backlog["RedrivePolicy"]["maxReceiveCount"] >= 24 * 3_600
    assert backlog["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["QuarantineDeadLetterQueue", "Arn"]}


def test_no_throttle_of_the_gateway_lets_one_sender_use_up_anothers(written: dict[str, Any]) -> None:
    assert not re.search("Throttl", str(written["Resources"]["HttpApi"]["Properties"]))


def test_ingest_reserves_nothing_unless_told_to(written: dict[str, Any]) -> None:
    ingest = written["Resources"]["IngestFunction"]["Properties"]
    reserved = ingest["ReservedConcurrentExecutions"]

    first = {"Fn::Select": [0, {"Ref": "ReservedConcurrency"}]}
    assert written["Parameters"]["ReservedConcurrency"]["Default"] == "0,0"
    assert reserved == {"Fn::If": ["IngestIsReserved", first, {"Ref": "AWS::NoValue"}]}
    # CloudFormation compares text.
    assert written["Conditions"]["IngestIsReserved"] == {"Fn::Not": [{"Fn::Equals": [first, "0"]}]}


def test_the_template_has_no_more_parameters_than_a_person_reads(written: dict[str, Any]) -> None:
    *groups, demands = written["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]

    assert sum(len(group["Parameters"]) for group in groups) <= 28
    assert demands["Label"]["default"] == "What the account demands (each may be left out)"


def test_queues_are_encrypted_and_keep_a_message_for_two_weeks(resources: Resources) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")

    assert all(queue["SqsManagedSseEnabled"] for queue in queues.values())
    assert all(queue["MessageRetentionPeriod"] == 14 * 86_400 for queue in queues.values())


def test_the_quarantine_has_a_dead_letter_queue(resources: Resources) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")

    dead = queues["QuarantineQueue"]["RedrivePolicy"]["deadLetterTargetArn"]
    assert dead == {"Fn::GetAtt": ["QuarantineDeadLetterQueue", "Arn"]}


def test_the_redrive_is_off_and_leaves_ingest_its_time(resources: Resources, functions: Resources) -> None:
    redrive = resources["QuarantineRedrive"]["Properties"]

    assert redrive["Enabled"] is False
    assert redrive["BatchSize"] == 1
    # Six times, says AWS: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    visible_again = resources["QuarantineQueue"]["Properties"]["VisibilityTimeout"]
    assert visible_again >= 6 * functions["IngestFunction"]["Timeout"]


def test_reconcile_handles_the_events_that_its_rules_send() -> None:
    assert f'"{EXECUTION_ENDED}"' in (ROOT / "functions/reconcile/app.py").read_text()
    assert f'"{COMMAND_ENDED}"' in (ROOT / "functions/reconcile/app.py").read_text()


# --- people's first look ---------------------------------------------------------------------------------------------


def test_every_parameter_is_described_and_stands_in_one_group(written: dict[str, Any]) -> None:
    groups = written["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]

    assert sorted(grouped) == sorted(written["Parameters"])
    assert all(parameter.get("Description") for parameter in written["Parameters"].values())


def test_every_source_has_its_address_among_the_outputs(written: dict[str, Any]) -> None:
    values = [output["Value"] for output in written["Outputs"].values() if isinstance(output["Value"], dict)]
    addresses = {str(value["Fn::Sub"]).rsplit("/", 1)[1] for value in values if "/alerts/" in value.get("Fn::Sub", "")}

    assert addresses == set(SOURCES)


def test_no_secret_is_in_a_parameter_or_in_the_configuration(written: dict[str, Any]) -> None:
    secret = re.compile(r"secret|token$|password|apikey|routingkey", re.IGNORECASE)

    assert [name for name in written["Parameters"] if secret.search(name)] == []
    assert not secret.search(re.sub(r"(?m)^#.*$", "", (ROOT / "samconfig.toml").read_text()))


# --- what cfn-lint does not see --------------------------------------------------------------------------------------


def references(value: Any) -> set[str]:
    """Return the logical ids that a value names, through Ref, GetAtt, Sub and DependsOn."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref":
                found.add(item)
            elif key == "Fn::GetAtt":
                found.add(item.split(".")[0] if isinstance(item, str) else item[0])
            elif key == "Fn::Sub":
                text = item if isinstance(item, str) else item[0]
                found |= {name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text)}
            elif key == "DependsOn":
                found |= {item} if isinstance(item, str) else set(item)
            found |= references(item)
    elif isinstance(value, list):
        for item in value:
            found |= references(item)
    return found


def test_no_resource_refers_to_itself_through_others(resources: Resources) -> None:
    waits_for = {name: references(resource) & set(resources) for name, resource in resources.items()}

    while ready := [name for name, others in waits_for.items() if not others & set(waits_for)]:
        for name in ready:
            del waits_for[name]

    assert waits_for == {}


def test_no_line_of_a_template_is_too_long_to_read() -> None:
    for name in ("template.yaml", "observability.yaml"):
        lines = (ROOT / name).read_text().splitlines()
        assert [number for number, line in enumerate(lines, 1) if len(line) > 140] == [], name


# --- events for other systems ----------------------------------------------------------------------------------------


def test_without_the_name_of_a_bus_a_stack_has_nothing_that_publishes_events() -> None:
    def kinds(bus: str) -> set[str]:
        parameters = {"EnvironmentName": "dev", "EventBusName": bus}
        body = expand(ROOT / "template.yaml", parameters, "eu-central-1")
        return set(Template(body, parameters, pseudo={}, attribute=lambda *_: "x").resources())

    assert kinds("default") - kinds("") == {
        "PublishFunction",
        "PublishFunctionRole",
        "PublishChanges",
        "PublishLogGroup",
    }


def test_an_event_that_the_bus_did_not_take_comes_again_and_delays_nothing_else(resources: Resources) -> None:
    mapping = resources["PublishChanges"]["Properties"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "MaximumRetryAttempts" not in mapping, "again for as long as the stream keeps it"
    assert mapping["StartingPosition"] == "TRIM_HORIZON", "what was written while the mapping was made is told, too"
    callers = {name for name, resource in resources.items() if "PublishFunction" in str(resource)}
    # Reconcile has its name, to look at its throttles, and no right to invoke it.
    known = {"PublishFunction", "PublishFunctionRole", "PublishUsesKeyPolicy", "PublishChanges", "ReconcileFunction"}
    assert callers == known, "nothing else invokes it"


def test_no_rule_takes_firstlines_own_events(resources: Resources) -> None:
    event = render(Milestone(INCIDENT_ID, "opened", NOW), a_record(), stack="shop").model_dump(mode="json")
    sent = {"source": source_of("shop"), "detail-type": "Incident Opened", "detail": event}
    rules = of_type(resources, "AWS::Events::Rule")
    assert [name for name, rule in rules.items() if fits(rule["EventPattern"], sent)] == []
    for rule in rules.values():
        assert all(source.startswith("aws.") for source in rule["EventPattern"]["source"])
    assert not is_deployment_event(sent)
