"""EventBridge against moto, and against answers that moto does not give."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from firstline.adapters.aws.clients import CLIENT_CONFIG
from firstline.adapters.aws.event_bus import EventBus
from firstline.channels.events import render
from firstline.incidents.milestones import Milestone
from firstline.models.event import IncidentEvent
from tests.support.builders import INCIDENT_ID, NOW, a_classification, a_record


def events(count: int) -> list[IncidentEvent]:
    record = a_record()
    milestones = [Milestone(INCIDENT_ID, "acknowledgement_withdrawn", NOW, str(number)) for number in range(count)]
    return [render(milestone, record, stack="shop") for milestone in milestones]


@pytest.fixture
def client() -> Iterator[Any]:
    """Return a client of moto's EventBridge."""
    with mock_aws():
        yield boto3.client("events", region_name="eu-west-1", config=CLIENT_CONFIG)


def test_events_reach_who_listens(client: Any) -> None:
    sqs = boto3.client("sqs", region_name="eu-west-1")
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["firstline.shop"], "detail-type": ["Incident Acknowledgement Withdrawn"]}
    client.put_rule(Name="listen", EventPattern=json.dumps(pattern))
    client.put_targets(Rule="listen", Targets=[{"Id": "queue", "Arn": arn}])

    assert EventBus(client, "default", "shop").send(events(1)) == 1

    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    heard = json.loads(message["Body"])
    assert (heard["source"], heard["detail"]["incident"]["id"]) == ("firstline.shop", INCIDENT_ID)
    assert IncidentEvent.model_validate(heard["detail"]) == events(1)[0]


@pytest.mark.parametrize(
    ("accepted_of_each_request", "taken"),
    [
        ([10, 2], 12),
        ([3], 3),
        ([10, 0], 10),
        ([0], 0),
    ],
)
def test_sending_ends_at_the_first_event_that_is_not_taken(
    client: Any, accepted_of_each_request: list[int], taken: int
) -> None:
    with Stubber(client) as stub:
        for size, accepted in zip((10, 2), accepted_of_each_request, strict=False):
            failed: list[Any] = [{"ErrorCode": "ThrottlingException", "ErrorMessage": "m"}] * (size - accepted)
            stub.add_response("put_events", {"Entries": [{"EventId": "e"}] * accepted + failed})
        assert EventBus(client, "default", "shop").send(events(12)) == taken
        stub.assert_no_pending_responses()


def test_no_request_is_longer_than_the_bus_takes(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All entries together have 256 KB: one alert of long texts has a tenth of that."""
    sizes: list[int] = []

    def put(Entries: list[Any]) -> Any:
        sizes.append(
            sum(len(f"{entry['Source']}{entry['DetailType']}{entry['Detail']}".encode()) + 14 for entry in Entries)
        )
        return {"Entries": [{"EventId": "e"}] * len(Entries)}

    monkeypatch.setattr(client, "put_events", put)
    long = "🔥" * 4_000
    verdict = a_classification(summary=long, cause=long, prompt_version="1")
    milestone = Milestone(INCIDENT_ID, "classified", NOW, reason=long)
    event = render(milestone, a_record(classification=verdict), stack="shop")
    assert EventBus(client, "default", "shop").send([event] * 25) == 25
    assert sum(sizes) > 256 * 1_024 > max(sizes)


def test_an_event_that_is_refused_for_good_does_not_hold_the_others(client: Any) -> None:
    with Stubber(client) as stub:
        refused = {"ErrorCode": "MalformedDetail", "ErrorMessage": "m"}
        stub.add_response("put_events", {"Entries": [{"EventId": "e"}, refused, {"EventId": "e"}]})
        assert EventBus(client, "default", "shop").send(events(3)) == 3


def test_a_bus_that_is_not_there_takes_nothing(client: Any) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("put_events", "ResourceNotFoundException")
        assert EventBus(client, "default", "shop").send(events(3)) == 0
