"""Writes between the read and the write of another function: the conditions of the write must meet it."""

from collections.abc import Callable

import pytest

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.live import live_key
from firstline.errors import JoinedSince
from firstline.incidents.pages import LEASE, page_due
from firstline.models import SEVERITY_RANK, Hold, Incident, IncidentRecord
from tests.integration.ports.conftest import Open, Ports, live_of, record_of
from tests.support.builders import a_classification, a_page, alert, at
from tests.support.changes import ending, joining

HOLD = Hold(by="silence", id="s-1", reason="maintenance", until=at(60), seconds=3_600)

type Happens = Callable[[Ports, Incident], None]


@pytest.fixture
def incident(opened: Open) -> Incident:
    """Open an incident of paging severity."""
    return opened(alert(severity="high"))


def joins(ports: Ports, incident: Incident) -> None:
    """An alert joins."""
    TableGroups(ports.table).apply(joining(incident, alert(fingerprint="fp-2"), now=at(1)))


def joins_a_shard(ports: Ports, incident: Incident) -> None:
    """An alert joins on a shard."""
    ports.contended.apply(joining(incident, alert(fingerprint="fp-2"), now=at(1)))


def joins_and_ends(ports: Ports, incident: Incident) -> None:
    """An alert joins and ends: as many fire as before."""
    groups = TableGroups(ports.table)
    groups.apply(joining(incident, alert(fingerprint="fp-2"), now=at(1)))
    views, _ = groups.read({incident.group_key: ["fp-2"]})
    groups.apply(ending(incident, views[incident.group_key].alerts["fp-2"], now=at(1)))


def close_when(
    ports: Ports, incident: Incident, happens: Happens, *, joined: int | None, generation: int = 1
) -> IncidentRecord | None:
    table = ports.interrupted("transact_write_items", lambda: happens(ports, incident))
    return TableIncidents(table).close(incident, generation, "resolved", "", [], at(2), joined=joined)


@pytest.mark.parametrize("happens", [joins, joins_a_shard, joins_and_ends])
def test_what_joins_while_an_incident_is_closed_keeps_it_open(
    ports: Ports, incidents: TableIncidents, incident: Incident, happens: Happens
) -> None:
    assert close_when(ports, incident, happens, joined=1) is None
    assert live_of(incidents, incident).open
    assert record_of(incidents, incident).status == "OPEN"


@pytest.mark.parametrize("happens", [joins, joins_a_shard])
def test_what_fires_again_while_silence_closes_an_incident_keeps_it_open(
    ports: Ports, incidents: TableIncidents, groups: TableGroups, incident: Incident, happens: Happens
) -> None:
    (member,) = incidents.members(incident.incident_id)
    groups.apply(ending(incident, member, now=at(1)))
    assert close_when(ports, incident, happens, joined=None) is None
    assert live_of(incidents, incident).open


def test_what_joins_another_shard_while_an_incident_is_closed_keeps_it_open(
    ports: Ports, incidents: TableIncidents, incident: Incident
) -> None:
    joins_a_shard(ports, incident)

    def again(ports: Ports, incident: Incident) -> None:
        ports.contended.apply(joining(incident, alert(fingerprint="fp-3"), now=at(2)))

    assert close_when(ports, incident, again, joined=2) is None
    assert live_of(incidents, incident).joined == 3


def test_a_successor_that_begins_while_an_incident_is_closed_has_it(
    ports: Ports, incidents: TableIncidents, incident: Incident
) -> None:
    def succeeds(_: Ports, incident: Incident) -> None:
        assert incidents.begin_generation(live_of(incidents, incident), at(1))

    assert close_when(ports, incident, succeeds, joined=1) is None
    assert close_when(ports, incident, lambda *_: None, joined=1, generation=2) is not None


def test_a_person_does_not_resolve_what_joins_at_that_moment(ports: Ports, incident: Incident) -> None:
    table = ports.interrupted("update_item", lambda: joins(ports, incident))
    with pytest.raises(JoinedSince):
        TableIncidents(table).resolve(incident.incident_id, "ada", at(2), seen=1)


def test_of_two_who_resolve_at_once_the_first_does(ports: Ports, incidents: TableIncidents, incident: Incident) -> None:
    table = ports.interrupted("update_item", lambda: incidents.resolve(incident.incident_id, "bob", at(1), seen=1))
    assert TableIncidents(table).resolve(incident.incident_id, "ada", at(2), seen=1) is None
    assert record_of(incidents, incident).resolved_by == "bob"


def test_an_acknowledgement_leaves_what_joins_at_that_moment_to_be_paged(
    ports: Ports, incidents: TableIncidents, groups: TableGroups, incident: Incident
) -> None:
    late = joining(incident, alert(fingerprint="fp-2", severity="critical"), now=at(1))
    table = ports.interrupted("update_item", lambda: groups.apply(late))
    assert TableIncidents(table).acknowledge(incident.incident_id, "ada", at(2)) is not None
    live = live_of(incidents, incident)
    assert (live.acked_rank, live.loud_since) == (SEVERITY_RANK["high"], incident.opened_at)
    assert page_due(live, at(2)) == "worse"


def test_a_verdict_leaves_what_joins_at_that_moment_to_be_paged(
    ports: Ports, incidents: TableIncidents, groups: TableGroups, incident: Incident
) -> None:
    seen = live_of(incidents, incident)
    late = joining(incident, alert(fingerprint="fp-2", severity="critical"), now=at(1))
    table = ports.interrupted("update_item", lambda: groups.apply(late))
    TableIncidents(table).judge(incident, 1, a_classification(severity="low"), at(2), seen=seen)
    live = live_of(incidents, incident)
    assert (live.joined, live.judged, live.decided) == (2, 1, SEVERITY_RANK["low"])
    assert live.loud_since == incident.opened_at, "it still waits for a page"


@pytest.mark.parametrize("severity", ["high", "medium"], ids=["a verdict that pages", "one that does not"])
def test_a_hold_that_a_person_ends_while_a_verdict_is_stored_has_ended(
    ports: Ports, incidents: TableIncidents, incident: Incident, severity: str
) -> None:
    seen = live_of(incidents, incident)
    verdict = a_classification(severity=severity, hold=HOLD)
    ends = lambda: incidents.end_hold(incident.incident_id, "ada", at(1))  # noqa: E731
    TableIncidents(ports.interrupted("update_item", ends)).judge(incident, 1, verdict, at(2), seen=seen)
    live = live_of(incidents, incident)
    assert (live.hold_ended_at, live.held_until) == (at(1), None)


def test_a_page_that_was_resumed_by_another_is_not_resumed_again(incidents: TableIncidents, incident: Incident) -> None:
    claimed = a_page(delivered_to=[], at=None)
    assert incidents.claim_page(incident, claimed, at(2), at(1), seen=live_of(incidents, incident))
    seen = live_of(incidents, incident)

    assert incidents.claim_page(incident, claimed, at(3) + LEASE, at(3), seen=seen)
    assert not incidents.claim_page(incident, claimed, at(3.1) + LEASE, at(3.1), seen=seen)


def test_a_page_of_the_machine_itself_counts(ports: Ports, incidents: TableIncidents, incident: Incident) -> None:
    """The state machine publishes a page and counts it when the escalate function fails."""
    seen = live_of(incidents, incident)
    change = "SET paged_seq = paged_seq + :one, page_done = paged_seq + :one"
    ports.table.update(*live_key(incident.group_key), change, {":one": 1})
    assert not incidents.claim_page(incident, a_page(), at(2), at(1), seen=seen)


def test_pages_still_count_for_an_incident_that_fires_again_at_the_moment_when_its_quiet_begins(
    ports: Ports, incidents: TableIncidents, groups: TableGroups, incident: Incident
) -> None:
    assert incidents.claim_page(incident, a_page(), at(2), at(1), seen=live_of(incidents, incident))
    (member,) = incidents.members(incident.incident_id)
    groups.apply(ending(incident, member, now=at(1)))
    TableIncidents(ports.interrupted("update_item", lambda: joins(ports, incident))).begin_quiet(incident, at(2))
    assert live_of(incidents, incident).voided_seq == 0, "no page is void"


def test_what_changed_since_it_was_looked_at_is_not_put_off(
    ports: Ports, incidents: TableIncidents, incident: Incident
) -> None:
    """The due time alone would not tell: it may be the same."""
    live = live_of(incidents, incident)
    TableGroups(ports.table).apply(joining(incident, alert(fingerprint="fp-2"), now=incident.opened_at))
    assert live_of(incidents, incident).due_at == live.due_at
    incidents.postpone(live, at(30))
    assert live_of(incidents, incident).due_at == live.due_at
