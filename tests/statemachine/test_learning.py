"""Feedback on one incident changes the verdict on the next of its group, through the whole machine."""

from datetime import UTC, datetime, timedelta

from firstline.models import Deployment
from tests.statemachine.incident import Incident
from tests.statemachine.world import World


def test_an_answer_in_slack_and_a_note_reach_the_next_incident_and_stand_in_the_trail(world: World) -> None:
    first = world.fires("QueueLong", severity="low", service="mail")
    first.stands_in("Await Resolution")
    world.judges(first.id, "severity-high")
    world.writes(first.id, "The consumer hung.\n$ systemctl restart mail-consumer")
    assert first.ends()[-1] == "Close Incident"
    assert first.record.outcome == "resolved"
    world.resolves("QueueLong", severity="low", service="mail")

    second = world.fires("QueueLong", severity="low", service="mail")
    second.stands_in("Await Acknowledgement")

    verdict = second.record.classification
    assert verdict is not None
    assert verdict.severity == "high"
    assert any("ada (Slack)" in reason for reason in verdict.reasons), "whose word it rests on"
    assert "The consumer hung." in verdict.first_steps[0]
    assert [entry.what for entry in world.trail(first.id)] == [
        "classified",
        "acted",
        "judged",
        "acted",
        "noted",
        "resolved",
        "closed",
    ]


def test_a_wrong_cause_takes_the_blame_off_a_deployment_the_next_time_and_pages_all_the_same(world: World) -> None:
    now = datetime.now(UTC)
    deployed = Deployment(service="search", version="8.1.0", environment=None, deployed_at=now - timedelta(minutes=20))
    world.history.save_deployment(deployed)
    first = world.fires("SearchSlow", severity="high", service="search")
    first.stands_in("Await Acknowledgement")
    world.judges(first.id, "wrong_cause")
    world.writes(first.id, "The index was backed up.")
    first.ends()
    world.resolves("SearchSlow", severity="high", service="search")

    second = world.fires("SearchSlow", severity="high", service="search")
    second.stands_in("Await Acknowledgement")

    before, after = first.record.classification, second.record.classification
    assert before is not None
    assert after is not None
    assert (before.is_deployment_related, after.is_deployment_related) == (True, False)
    assert after.severity == before.severity
    assert after.cause.startswith("Perhaps as before: The index was backed up. search 8.1.0 was deployed ")
    assert any(reason.startswith("Not blamed: ada (Slack) said") for reason in after.reasons)


def test_one_answer_real_ends_the_suppression_that_history_began(world: World) -> None:
    alert = {"severity": "info", "service": "web"}
    for _ in range(3):
        told = world.fires("CacheCold", **alert).stands_in("Await Resolution")
        world.resolves("CacheCold", **alert)
        told.ends()
    hidden = world.fires("CacheCold", **alert)
    assert hidden.ends()[-1] == "Record Suppression"
    world.resolves("CacheCold", **alert)

    for _ in range(2):  # a double click
        world.judges(hidden.id, "real")

    after = world.fires("CacheCold", **alert)
    after.stands_in("Await Resolution")
    verdict = after.record.classification
    assert verdict is not None
    assert verdict.severity == "low"
    assert len(hidden.record.feedback) == 1
    incidents_told = {message.incident for message in world.told("slack") if message.kind == "message"}
    assert hidden.id not in incidents_told, "the incident that was hidden stays so"


def test_an_answer_on_an_unknown_incident_is_refused_in_a_whisper(world: World) -> None:
    world.judges("SomeoneElses-20260101T000000Z-abc", "noise")
    (whisper,) = world.told("slack")
    assert whisper.kind == "whisper"
    assert "does not know this incident" in whisper.text


def monitor(world: World, transition: str, host: str = "web-1") -> Incident:
    """Send a message of one Datadog monitor, which states no severity, and return its incident."""
    now = datetime.now(UTC).timestamp()
    payload = {"alert_id": "7", "title": "Queue grows", "alert_transition": transition, "scope": f"host:{host}"}
    (incident_id,) = world.posts("datadog", payload | {"last_updated": str(int(now * 1_000))})["incidents"]
    return Incident(world, incident_id)


def test_a_monitor_that_states_no_severity_pages_until_a_person_says_otherwise(world: World) -> None:
    first = monitor(world, "Triggered")
    first.stands_in("Await Acknowledgement")
    verdict = first.record.classification
    assert verdict is not None
    assert (verdict.severity, verdict.asks) == ("high", True)
    world.judges(first.id, "severity-low")
    monitor(world, "Recovered")
    first.ends()
    paged = len(world.told("pagerduty"))

    second = monitor(world, "Triggered")
    second.stands_in("Await Resolution")
    assert monitor(world, "Triggered", host="web-2").id == second.id, "another host joins, which pages nobody either"
    world.reconciles()
    second.stands_in("Await Resolution")

    after = second.record.classification
    assert after is not None
    assert (after.severity, after.decided_by) == ("low", "people")
    assert len(world.told("pagerduty")) == paged
