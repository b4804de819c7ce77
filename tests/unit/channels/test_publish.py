"""Events from the table's stream: in order, with the incident as it stands, and again from the first not taken."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from firstline.channels.events import render
from firstline.channels.publish import Publisher
from firstline.errors import HistoryUnavailable
from firstline.incidents.milestones import Milestone
from firstline.models import IncidentRecord
from firstline.models.event import IncidentEvent
from tests.support.builders import (
    CONSOLE,
    INCIDENT_ID,
    NOW,
    a_classification,
    a_page,
    a_plan,
    a_record,
    an_alert,
    an_incident,
    hostile_notification,
)


def a_milestone(kind: Any = "opened", **what: Any) -> Milestone:
    return Milestone(INCIDENT_ID, kind, NOW, **what)


class Bus:
    """A bus that takes `takes` events, and a stream of one record for each list of milestones."""

    def __init__(self, *milestones: Any, takes: int = 99, record: IncidentRecord | Exception | None = None) -> None:
        self.milestones = milestones
        self.takes = takes
        self.found: IncidentRecord | Exception | None = record or a_record()
        self.events: list[IncidentEvent] = []
        self.reads = 0

    def send(self, events: Sequence[IncidentEvent]) -> int:
        taken = list(events)[: self.takes]
        self.events += taken
        return len(taken)

    def read(self, incident_id: str) -> IncidentRecord | None:
        self.reads += 1
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def milestones_in(self, record: Any) -> list[Milestone]:
        said = self.milestones[int(record)]
        if isinstance(said, Exception):
            raise said
        return list(said)

    def publish(self) -> str | None:
        publisher = Publisher(
            milestones_in=self.milestones_in,
            number_of=str,
            record=self.read,
            send=self.send,
            stack="firstline",
            execution_url=CONSOLE,
        )
        return publisher.publish([str(number) for number in range(len(self.milestones))])  # type: ignore[misc]


def test_milestones_are_published_in_order_and_their_incident_is_read_once() -> None:
    no_milestone: list[Milestone] = []
    bus = Bus([a_milestone("opened")], no_milestone, [a_milestone("classified", key="1"), a_milestone("closed")])
    assert bus.publish() is None
    assert [event.type for event in bus.events] == ["opened", "classified", "closed"]
    assert bus.reads == 1


@pytest.mark.parametrize(("takes", "again"), [(0, "0"), (1, "2"), (2, "2"), (3, None)])
def test_the_stream_is_asked_again_for_the_first_record_that_the_bus_did_not_take(
    takes: int, again: str | None
) -> None:
    # The stream's records "0", "1" (which holds no milestone) and "2".
    bus = Bus([a_milestone()], [], [a_milestone("classified"), a_milestone("closed")], takes=takes)
    assert bus.publish() == again


def test_an_event_whose_incident_cannot_be_read_comes_again() -> None:
    bus = Bus([a_milestone()], record=HistoryUnavailable("no table"))
    assert bus.publish() == "0"
    assert bus.events == []


def test_a_record_that_cannot_be_read_does_not_hold_the_others(caplog: pytest.LogCaptureFixture) -> None:
    bus = Bus([a_milestone()], KeyError("incident"), [a_milestone("closed")])
    assert bus.publish() is None
    assert [event.type for event in bus.events] == ["opened", "closed"]
    assert "could not be read" in caplog.text


def test_an_event_whose_incident_is_gone_is_given_up() -> None:
    bus = Bus([a_milestone()])
    bus.found = None
    assert bus.publish() is None
    assert bus.events == []


def test_no_event_is_published_for_a_canary() -> None:
    bus = Bus([a_milestone("paged", page=a_page())], record=a_record(an_incident(an_alert(source="canary"))))
    assert bus.publish() is None
    assert bus.events == []


def test_an_event_has_its_milestones_page_and_the_incidents_present_state() -> None:
    record = a_record(acknowledged_by="ada", acknowledged_at=NOW, plan=a_plan())
    event = render(a_milestone("paged", key="2", page=a_page(seq=2)), record, stack="firstline", execution_url=CONSOLE)
    assert (event.version, event.id, event.type, event.stack) == ("1", f"{INCIDENT_ID}/paged/2", "paged", "firstline")
    assert event.page is not None
    assert (event.page.number, event.page.channels) == (2, ["pagerduty"])
    assert event.incident.title == "DiskFull on web-1"
    assert event.incident.standing.startswith("ada has it since")
    assert event.incident.link == f"{CONSOLE}:{INCIDENT_ID}"
    assert (event.verdict, event.plan, event.run, event.outcome) == (None, None, None, None)


def test_the_longest_event_is_below_the_64_kb_that_eventbridge_bills_as_one_event() -> None:
    record = hostile_notification("closed").record
    text = "é" * 4_000
    milestone = a_milestone("classified", by=text, reason=text, verdict=record.classification, plan=record.plan)
    event = render(milestone, record, stack="firstline")
    assert len(json.dumps(event.model_dump(mode="json"), ensure_ascii=False).encode()) < 64_000


def test_an_event_has_no_personal_data() -> None:
    record = a_record(classification=a_classification(summary="ada@example.org cannot log in", cause="ada@example.org"))
    event = render(a_milestone(reason="because of ada@example.org"), record, stack="firstline")
    assert "ada@example.org" not in event.model_dump_json()
