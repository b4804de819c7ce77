"""Messages about an alert that neither fires nor is over: an acknowledgement, a comment, a maintenance."""

from typing import Any

import pytest

from firstline.sources import normalize_batch
from firstline.sources.statuses import STATUSES, status_of, word_of_event


def ignored(body: dict[str, Any]) -> str:
    batch = normalize_batch("generic", body)
    assert not batch.alerts
    (reason,) = batch.ignored
    return reason


def status(body: dict[str, Any]) -> str:
    (alert,) = normalize_batch("generic", body).alerts
    return alert.status


CHECK = {"host": "db-1", "service_description": "Replication", "state": "CRITICAL"}
ISSUE = {"title": "Replication lags", "status": "open"}
ZABBIX = {"event_name": "Ledger: disk", "event_value": "1", "event_id": "7", "trigger_id": "4711"}


@pytest.mark.parametrize(
    "kind",
    ["ACKNOWLEDGEMENT", "FLAPPINGSTART", "FLAPPINGSTOP", "DOWNTIMESTART", "DOWNTIMEEND", "DOWNTIMECANCELLED"],
)
def test_a_nagios_notification_that_is_no_change_of_state_is_ignored(kind: str) -> None:
    assert kind.lower() in ignored({**CHECK, "notification_type": kind})


@pytest.mark.parametrize(
    "event",
    ["incident.acknowledged", "alert_updated", "issue:assigned", "incident.commented", "incident_updated_v2", "ack"],
)
def test_an_event_that_tells_of_an_update_is_ignored_whatever_its_field(event: str) -> None:
    for name in ("event", "event_type", "type", "message_type"):
        ignored({**ISSUE, name: event})
    ignored({"event": event, "alert": ISSUE})


@pytest.mark.parametrize(
    "event",
    ["comment.created", "silence.expired", "maintenance.started", "scheduled_maintenance.ended", "incident.note_added"],
)
def test_an_event_about_a_comment_a_silence_or_a_maintenance_is_ignored(event: str) -> None:
    ignored({"title": "Replication lags", "event": event})


@pytest.mark.parametrize(
    "event", ["silence.expired", "maintenance.ended", "mute_removed", "snooze:ended", "host.downtime.cancelled"]
)
def test_the_end_of_a_silence_leaves_the_alert_in_the_state_that_it_tells_and_else_is_ignored(event: str) -> None:
    for name in ("event", "event_type", "type"):
        assert status({**ISSUE, name: event}) == "firing"
        assert status({**ISSUE, name: event, "status": "resolved"}) == "resolved"
        no_status = {"title": "Replication lags"}
        ignored({**no_status, name: event})


@pytest.mark.parametrize("event", ["silence.created", "maintenance.started", "comment.deleted", "mute.updated"])
def test_an_alert_that_fires_while_a_silence_begins_or_a_comment_goes_is_ignored(event: str) -> None:
    ignored({**ISSUE, "event": event})


@pytest.mark.parametrize("event", ["incident.started", "outage.created", "scheduled_job.failed", "query.long_running"])
def test_an_event_about_an_incident_an_outage_a_failed_job_or_a_slow_query_fires(event: str) -> None:
    assert status({"title": "Replication lags", "event": event}) == "firing"


RUN = {"job": "nightly-export", "host": "batch-1"}


@pytest.mark.parametrize(
    "told",
    [
        {"status": "started"},
        {"status": "In progress"},
        {"state": "RUNNING"},
        {"run_status": "queued"},
        {"event": "job.started"},
        {"status": "running", "severity": "info"},
    ],
)
def test_a_run_that_begins_or_goes_on_is_ignored(told: dict[str, str]) -> None:
    assert "neither firing nor resolved" in ignored(RUN | told)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"status": "succeeded"}, "resolved"),
        ({"status": "completed"}, "resolved"),
        ({"status": "finished", "exit_code": 0}, "resolved"),
        ({"exit_code": 0}, "resolved"),
        ({"exit_code": "3"}, "firing"),
        ({"status": "finished", "exit_code": 1}, "firing"),
        ({"status": "completed with errors"}, "firing"),
        ({"status": "not running"}, "firing"),
        ({"status": "aborted"}, "firing"),
        ({"status": "running", "severity": "critical"}, "firing"),
        ({"status": "running", "labels": {"severity": "critical"}}, "firing"),
        ({"event": "job.started", "severity": "critical"}, "firing"),
        ({"status": "completed", "conclusion": "failure"}, "firing"),
        ({"status": "finished", "result": "Timed out"}, "firing"),
        ({"status": "completed", "result": "12 rows"}, "resolved"),
        ({"status": "finished", "success": False}, "firing"),
        ({"status": "finished", "success": True, "error": "none"}, "resolved"),
        ({"status": "completed", "error": "disk full"}, "firing"),
        ({"event": "run.completed", "data": {"status": "failed"}}, "firing"),
        ({"status": "completed", "data": {"status": "created"}, "error": "No error"}, "resolved"),
        ({"event": "scan.completed", "severity": "critical"}, "firing"),
        ({"event": "incident.ended", "severity": "critical"}, "resolved"),
        ({"exit_code": 0, "severity": "critical"}, "firing"),
        ({"exit_code": 0, "event": "monitor.down"}, "firing"),
        ({"exit_code": 1, "event": "job.running"}, "firing"),
        ({"event": "job.running", "status": "failed"}, "firing"),
        ({"status": "running", "error": "disk full"}, "firing"),
        ({"event": "job.started", "error": "disk full"}, "firing"),
    ],
)
def test_a_run_resolves_only_if_nothing_says_that_it_failed(told: dict[str, Any], said: str) -> None:
    assert status(RUN | told) == said


def test_a_started_status_fires_if_the_body_is_about_no_run() -> None:
    assert status({"title": "Replication lags", "status": "Started"}) == "firing"


@pytest.mark.parametrize("event", ["incident.triggered", "alert.escalated", "incident.reopened", "not_acknowledged"])
def test_another_event_leaves_the_state_as_it_is(event: str) -> None:
    assert status({**ISSUE, "event": event}) == "firing"


def test_an_update_that_says_that_it_is_over_resolves_the_alert() -> None:
    assert status({**ISSUE, "status": "resolved", "event": "incident.updated"}) == "resolved"
    assert status({**CHECK, "state": "OK", "notification_type": "RECOVERY"}) == "resolved"


def test_a_nagios_notification_of_a_problem_is_firing() -> None:
    assert status({**CHECK, "notification_type": "PROBLEM"}) == "firing"


@pytest.mark.parametrize("value", ["0", "1"])
def test_an_update_of_zabbix_is_ignored(value: str) -> None:
    ignored({**ZABBIX, "event_value": value, "event_update_status": "1"})
    ignored({"EventName": "Disk", "EventValue": value, "EventUpdateStatus": 1})


@pytest.mark.parametrize("told", ["0", "", "{EVENT.UPDATE.STATUS}", "*UNKNOWN*", None])
def test_a_problem_of_zabbix_that_is_no_update_fires(told: Any) -> None:
    assert status({**ZABBIX, "event_update_status": told}) == "firing"
    assert status({**ZABBIX, "event_value": "0", "event_update_status": told}) == "resolved"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Down (Acknowledged)", None),
        ("under_maintenance", None),
        ("In maintenance", None),
        ("scheduled downtime", None),
        ("not acknowledged", "firing"),
        ("Unacknowledged", "firing"),
        ("partial outage", "firing"),
        (" OK ", "resolved"),
        ("unavailable", "firing"),
        ("Available", "resolved"),
        ("Closed - Resolved", "resolved"),
        ("auto_closed", "resolved"),
        ("Resolved (manually)", "resolved"),
        ("back to normal", "resolved"),
        ("no longer breached", "resolved"),
        ("no longer met", "resolved"),
        ("No longer in alarm", "resolved"),
        ("no longer critical", "resolved"),
        ("no longer responding", "firing"),
        ("No longer available", "firing"),
        ("Down ended (now: Up)", "resolved"),
        ("Warning ended (now: Down)", "firing"),
        ("Down ended (now: Paused)", None),
        ("Down ended", "resolved"),
        ("Up ended", "firing"),
        ("CRITICAL -> OK", "resolved"),
        ("OK -> CRITICAL", "firing"),
        ("Down (was up)", "firing"),
        ("success rate low", "firing"),
        ("not OK", "firing"),
        ("operational - minor", "firing"),
        ("cancelled", None),
    ],
)
def test_a_status_of_one_or_more_words_is_firing_resolved_or_neither(said: str, meant: str | None) -> None:
    assert status_of(said) == meant


@pytest.mark.parametrize("told", [{"trigger_type": "scheduled"}, {"lifecycle": "maintenance"}, {"action_group": "ops"}])
def test_a_field_that_only_some_tools_call_a_status_ignores_no_alert(told: dict[str, str]) -> None:
    batch = normalize_batch("generic", {"name": "Nightly run failed", "severity": "high", **told})

    assert [alert.status for alert in batch.alerts] == ["firing"]


@pytest.mark.parametrize("name", ["replica-inactive", "memory_available", "consumer-paused"])
def test_a_status_word_at_the_end_of_an_alerts_name_is_no_status(name: str) -> None:
    batch = normalize_batch("generic", {"alert": name, "severity": "critical", "host": "db-1"})

    assert [(alert.alert_name, alert.status) for alert in batch.alerts] == [(name, "firing")]


def test_every_status_word_is_found_at_the_end_of_an_events_name_unless_negated() -> None:
    assert {word: word_of_event(f"monitor.{word.upper()}") for word in STATUSES} == {word: word for word in STATUSES}
    assert {word_of_event(f"not_{word}") for word in STATUSES} == {None}
