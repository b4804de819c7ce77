"""Messages to people: noise, pages, levels, and incidents that can wait."""

import pytest

from firstline.incidents.lifecycle import SHOWN
from tests.bench.transitions import INCIDENT, PATHS
from tests.statemachine.world import OVER, World
from tests.template.machine import Machine

TO_A_HUMAN = ["Classify"]
WEEK_SECONDS = 7 * 86_400


def test_noise_is_recorded_with_its_reason_and_disturbs_nobody(world: World) -> None:
    incident = world.fires("TestAlert", severity="low")

    path = incident.ends()

    assert path == ["Classify", "Record Suppression"]
    record = incident.record
    assert (record.status, record.outcome) == ("CLOSED", "suppressed")
    assert "Rule test-alert says noise" in (record.outcome_reason or "")
    assert world.inbox.messages() == []


def test_a_critical_alert_without_a_runbook_is_paged_taken_and_closed(world: World) -> None:
    incident = world.fires("SearchDown", service="search")

    incident.stands_in("Await Acknowledgement")
    assert incident.time_out_seconds == 300, "the first level's time to answer"
    (page,) = world.told("pagerduty")
    assert page.raw["dedup_key"] == f"firstline:{incident.id}"
    assert "SearchDown" in page.text
    assert "no runbook" not in page.text, "which says nothing"
    (message,) = world.told("slack")
    assert message.to == "#ops-alerts"
    incident.is_acknowledged("ada")

    incident.stands_in("Await Resolution")
    assert WEEK_SECONDS - 60 < incident.time_out_seconds <= WEEK_SECONDS
    world.resolves("SearchDown", service="search")

    path = incident.ends()
    assert path == [*TO_A_HUMAN, "Page On-Call", "Await Acknowledgement", "Notify Ops", "Await Resolution", *OVER]
    record = incident.record
    assert (record.outcome, record.acknowledged_by) == ("resolved", "ada")
    assert record.outcome_reason == "The alert resolved."
    assert [page.level for page in record.pages] == [0]
    assert [event.kind for event in world.told("pagerduty")] == ["trigger", "resolve"]
    assert world.told("slack")[0].edits >= 1
    assert world.told("sns") == []


def test_an_acknowledgement_by_a_press_is_shown_by_the_message_itself_and_needs_no_second_one(world: World) -> None:
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement")
    world.presses("acknowledge", incident.id)

    incident.stands_in("Await Resolution")
    assert WEEK_SECONDS - 60 < incident.time_out_seconds <= WEEK_SECONDS
    world.resolves("SearchDown")

    assert "Notify Ops" not in incident.ends()
    expected = Machine.load(INCIDENT).fewest_transitions(*PATHS["page, acknowledged and resolved"][0])
    assert len(incident.transitions) == expected == 9
    assert incident.record.outcome_reason == "The alert resolved."


@pytest.mark.parametrize("joins", [False, True], ids=["nothing joins", "an alert joins"])
def test_after_a_forged_signal_of_an_acknowledgement_the_incident_still_waits_for_one(
    world: World, joins: bool
) -> None:
    """Let an alert join, which is one change, as an acknowledgement is."""
    incident = world.fires("SearchDown", host="search-1").stands_in("Await Acknowledgement")
    if joins:
        world.fires("SearchDown", host="search-2")

    assert world.executions.signal(incident.token or "", SHOWN, "ada")
    incident.stands_in("Await Acknowledgement")

    shown = ["Notify Ops"] if joins else []
    assert incident.path[3:] == ["Await Resolution", "Pause", *shown, "Await Acknowledgement"]


@pytest.mark.parametrize(
    ("severity", "state", "path"),
    [
        ("medium", "Await Resolution", "told and resolved"),
        ("critical", "Await Acknowledgement", "page, resolved before somebody answers"),
    ],
)
def test_what_resolves_by_itself_costs_what_is_promised(world: World, severity: str, state: str, path: str) -> None:
    incident = world.fires("SearchDown", severity=severity).stands_in(state)
    world.resolves("SearchDown", severity=severity)
    incident.ends()

    assert len(incident.transitions) == Machine.load(INCIDENT).fewest_transitions(*PATHS[path][0])


@pytest.mark.parametrize("state", ["Await Acknowledgement", "Await Resolution"])
def test_a_forged_end_of_the_alerts_is_not_announced(world: World, state: str) -> None:
    severity = "critical" if state == "Await Acknowledgement" else "medium"
    incident = world.fires("SearchDown", severity=severity).stands_in(state)

    assert world.executions.signal(incident.token or "", "ended", "the sender")
    incident.passes_through("Await Quiet").stands_in(state)

    assert incident.path[-3:] == [state, "Await Quiet", state]
    assert "Nothing fires any more" not in " ".join(message.text for message in world.inbox.messages())
    assert {message.kind for message in world.told("pagerduty")} <= {"trigger"}


def test_an_alert_that_joins_between_an_acknowledgement_and_its_signal_is_shown(world: World) -> None:
    incident = world.fires("SearchDown", severity="high", host="search-1").stands_in("Await Acknowledgement")
    token = incident.token or ""
    acknowledged = world.history.acknowledge(incident.id, "ada", world.now())
    assert acknowledged is not None
    world.fires("SearchDown", severity="high", host="search-2")

    world.executions.signal(token, SHOWN, "ada")
    incident.stands_in("Await Resolution")

    assert incident.path[-4:-1] == ["Await Resolution", "Pause", "Notify Ops"]


def test_without_an_acknowledgement_the_next_level_is_woken_and_then_the_first_again(world: World) -> None:
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement").times_out()
    incident.stands_in("Await Acknowledgement")
    assert incident.time_out_seconds == 900, "the second level's time to answer"
    (mail,) = world.told("sns")
    assert "SearchDown" in mail.text
    incident.times_out()
    incident.stands_in("Await Acknowledgement")
    assert "Nobody has answered" in world.told("pagerduty")[-1].text
    incident.is_resolved("ada")

    assert incident.ends() == [*TO_A_HUMAN, *("Page On-Call", "Await Acknowledgement") * 3, "Close Incident"]
    record = incident.record
    assert [(page.level, page.round) for page in record.pages] == [(0, 0), (1, 0), (0, 1)]
    assert record.outcome == "resolved"
    assert world.told("pagerduty")[-1].kind == "resolve"


def test_the_second_level_can_acknowledge(world: World) -> None:
    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement").times_out()
    incident.stands_in("Await Acknowledgement").is_acknowledged("grace")
    incident.stands_in("Await Resolution").is_resolved("grace")

    incident.ends()

    assert incident.record.acknowledged_by == "grace"
    assert len(world.told("sns")) == 1


def test_without_slack_and_pagerduty_the_page_topic_wakes_people(world: World) -> None:
    world.remove_secret("slack/bot-token")
    world.remove_secret("pagerduty/routing-key")

    incident = world.fires("SearchDown")
    incident.stands_in("Await Acknowledgement")

    (mail,) = world.told("sns")
    assert "SearchDown" in mail.text
    assert incident.record.pages[0].delivered_to == ["sns"]


def test_a_medium_that_clears_by_itself_is_told_and_pages_nobody(world: World) -> None:
    incident = world.fires("DiskSlow", severity="medium")
    incident.stands_in("Await Resolution")
    assert WEEK_SECONDS - 60 < incident.time_out_seconds <= WEEK_SECONDS
    (message,) = world.told("slack")
    assert message.to == "#ops-alerts"
    assert "It waits for somebody to take it." in message.text
    world.resolves("DiskSlow", severity="medium")

    assert incident.ends() == [*TO_A_HUMAN, "Notify Ops", "Await Resolution", *OVER]
    record = incident.record
    assert (record.outcome, record.pages) == ("self_cleared", [])
    assert "Cleared by itself" in world.told("slack")[0].text
    assert world.woken() == []


def test_a_person_can_resolve_a_medium(world: World) -> None:
    incident = world.fires("DiskSlow", severity="medium")
    incident.stands_in("Await Resolution").is_resolved("ada")

    incident.ends()

    assert incident.record.outcome_reason == "Resolved by ada."


def test_an_incident_that_nobody_resolves_is_closed_as_expired(world: World) -> None:
    incident = world.fires("DiskSlow", severity="medium")
    incident.stands_in("Await Resolution").times_out()

    assert incident.ends()[-2:] == ["Await Resolution", "Close Incident"]
    record = incident.record
    assert record.outcome == "expired"
    assert record.outcome_reason == "Nobody resolved it in time, and the alert did not either."
    assert world.told("pagerduty") == []


def test_a_critical_that_joins_a_medium_is_paged(world: World) -> None:
    incident = world.fires("DiskSlow", severity="medium", host="db-1")
    incident.stands_in("Await Resolution")
    assert world.fires("DiskSlow", severity="critical", host="db-2").id == incident.id

    incident.stands_in("Await Acknowledgement")
    assert "It got worse: critical DiskSlow on db-2 joined." in world.told("pagerduty")[0].text
    incident.is_acknowledged()
    incident.stands_in("Await Resolution")
    world.resolves("DiskSlow", severity="medium", host="db-1")
    world.resolves("DiskSlow", severity="critical", host="db-2")

    assert incident.ends() == [
        *TO_A_HUMAN,
        *("Notify Ops", "Await Resolution", "Await Quiet", "Classify Again"),
        *("Page On-Call", "Await Acknowledgement", "Notify Ops", "Await Resolution", *OVER),
    ]
    assert incident.record.outcome == "resolved"


def test_what_joins_an_acknowledged_incident_pages_only_if_it_is_worse(world: World) -> None:
    incident = world.fires("SearchDown", severity="high", host="db-1")
    incident.stands_in("Await Acknowledgement").is_acknowledged()
    incident.stands_in("Await Resolution")
    world.fires("SearchDown", severity="high", host="db-2")
    assert incident.path[-1] == "Await Resolution"

    world.fires("SearchDown", severity="critical", host="db-3")
    incident.stands_in("Await Acknowledgement").is_resolved()
    assert incident.ends().count("Page On-Call") == 2
