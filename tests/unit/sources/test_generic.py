"""Tests of the source generic, beyond the tables in test_normalize.py."""

from typing import Any

import pytest

from firstline.errors import UnreadablePayload
from firstline.sources import normalize, normalize_batch
from firstline.sources.body import parse_body
from tests.unit.sources.events import event, read


def test_the_readable_alerts_of_a_batch_are_read_and_the_others_are_rejected() -> None:
    batch = read("generic/batch")

    assert [(alert.alert_name, alert.severity, alert.host) for alert in batch.alerts] == [
        ("Certificate expires soon", "medium", "edge-1"),
        ("Backup missing", "critical", "10.0.0.5"),
    ]
    assert [part.reason for part in batch.rejected] == ["generic: an alert has no name: send it as `alert_name`"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [("FIRING", "firing"), ("Down", "firing"), ("OK", "resolved"), ("what?", "firing"), (None, "firing")],
)
def test_a_known_word_gives_the_status_and_any_other_is_firing(status: str | None, expected: str) -> None:
    assert normalize("generic", event("generic/firing") | {"status": status})[0].status == expected


def test_an_acknowledged_alert_is_ignored_with_a_reason() -> None:
    batch = normalize_batch("generic", event("generic/firing") | {"status": "Acknowledged"})

    assert (batch.alerts, batch.ignored) == (
        [],
        ["Certificate expires soon is acknowledged: neither firing nor resolved"],
    )


def test_without_a_fingerprint_name_host_and_labels_identify_the_alert() -> None:
    def one(**change: Any) -> str:
        base = {"alert_name": "Disk", "host": "web-1", "labels": {"mount": "/var", "severity": "low"}}
        return normalize("generic", base | change)[0].fingerprint

    assert one() == one(status="resolved", message="gone", severity="critical", timestamp=1770797667)
    assert one() == one(labels={"severity": "critical", "mount": "/var"})
    assert len({one(), one(host="web-2"), one(labels={"mount": "/"}), one(alert_name="Disc")}) == 4


@pytest.mark.parametrize("name", ["message", "Message", "long_description", "alert_details", "msg", "output", "item"])
def test_the_message_is_read_from_each_name_that_tools_use_for_it(name: str) -> None:
    assert normalize("generic", {"alert_name": "Lag", name: "by 40 minutes"})[0].message == "by 40 minutes"


def test_an_empty_list_is_no_error() -> None:
    assert normalize("generic", {"alerts": []}) == []


@pytest.mark.parametrize("payload", [[7], None, "x", {}, {"alert_name": {}}, {"alerts": [7]}])
def test_a_payload_without_a_name_is_refused(payload: Any) -> None:
    with pytest.raises(UnreadablePayload, match="generic: "):
        normalize("generic", payload)


def test_json_with_line_breaks_inside_a_string_is_read() -> None:
    body = b'{"alert_name": "Disk is\nfull", "severity": "critical", "message": "on ledger-db-1\r\n\tof 40 GB\x00"}'

    (alert,) = normalize("generic", parse_body(body))

    assert (alert.alert_name, alert.severity) == ("Disk is full", "critical")
    assert alert.message.splitlines() == ["on ledger-db-1", "\tof 40 GB"]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"up": True}, "resolved"),
        ({"is_up": 1}, "resolved"),
        ({"healthy": "true"}, "resolved"),
        ({"firing": False}, "resolved"),
        ({"up": False}, "firing"),
        ({"resolved": False}, "firing"),
        ({"firing": True}, "firing"),
        ({"up": True, "status": "down"}, "firing"),
        # A number alone means up to one tool and down to another.
        ({"status": 1}, "firing"),
        ({"status": 0}, "firing"),
        ({"status": True}, "firing"),
    ],
)
def test_a_yes_or_no_field_gives_the_status_but_a_bare_number_does_not(said: dict[str, Any], status: str) -> None:
    (alert,) = normalize("generic", {"alert_name": "Lag"} | said)

    assert alert.status == status


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"alert_type": "CHECK_RECOVERY"}, "resolved"),
        ({"notificationType": "RECOVERY"}, "resolved"),
        ({"event": "lag:closed"}, "resolved"),
        ({"event_type": "lag.auto-resolved"}, "resolved"),
        ({"alert_type": "CHECK_FAILED"}, "firing"),
        ({"event": "lag.not_ok"}, "firing"),
        ({"event": "no-recovery"}, "firing"),
        ({"event": "lag.unresolved"}, "firing"),
        ({"trigger": "The state of the pump is not normal"}, "firing"),
        ({"trigger": "The pump is back to normal", "status": "PROBLEM"}, "firing"),
    ],
)
def test_the_last_word_of_an_events_name_gives_the_status_unless_it_is_negated(
    said: dict[str, Any], status: str
) -> None:
    (alert,) = normalize("generic", {"alert_name": "Lag"} | said)

    assert alert.status == status


def test_texts_that_differ_only_in_a_number_of_days_are_one_alert() -> None:
    def one(text: str, **more: Any) -> tuple[str, str]:
        (alert,) = normalize("generic", {"msg": text} | more)
        assert alert.message == text
        return alert.fingerprint, alert.group_key

    told = "The certificate of ledger-{}.example.com expires in {} days"
    # A field without a value does not matter either.
    assert one(told.format(1, 14), heartbeat=None) == one(told.format(1, 3), heartbeat=None)
    assert one(told.format(1, 14)) != one(told.format(2, 14))
    # A text that is nothing but a number of days keeps an identity of its own.
    assert one("14 days") != one("nothing")


def test_names_that_differ_only_in_a_number_of_days_are_two_alerts() -> None:
    week, day = (normalize("generic", {"alert_name": f"No backup for {days} days"})[0] for days in (7, 1))

    assert week.fingerprint != day.fingerprint


def test_a_notification_of_alertmanager_is_read_by_the_generic_source_too() -> None:
    lag = {"status": "resolved", "labels": {"alertname": "Lag", "severity": "page", "service": "ledger"}}
    lag |= {"annotations": {"summary": "by 40 minutes"}, "endsAt": "2026-04-02T07:00:00Z"}
    other = {"status": "firing", "labels": {"alertname": "Watchdog"}, "annotations": {}}

    batch = normalize_batch("generic", {"version": "4", "status": "firing", "alerts": [lag, other]})

    (alert,) = batch.alerts
    assert (alert.source, alert.alert_name, alert.status) == ("generic", "Lag", "resolved")
    assert (alert.severity, alert.service, alert.message) == ("critical", "ledger", "by 40 minutes")
    assert len(batch.heartbeats) == 1


def test_several_alerts_are_read_from_separate_lines_or_from_a_list() -> None:
    lines = b'{"alert_name": "Lag"}\n{"alert_name": "Disk", "status": "resolved"}\n'

    for body in (lines, b'[{"alert_name": "Lag"}, {"alert_name": "Disk", "status": "resolved"}]'):
        alerts = normalize("generic", parse_body(body))
        assert [(alert.alert_name, alert.status) for alert in alerts] == [("Lag", "firing"), ("Disk", "resolved")]


def test_one_line_of_several_that_is_no_alert_is_rejected_alone() -> None:
    batch = normalize_batch("generic", parse_body(b'{"alert_name": "Lag"}\n{"x": 1}'))

    assert ([alert.alert_name for alert in batch.alerts], len(batch.rejected)) == (["Lag"], 1)
    assert batch.unread == {"alerts": [{"x": 1}]}


@pytest.mark.parametrize("before", ["[FIRING] ", "CRITICAL: ", "problem - "])
def test_a_text_with_a_word_for_a_state_is_an_alert_named_by_its_first_line(before: str) -> None:
    (fires,) = normalize("generic", parse_body(f"{before}Disk of db-1 is full\n40 GB of 40 GB".encode()))

    assert (fires.alert_name.endswith("Disk of db-1 is full"), fires.status) == (True, "firing")
    assert "40 GB of 40 GB" in fires.message


@pytest.mark.parametrize("before", ["[FIRING] ", "problem - "])
def test_a_text_with_a_word_for_an_end_resolves_the_alert_of_the_same_text(before: str) -> None:
    (fires,), (ends,) = (normalize("generic", f"{word}Disk of db-1 is full") for word in (before, "RESOLVED: "))

    assert (ends.status, ends.fingerprint) == ("resolved", fires.fingerprint)


def test_the_severity_of_a_text_is_read_from_its_first_word() -> None:
    (alert,) = normalize("generic", "CRITICAL: the ledger is down")
    assert alert.severity == "critical"


@pytest.mark.parametrize("text", ["hello", "a=1&b=2", "\u202e\u202e", "= = ="])
def test_a_text_without_a_word_for_a_state_is_refused(text: str) -> None:
    with pytest.raises(UnreadablePayload, match="has no word for a state"):
        normalize("generic", text)


LEDGER_HOST = {"service": "ledger", "host": "db-1"}


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ({"status": "down", "error": "timeout after 5 s"}, {"status": "up"}),
        ({"status": "down", "error": "timeout after 5 s"}, {"status": "up", "error": "timeout after 5 s"}),
        ({"severity": "high", "error": "no space left"}, {"status": "resolved", "error": "no space left"}),
        ({"up": False, "reason": "refused"}, {"up": True}),
    ],
)
def test_an_alert_named_by_an_error_is_resolved_by_a_message_without_the_error(
    begins: dict[str, Any], ends: dict[str, Any]
) -> None:
    (began,) = normalize("generic", LEDGER_HOST | begins)
    batch = normalize_batch("generic", LEDGER_HOST | ends)

    assert (began.alert_name, began.status) == (begins.get("error", begins.get("reason")), "firing")
    # The message of an end does not tell the name under which the alert began, so it ends each that it may have had.
    ended = [(alert.fingerprint, alert.group_key) for alert in (*batch.alerts, *batch.ends_elsewhere)]
    assert (began.fingerprint, began.group_key) in ended


def test_two_errors_of_a_sender_that_states_no_state_are_two_alerts() -> None:
    said = [
        normalize("generic", LEDGER_HOST | {"severity": "high", "error": error})[0] for error in ("no space", "refused")
    ]

    assert said[0].fingerprint != said[1].fingerprint


@pytest.mark.parametrize("name", ["Up | Down ratio", "Up - Down", "OK | Critical flips", "Closed | Open tickets"])
def test_a_name_that_begins_with_two_states_is_firing(name: str) -> None:
    (alert,) = normalize("generic", {"alert_name": name, "severity": "high"})

    assert alert.status == "firing"


@pytest.mark.parametrize("name", ["[UP] Downloads", "RESOLVED | Error rate", "OK - Error rate", "Resolved: down: web"])
def test_a_name_that_begins_with_a_word_for_an_end_is_resolved(name: str) -> None:
    (alert,) = normalize("generic", {"alert_name": name, "severity": "high"})

    assert alert.status == "resolved"


@pytest.mark.parametrize("attached", [False, True])
def test_a_message_for_slack_that_has_only_blocks_is_named_by_the_first(attached: bool) -> None:
    def one(state: str) -> Any:
        texts = (f"{state}: Lag on db-1", "by 40 minutes")
        blocks = [{"type": "divider"}, *({"type": "section", "text": {"type": "mrkdwn", "text": t}} for t in texts)]
        (alert,) = normalize("generic", {"attachments": [{"blocks": blocks}]} if attached else {"blocks": blocks})
        return alert

    began, ended = one("FIRING"), one("RESOLVED")

    assert (began.alert_name, began.message, began.status) == ("FIRING: Lag on db-1", "by 40 minutes", "firing")
    assert (ended.status, ended.fingerprint, ended.group_key) == ("resolved", began.fingerprint, began.group_key)


@pytest.mark.parametrize("blocks", [[], [7], [{}], [{"text": "x"}], [{"text": {"text": []}}], "x"])
def test_blocks_without_a_text_name_no_alert(blocks: Any) -> None:
    batch = [{"alert_name": "Lag"}, {"blocks": blocks}]

    assert [alert.alert_name for alert in normalize("generic", batch)] == ["Lag"]
