"""The owner's tags of an alarm and of its resource: one request, remembered, and read by their meaning."""

from typing import Any

import pytest

from firstline.adapters.aws.owner_tags import KEPT_SECONDS, TagReader
from firstline.adapters.aws.resource_state import Watched
from firstline.models import OwnerTags

ALARM = "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:HighCpu"
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:pay"
PAY = Watched("AWS/Lambda", {"FunctionName": "pay"}, "123456789012", "eu-central-1", "aws")


class Tagging:
    """Answers with the tags of each resource, and counts the requests."""

    def __init__(self, **tags: dict[str, str]) -> None:
        self.tags = {"alarm": ALARM, "resource": FUNCTION}
        self.answer = {
            "ResourceTagMappingList": [
                {
                    "ResourceARN": self.tags[whose],
                    "Tags": [{"Key": key, "Value": value} for key, value in given.items()],
                }
                for whose, given in tags.items()
            ]
        }
        self.asked: list[list[str]] = []

    def get_resources(self, **given: Any) -> dict[str, Any]:
        self.asked.append(given["ResourceARNList"])
        return self.answer


def read(tagging: Tagging, reader: TagReader | None = None, watched: Watched | None = PAY) -> OwnerTags:
    return (reader or TagReader()).read(ALARM, watched, {"resourcegroupstaggingapi": tagging}.__getitem__)


@pytest.mark.parametrize(
    ("alarm", "resource", "meaning"),
    [
        ({"Service": "checkout", "Team": "payments"}, {}, {"service": "checkout", "team": "payments"}),
        ({"Service": "checkout"}, {"service": "other", "squad": "core"}, {"service": "checkout", "team": "core"}),
        ({}, {"app": "checkout", "Environment": "prod"}, {"service": "checkout", "environment": "prod"}),
        ({"Severity": "Critical"}, {}, {"severity": "critical"}),
        ({"priority": "P2"}, {}, {"severity": "high"}),
        ({"Severity": "whatever"}, {}, {}),
        # How important a resource is says nothing of how bad an alarm is.
        ({}, {"Severity": "critical", "criticality": "high"}, {}),
        ({"Owner": "ada@example.com", "service": "{{ name }}"}, {"Name": "web"}, {}),
    ],
    ids=[
        *("of the alarm", "the alarm's before the resource's", "of the resource", "a severity", "a priority"),
        *("an unknown severity", "a severity of the resource", "a template that nobody filled in, and other tags"),
    ],
)
def test_tags_have_the_meaning_that_labels_of_that_name_have(
    alarm: dict[str, str], resource: dict[str, str], meaning: dict[str, Any]
) -> None:
    assert read(Tagging(alarm=alarm, resource=resource)) == OwnerTags(**meaning)


def test_alarm_and_resource_are_one_request_and_remembered_for_some_minutes() -> None:
    now = [100.0]
    reader, tagging = TagReader(clock=lambda: now[0]), Tagging(alarm={"team": "core"})
    assert read(tagging, reader) == read(tagging, reader) == OwnerTags(team="core")
    assert tagging.asked == [[ALARM, FUNCTION]]

    now[0] += KEPT_SECONDS
    read(tagging, reader)
    assert len(tagging.asked) == 2


@pytest.mark.parametrize(
    ("namespace", "dimensions", "arn"),
    [
        ("AWS/RDS", {"DBInstanceIdentifier": "orders"}, "arn:aws:rds:r:1:db:orders"),
        ("AWS/EC2", {"InstanceId": "i-1"}, "arn:aws:ec2:r:1:instance/i-1"),
        ("AWS/SQS", {"QueueName": "jobs"}, "arn:aws:sqs:r:1:jobs"),
        ("AWS/DynamoDB", {"TableName": "t"}, "arn:aws:dynamodb:r:1:table/t"),
        ("AWS/ECS", {"ServiceName": "web", "ClusterName": "main"}, "arn:aws:ecs:r:1:service/main/web"),
        ("AWS/ApplicationELB", {"LoadBalancer": "app/w/2"}, "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/w/2"),
        (
            "AWS/ApplicationELB",
            {"LoadBalancer": "app/w/2", "TargetGroup": "targetgroup/w/1"},
            "arn:aws:elasticloadbalancing:r:1:targetgroup/w/1",
        ),
        ("AWS/ApiGateway", {"ApiName": "shop"}, None),
    ],
)
def test_a_resource_is_asked_for_by_its_own_arn(namespace: str, dimensions: dict[str, str], arn: str | None) -> None:
    assert Watched(namespace, dimensions, "1", "r", "aws").own_arn == arn


def test_an_alarm_on_no_known_resource_has_its_own_tags() -> None:
    tagging = Tagging(alarm={"team": "core"})
    assert read(tagging, watched=None).team == "core"
    assert tagging.asked == [[ALARM]]
