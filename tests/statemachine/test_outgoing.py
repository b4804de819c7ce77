"""Messages to other systems about a real incident: events, cards in Teams and signed webhooks, each once per change."""

from typing import Any

import pytest

from firstline.models.event import IncidentEvent
from local.emulator.stack import WEBHOOK_KEY
from tests.statemachine.world import World


def heard(world: World, stream: Any) -> list[IncidentEvent]:
    events = world.publishes(stream)
    assert {event["source"] for event in events} <= {"firstline.firstline-test"}
    return [IncidentEvent.model_validate(event["detail"]) for event in events]


def types(events: list[IncidentEvent]) -> list[str]:
    """The types of events in the order in which they happened, which is how a listener sorts them."""
    return [event.type for event in sorted(events, key=lambda event: event.at)]


def test_the_story_of_an_incident_is_its_events_in_order_and_each_once(world: World) -> None:
    stream = world.listens()
    incident = world.fires("SearchDown", service="search")
    incident.stands_in("Await Acknowledgement").times_out()
    incident.stands_in("Await Acknowledgement").is_acknowledged("ada")
    incident.stands_in("Await Resolution")
    world.resolves("SearchDown", service="search")
    incident.ends()

    events = heard(world, stream)

    assert [event.type for event in events] == [
        "opened",
        "classified",
        "paged",
        "escalated",
        "acknowledged",
        "resolved",
        "closed",
    ]
    assert len({event.id for event in events}) == len(events)
    assert {event.incident.id for event in events} == {incident.id}
    assert events[-1].outcome == "resolved"
    assert events[4].by == "ada"


def test_a_cure_is_told_as_planned_closed_and_remediated_with_its_end(world: World) -> None:
    stream = world.listens()
    incident = world.fires("HostHighMemory", severity="high", host="web-1", service="shop")
    incident.stands_in("Await Recovery")
    world.resolves("HostHighMemory", host="web-1", service="shop")
    incident.ends()
    events = heard(world, stream)
    assert [event.type for event in events if event.type in ("planned", "remediated", "closed")] == [
        "planned",
        "closed",
        "remediated",
    ]
    assert next(event.run for event in events if event.type == "remediated") == "verified"


def test_eighty_alerts_of_one_incident_make_at_most_five_events(world: World) -> None:
    stream = world.listens()
    incident = world.send_many("SearchDown", hosts=[f"web-{number}" for number in range(40)], group_key="g")
    incident.stands_in("Await Acknowledgement")
    world.send_many("SearchDown", hosts=[f"db-{number}" for number in range(40)], group_key="g")
    assert len(heard(world, stream)) <= 5


def test_an_event_that_is_delivered_again_keeps_its_id(world: World) -> None:
    stream = world.listens()
    world.fires("SearchDown").stands_in("Await Acknowledgement")
    records = stream.take()
    for _ in range(2):
        world.functions.call("publish", {"Records": records})
    ids = [event["detail"]["id"] for event in world.cloud.bus]
    assert len(ids) == 2 * len(set(ids)) > 0


def test_a_bus_that_is_down_delays_no_page_and_gets_its_events_later(world: World) -> None:
    stream = world.listens()
    world.aws.down.add("events")
    world.fires("SearchDown").stands_in("Await Acknowledgement")
    assert len(world.woken()) == 1
    records = stream.take()
    (failure,) = world.functions.call("publish", {"Records": records})["batchItemFailures"]
    assert world.cloud.bus == []
    world.aws.down.clear()
    # As Lambda does: again from the first record that failed.
    again = [record for record in records if record["dynamodb"]["SequenceNumber"] >= failure["itemIdentifier"]]
    world.functions.call("publish", {"Records": again})
    assert [event["detail-type"] for event in world.cloud.bus][:2] == ["Incident Opened", "Incident Classified"]


# --- channels that cannot edit ---


@pytest.fixture
def outgoing(world: World) -> World:
    """Connect Teams and a webhook, beside Slack and PagerDuty."""
    world.inbox.secrets = {**world.inbox.secrets, "webhook": WEBHOOK_KEY}
    world.put_secrets(
        teams__workflow_url=f"{world.inbox_url}/teams/workflow",
        webhook__url=f"{world.inbox_url}/webhook",
        webhook__signing_key=WEBHOOK_KEY,
    )
    return world


def is_told_taken_and_over(world: World) -> None:
    """Let an incident be told, acknowledged by ada and closed, with a run of reconcile in between each time."""
    incident = world.fires("DiskAlmostFull", severity="medium", service="search")
    incident.stands_in("Await Resolution")
    world.reconciles()
    world.presses("acknowledge", incident.id)
    incident.stands_in("Await Resolution")
    world.passes(120)
    world.reconciles()
    world.resolves("DiskAlmostFull", service="search")
    incident.ends()


def test_people_read_each_news_once_in_teams_and_slack_is_edited(outgoing: World) -> None:
    world = outgoing
    is_told_taken_and_over(world)

    first, taken, over = (card.text.splitlines()[:2] for card in world.told("teams"))
    assert all("DiskAlmostFull" in title for title, _ in (first, taken, over))
    assert (first[0].partition(":")[0], over[0].partition(":")[0]) == ("MEDIUM", "Over")
    assert taken[1].startswith("ada (Slack) has it")
    assert world.told("slack")[0].edits >= 2, "Slack is shown everything as before"


def test_a_webhooks_receiver_hears_each_message_once_from_the_first_to_the_close(outgoing: World) -> None:
    world = outgoing
    is_told_taken_and_over(world)

    ids = [message.raw["id"] for message in world.told("webhook")]
    assert len(ids) == len(set(ids))
    first, *_, last = world.told("webhook")
    assert (first.kind, last.kind) == ("incident.needs_human", "incident.closed")


@pytest.mark.parametrize("broken", ["teams", "webhook"])
def test_a_broken_channel_keeps_no_message_from_the_others(outgoing: World, broken: str) -> None:
    world = outgoing
    secret = {"teams": "teams__workflow_url", "webhook": "webhook__url"}[broken]
    world.put_secrets(**{secret: f"{world.inbox_url}/nowhere"})
    incident = world.fires("DiskAlmostFull", severity="medium", service="search")
    incident.stands_in("Await Resolution")
    working = {"teams", "webhook", "slack"} - {broken}
    assert {message.channel for message in world.inbox.messages()} == working
