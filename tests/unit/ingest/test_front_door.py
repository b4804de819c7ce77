"""Tests of the front door over HTTP: the answer to each delivery, and that nothing authenticated is lost."""

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest

from firstline.ingest.accept import WRITE_WITHIN
from firstline.ingest.quarantine import Backlog, Quarantined, pack, pack_backlog
from firstline.sources import SOURCES
from tests.support.builders import NOON, alert
from tests.unit.ingest.behind_the_door import TOKEN, TOPIC, World, alertmanager, firing, handle, post


@pytest.fixture
def world() -> World:
    return World()


# --- accepted --------------------------------------------------------------------------------------------------------


def test_every_alert_of_a_batch_is_accepted_and_the_answer_counts_them(world: World) -> None:
    status, answer = post(world, "/alerts/prometheus", alertmanager(firing(), firing("LoadHigh")))

    assert (status, answer["status"], answer["alert_count"], answer["incidents"]) == (
        202,
        "accepted",
        2,
        ["incident-1"],
    )
    assert [alert.alert_name for alert in world.alerts] == ["DiskFull", "LoadHigh"]
    assert world.alerts[0].severity == "medium"


def test_a_put_is_handled_like_a_post(world: World) -> None:
    assert post(world, "/alerts/prometheus", alertmanager(firing()), method="PUT")[1]["alert_count"] == 1


def test_a_stage_in_front_of_the_path_and_a_slash_after_it_are_ignored(world: World) -> None:
    assert post(world, "/prod/alerts/prometheus/", alertmanager(firing()))[0] == 202


def test_one_bad_alert_of_fifty_is_quarantined_and_the_others_are_accepted(world: World) -> None:
    alerts: list[Any] = [firing(f"A{number}") for number in range(50)]
    alerts[17] = {"labels": "no object", "status": "firing"}

    status, answer = post(world, "/alerts/prometheus", alertmanager(*alerts))

    assert (status, answer["alert_count"], answer["quarantined"]) == (202, 49, 1)
    assert [alert.alert_name for alert in world.alerts[49:]] == ["Unreadable message from prometheus"]
    assert json.loads(world.kept[0].body) == alertmanager(alerts[17])


def test_a_rejected_part_can_be_read_by_a_redrive_once_its_source_can_read_it(world: World) -> None:
    without_a_status = firing("Mended") | {"status": None}
    payload = alertmanager(without_a_status, "no object") | {"status": None, "commonLabels": {"cluster": "eu"}}
    post(world, "/alerts/prometheus", payload)
    (kept,) = world.kept
    envelope = json.loads(kept.body)
    envelope["alerts"] = [firing("Mended")]  # as if the source could read the first part now

    redriven = Quarantined(kept.source, kept.reason, json.dumps(envelope).encode(), kept.content_type)
    handle(world, {"Records": [{"eventSource": "aws:sqs", "body": json.dumps(pack(redriven)[0])}]})

    assert [alert.alert_name for alert in world.alerts] == ["Unreadable message from prometheus", "Mended"]
    assert envelope["commonLabels"] == {"cluster": "eu"}


def test_several_rejected_parts_of_a_delivery_are_quarantined_together(world: World) -> None:
    status, answer = post(world, "/alerts/generic", {"alerts": [{"alert_name": "Good"}, 7, {"no": "name"}]})

    assert (status, answer["quarantined"], len(world.kept)) == (202, 2, 1)
    assert json.loads(world.kept[0].body) == {"alerts": [7, {"no": "name"}]}


def test_alerts_for_which_there_is_no_time_go_to_the_backlog_and_the_answer_counts_them(world: World) -> None:
    world.time_for = 10

    status, answer = post(world, "/alerts/prometheus", alertmanager(*(firing(f"A{n}") for n in range(50))))

    assert (status, answer["status"], answer["alert_count"], answer["queued"]) == (202, "accepted", 50, 40)
    (backlog,) = world.queued
    assert [alert.alert_name for alert in backlog.alerts] == [f"A{n}" for n in range(10, 50)]
    assert (backlog.received_at, world.within) == (NOON, [WRITE_WITHIN])


def test_the_answer_is_503_if_the_backlog_cannot_take_the_remaining_alerts(world: World) -> None:
    world.time_for, world.queue_is_down = 1, True

    assert post(world, "/alerts/prometheus", alertmanager(firing(), firing("B")))[0] == 503


def test_alerts_from_the_backlog_are_accepted_with_their_time_of_receipt_and_no_time_limit(world: World) -> None:
    backlog = Backlog(NOON - timedelta(minutes=3), [alert(alert_name="Late"), alert(alert_name="Later")])
    records = [{"eventSource": "aws:sqs", "body": json.dumps(message)} for message in pack_backlog(backlog)]

    handle(world, {"Records": records})

    assert [each.alert_name for each in world.alerts] == ["Late", "Later"]
    assert (world.received, world.within) == ([NOON - timedelta(minutes=3)], [None])


def test_heartbeats_and_rejected_parts_are_kept_even_if_the_alerts_cannot_be_written(world: World) -> None:
    world.table_is_down = True
    watchdog = firing("Watchdog") | {"labels": {"alertname": "Watchdog", "severity": "none"}}

    status, _ = post(world, "/alerts/prometheus", alertmanager(firing(), watchdog, "no object"))

    assert status == 503
    assert len(world.store.heartbeats.pulses()[0]) == 1
    assert len(world.kept) == 1


def test_a_message_that_is_understood_and_no_alert_is_ignored_with_a_reason(world: World) -> None:
    ping = {"event": {"event_type": "pagey.ping", "data": {"message": "hello"}}}
    body = json.dumps(ping).encode()
    signature = "v1=" + hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()

    status, answer = post(world, "/alerts/pagerduty", body, token=None, x_pagerduty_signature=signature)

    assert (status, answer["status"], answer["alert_count"]) == (202, "ignored", 0)
    assert "ping" in answer["ignored"][0]
    assert not world.kept


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "wrong", "", TOKEN + "x"])
def test_a_request_without_the_right_token_gets_401_and_its_body_is_not_read(world: World, token: str | None) -> None:
    status, answer = post(world, "/alerts/generic", "{ not even json", token=token)

    assert (status, answer["status"]) == (401, "unauthenticated")
    assert TOKEN not in json.dumps(answer)
    assert not world.kept


def test_every_request_to_a_source_without_a_secret_gets_401(world: World) -> None:
    del world.secrets["sources/generic"]

    assert post(world, "/alerts/generic", {})[0] == 401


def test_each_of_two_active_secrets_is_accepted_so_that_one_can_be_rotated(world: World) -> None:
    assert [post(world, "/alerts/prometheus", alertmanager(firing()), token=t)[0] for t in ("old", TOKEN)] == [202, 202]


def test_an_unknown_source_is_answered_with_the_known_ones(world: World) -> None:
    status, answer = post(world, "/alerts/nagios", {})

    assert status == 404
    assert answer["known_sources"] == list(SOURCES)


@pytest.mark.parametrize(("method", "path"), [("GET", "/alerts/generic"), ("POST", "/"), ("POST", "/alerts")])
def test_an_unknown_path_is_answered_with_the_known_ones(world: World, method: str, path: str) -> None:
    status, answer = post(world, path, {}, method=method)

    assert status == 404
    assert "POST /alerts/<source>" in answer["known"]


def test_a_body_of_five_megabytes_is_read_whether_it_is_accepted_or_quarantined(world: World) -> None:
    alerts = [firing(f"A{number}") | {"annotations": {"summary": "x" * 4_000}} for number in range(1_200)]
    body = json.dumps(alertmanager(*alerts)).encode()

    assert len(body) > 4_900_000
    assert post(world, "/alerts/prometheus", body)[1]["alert_count"] == 1_200
    assert post(world, "/alerts/generic", b"x" * 5_000_000)[1]["status"] == "quarantined"


# --- kept ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(b"[" * 100_000 + b"]" * 100_000, "application/json", id="100,000 levels deep"),
        pytest.param(b'{"a":' * 80_000 + b"1" + b"}" * 80_000, "application/json", id="80,000 objects deep"),
        pytest.param(b'{"value": NaN}', "application/json", id="NaN"),
        pytest.param(b'{"value": -Infinity}', "application/json", id="Infinity"),
        pytest.param(rb'{"alert_name": "\ud800"}', "application/json", id="a lone surrogate"),
        pytest.param(b'{"value": ' + b"9" * 10_000 + b"}", "application/json", id="10,000 digits"),
        pytest.param(b"", "application/json", id="nothing"),
        pytest.param(b"[1, 2, 3]", "application/json", id="an array at the root"),
        pytest.param(b"a=1&b=2", "application/x-www-form-urlencoded", id="a form"),
        pytest.param(b"\xff\xfe\x00", "application/json", id="no UTF-8"),
        pytest.param(b"null", "application/json", id="null"),
        pytest.param(b'"text"', "application/json", id="a string"),
        pytest.param(b'{"alert_name": ', "application/json", id="cut off"),
    ],
)
def test_an_authenticated_body_that_cannot_be_read_is_quarantined_whole_and_answered_202(
    world: World, body: bytes, content_type: str
) -> None:
    status, answer = post(world, "/alerts/generic", body, content_type=content_type)

    assert (status, answer["status"]) == (202, "quarantined")
    assert answer["reason"]
    assert [kept.body for kept in world.kept] == [body]
    assert [alert.alert_name for alert in world.alerts] == ["Unreadable message from generic"]
    assert answer["incidents"] == ["incident-1"]


# --- not now ---------------------------------------------------------------------------------------------------------


def test_the_answer_is_503_while_the_table_is_down(world: World) -> None:
    world.table_is_down = True

    status, answer = post(world, "/alerts/prometheus", alertmanager(firing()))

    assert (status, answer["reason"]) == (503, "HistoryUnavailable")


def test_an_unreadable_message_whose_incident_cannot_be_opened_is_kept_and_answered_503(world: World) -> None:
    world.table_is_down = True

    assert post(world, "/alerts/generic", b"not json")[0] == 503
    assert [kept.body for kept in world.kept] == [b"not json"]


def test_an_unreadable_message_that_the_quarantine_cannot_take_is_answered_503(world: World) -> None:
    world.queue_is_down = True

    assert post(world, "/alerts/generic", b"not json")[0] == 503


# --- other requests --------------------------------------------------------------------------------------------------


def test_a_deployment_is_recorded_only_with_its_own_secret_and_with_its_service(world: World) -> None:
    body = {"service": "shop", "version": "1.2.3", "environment": "prod", "time": "2026-03-02T11:50:00Z"}

    assert post(world, "/deployments", body, token="wrong")[0] == 401
    assert post(world, "/deployments", body)[0] == 202
    assert post(world, "/deployments", {"version": "1.2.3"})[0] == 422
    assert [deployment.version for deployment in world.deployments] == ["1.2.3"]


def test_only_an_allowed_topic_is_confirmed_with_the_token_that_it_sent(world: World) -> None:
    asks = {"Type": "SubscriptionConfirmation", "MessageId": "m", "Token": "t-1", "Message": "confirm?"}
    asks |= {"SubscribeURL": "https://sns.example.com/", "Timestamp": "2026-03-02T11:59:01.000Z"}

    post(world, "/alerts/cloudwatch", asks | {"TopicArn": TOPIC})
    post(world, "/alerts/cloudwatch", asks | {"TopicArn": TOPIC + "-of-somebody-else"})

    assert world.confirmed == [(TOPIC, "t-1")]


# --- heartbeats ------------------------------------------------------------------------------------------------------


def test_only_the_declared_one_of_two_dead_mans_switches_is_stored_and_neither_opens_an_incident(world: World) -> None:
    alerts = [
        {"labels": {"alertname": name, "severity": severity}, "status": status, "startsAt": "2026-03-02T11:00:00Z"}
        for name, severity, status in [
            ("Watchdog", "none", "firing"),
            ("InfoInhibitor", "none", "firing"),  # not declared
            ("Watchdog", "none", "resolved"),
        ]
    ]
    status, answer = post(world, "/alerts/prometheus", {"version": "4", "status": "firing", "alerts": alerts})

    assert (status, answer["status"], answer["alert_count"]) == (202, "ignored", 0)
    ((pulse,), _) = world.store.heartbeats.pulses()
    assert (pulse.alert.alert_name, pulse.beat_at, pulse.resolved_at) == ("Watchdog", NOON, NOON)


def test_heartbeats_beyond_the_limit_of_a_source_are_logged_and_answered_202(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("firstline.adapters.dynamodb.heartbeats.MOST_OF_A_SOURCE", 2)
    alerts = [
        {"labels": {"alertname": "Watchdog", "severity": "none", "beat": str(number)}, "status": "firing"}
        for number in range(5)
    ]

    status, _ = post(world, "/alerts/prometheus", {"version": "4", "status": "firing", "alerts": alerts})

    assert (status, len(world.store.heartbeats.pulses()[0])) == (202, 2)
    (said,) = [record.getMessage() for record in caplog.records if "are not watched" in record.getMessage()]
    assert said.startswith("3 new heartbeats of prometheus are not watched, as it already has ")


def test_an_alert_that_is_declared_as_a_heartbeat_is_one_from_any_source(world: World) -> None:
    # BackupAlive and Watchdog are declared.
    post(world, "/alerts/generic", {"alert_name": "BackupAlive", "severity": "critical", "message": "alive"})

    ((pulse,), _) = world.store.heartbeats.pulses()
    assert (pulse.alert.alert_name, pulse.beat_at) == ("BackupAlive", NOON)
