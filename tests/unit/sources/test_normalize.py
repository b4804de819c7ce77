"""Tests of every example payload under tests/events: the alert that it becomes, or the reason why it is ignored."""

from datetime import UTC, datetime
from typing import Any

import pytest

from firstline.errors import UnreadablePayload
from firstline.models import NormalizedAlert
from firstline.sources import SOURCES, normalize, normalize_batch
from tests.unit.sources.events import EVENTS, RECEIVED_AT, alert, event, read

INSTANCE = "i-0a1b2c3d4e5f60718"
ALARM = {
    "status": "firing",
    "alert_name": "checkout-cpu-high-P2",
    "severity": "high",
    "host": INSTANCE,
    "account": "210987654321",
    "region": "eu-west-1",
    "timestamp": datetime(2026, 2, 11, 8, 14, 27, 512000, tzinfo=UTC),
    "ends_at": None,
}
RECOVERED = ALARM | {
    "status": "resolved",
    "timestamp": datetime(2026, 2, 11, 8, 29, 27, 510000, tzinfo=UTC),
    "ends_at": datetime(2026, 2, 11, 8, 29, 27, 510000, tzinfo=UTC),
}
MONITOR = {
    "status": "firing",
    "alert_name": "Disk is nearly full",
    "severity": "critical",
    "host": "i-0c0ffee0c0ffee012",
    "service": "checkout",
    "environment": "production",
    "region": "eu-west-1",
    "timestamp": datetime(2026, 2, 11, 8, 14, 27, tzinfo=UTC),
}
DISK = {
    "status": "firing",
    "alert_name": "NodeFilesystemAlmostOutOfSpace",
    "severity": "critical",
    "host": "ip-10-0-3-17.eu-west-1.compute.internal",
    "service": "checkout",
    "environment": "production",
    "region": "eu-west-1",
    "timestamp": datetime(2026, 2, 11, 8, 14, 2, 283995, tzinfo=UTC),
    "ends_at": None,
    "fingerprint": "26066cf10f12a354",
}
MEMORY = {
    "status": "firing",
    "alert_name": "High memory",
    "severity": "medium",
    "host": "web-7",
    "service": "checkout",
    "environment": "staging",
    "url": "https://grafana.example.com/d/abc?orgId=1&viewPanel=2",
    "timestamp": datetime(2026, 2, 11, 8, 14, 0, 157076, tzinfo=UTC),
}
LOAD = {"status": "firing", "alert_name": "Load of web", "severity": "critical", "host": "web-7", "service": "web"}
INCIDENT = {
    "status": "firing",
    "alert_name": "Checkout returns 500",
    "severity": "critical",
    "host": None,
    "service": "checkout",
    "fingerprint": "Q1W2E3R4T5Y6U7",
    "group_key": "pagerduty:Q1W2E3R4T5Y6U7",
}
CERTIFICATE = {
    "status": "firing",
    "alert_name": "Certificate expires soon",
    "severity": "medium",
    "host": "edge-1",
    "service": "shop",
    "environment": "production",
    "account": "210987654321",
    "region": "eu-west-1",
    "labels": {"issuer": "example-ca", "days_left": "5"},
    "timestamp": datetime(2026, 2, 11, 8, 14, tzinfo=UTC),
}

ONE_ALERT: dict[str, dict[str, Any]] = {
    "cloudwatch/sns-alarm": ALARM,
    "cloudwatch/raw-alarm": ALARM,
    "cloudwatch/sns-to-lambda": ALARM,
    "cloudwatch/eventbridge-alarm": ALARM,
    "cloudwatch/lambda-action": ALARM,
    "cloudwatch/sns-ok": RECOVERED,
    "cloudwatch/sns-first-data": {"status": "resolved", "alert_name": "checkout-cpu-high-P2"},
    "cloudwatch/eventbridge-ok": RECOVERED,
    "cloudwatch/sns-metric-math-several-hosts": {"severity": "critical", "host": None},
    "cloudwatch/sns-composite": {"severity": "critical", "host": None},
    "cloudwatch/sns-contributor-alarm": {"severity": "medium", "host": INSTANCE, "status": "firing"},
    "cloudwatch/sns-contributor-ok": {"severity": "medium", "host": INSTANCE, "status": "resolved"},
    "cloudwatch/eventbridge-contributor": {"severity": "medium", "host": INSTANCE, "status": "firing"},
    "cloudwatch/sns-plain-text": {"alert_name": "Backup failed", "severity": "medium", "status": "firing"},
    "cloudwatch/sns-health-event": {"alert_name": "AWS Health: AWS_EC2_OPERATIONAL_ISSUE", "account": "210987654321"},
    "cloudwatch/sns-managed-prometheus": {"alert_name": "LedgerLag", "severity": "critical", "service": "ledger"},
    "cloudwatch/sns-rds-event": {"severity": "high", "service": "wallet", "status": "firing"},
    "cloudwatch/sns-guardduty": {"severity": "high", "host": "i-0f1e2d3c4b5a69788", "status": "firing"},
    "datadog/recommended-triggered": MONITOR,
    "datadog/recommended-recovered": MONITOR
    | {"status": "resolved", "timestamp": datetime(2026, 2, 11, 8, 29, 27, tzinfo=UTC)},
    "datadog/recommended-warn": MONITOR | {"severity": "medium"},
    "datadog/recommended-no-data": MONITOR | {"severity": "high", "url": None},
    "datadog/default-triggered": {
        "status": "firing",
        "alert_name": "Payments errors",
        "severity": "high",
        "service": "payments",
        "environment": "staging",
    },
    "datadog/default-recovered": {"status": "resolved", "alert_name": "Payments errors", "severity": "high"},
    "datadog/foreign-camel-case": {"status": "firing", "severity": "high", "host": "worker-3"},
    "datadog/foreign-nested": {"status": "firing", "severity": "high", "host": "worker-3", "environment": "prod"},
    "prometheus/firing": DISK,
    "prometheus/resolved": DISK
    | {
        "status": "resolved",
        "timestamp": datetime(2026, 2, 11, 8, 44, 2, 283995, tzinfo=UTC),
        "ends_at": datetime(2026, 2, 11, 8, 44, 2, 283995, tzinfo=UTC),
    },
    "prometheus/no-fingerprint": DISK | {"fingerprint": "26066cf10f12a354"},
    "prometheus/no-alertname": {"alert_name": "42 jobs are stuck", "severity": "critical", "host": None},
    "grafana/firing": MEMORY,
    "grafana/resolved": MEMORY
    | {"status": "resolved", "timestamp": datetime(2026, 2, 11, 8, 44, 0, 100000, tzinfo=UTC)},
    "grafana/no-data": MEMORY | {"alert_name": "DatasourceNoData"},
    "grafana/legacy-alerting": LOAD,
    "grafana/legacy-ok": LOAD | {"status": "resolved", "host": None},
    "pagerduty/triggered": INCIDENT,
    "pagerduty/reopened": INCIDENT,
    "pagerduty/resolved": INCIDENT | {"status": "resolved"},
    "pagerduty/low-urgency-without-priority": INCIDENT | {"severity": "low"},
    "generic/firing": CERTIFICATE,
    "generic/resolved": CERTIFICATE | {"status": "resolved", "timestamp": datetime(2026, 2, 11, 9, tzinfo=UTC)},
    "generic/foreign-trigger": {"alert_name": "MySQL is down on db-2", "severity": "critical", "status": "firing"},
    "generic/foreign-check-up": {"alert_name": "Shop front page", "status": "resolved"},
}

IGNORED = {
    "cloudwatch/sns-insufficient-data": "goes on firing",
    "cloudwatch/sns-subscription-confirmation": "about the subscription",
    "cloudwatch/sns-own-alarm": "Firstline's own",
    "cloudwatch/sns-auto-scaling": "EC2_INSTANCE_LAUNCH is no problem",
    "cloudwatch/eventbridge-suppressed": "suppressed by Alarm",
    "cloudwatch/eventbridge-muted": "suppressed by a mute rule",
    "cloudwatch/eventbridge-configuration-change": "no alert",
    "prometheus/watchdog": "dead man's switch",
    "grafana/legacy-pending": "neither firing nor resolved",
    "pagerduty/acknowledged": "opens and resolves nothing",
    "pagerduty/annotated": "opens and resolves nothing",
    "pagerduty/ping": "opens and resolves nothing",
    "pagerduty/own-triggered": "opened itself",
    "pagerduty/own-acknowledged": "opens and resolves nothing",
    "pagerduty/own-resolved": "opened itself",
}

ELSEWHERE = {"prometheus/mixed", "generic/batch", "pagerduty/version-2"}

PAIRS = [
    ("cloudwatch/sns-alarm", "cloudwatch/sns-ok"),
    ("cloudwatch/sns-alarm", "cloudwatch/eventbridge-ok"),
    ("cloudwatch/sns-alarm", "cloudwatch/sns-first-data"),
    ("cloudwatch/lambda-action", "cloudwatch/sns-ok"),
    ("cloudwatch/raw-alarm", "cloudwatch/sns-to-lambda"),
    ("cloudwatch/sns-contributor-alarm", "cloudwatch/sns-contributor-ok"),
    ("cloudwatch/eventbridge-contributor", "cloudwatch/sns-contributor-ok"),
    ("datadog/recommended-triggered", "datadog/recommended-recovered"),
    ("datadog/recommended-warn", "datadog/recommended-recovered"),
    ("datadog/default-triggered", "datadog/default-recovered"),
    ("prometheus/firing", "prometheus/resolved"),
    ("grafana/firing", "grafana/resolved"),
    ("grafana/legacy-alerting", "grafana/legacy-ok"),
    ("pagerduty/triggered", "pagerduty/resolved"),
    ("pagerduty/reopened", "pagerduty/resolved"),
    ("generic/firing", "generic/resolved"),
]


@pytest.mark.parametrize("name", ONE_ALERT)
def test_an_example_payload_becomes_one_alert_with_these_fields(name: str) -> None:
    batch = read(name)

    assert (len(batch.alerts), batch.rejected, batch.ignored) == (1, [], [])
    expected = ONE_ALERT[name]
    assert {field: getattr(batch.alerts[0], field) for field in expected} == expected


@pytest.mark.parametrize("name", IGNORED)
def test_an_example_payload_that_is_no_alert_is_ignored_with_this_reason(name: str) -> None:
    batch = read(name)

    assert batch.alerts == []
    assert IGNORED[name] in batch.ignored[0]


def test_every_example_payload_of_a_source_is_in_one_of_the_tables() -> None:
    files = {f"{f.parent.name}/{f.stem}" for f in EVENTS.glob("*/*.json") if f.parent.name in SOURCES}

    assert files == ONE_ALERT.keys() | IGNORED.keys() | ELSEWHERE


@pytest.mark.parametrize(("firing", "resolved"), PAIRS)
def test_a_firing_alert_and_its_resolved_have_the_same_fingerprint_and_group_key(firing: str, resolved: str) -> None:
    began, ended = alert(firing), alert(resolved)

    assert (began.fingerprint, began.group_key) == (ended.fingerprint, ended.group_key)


@pytest.mark.parametrize("name", ONE_ALERT)
def test_an_alert_is_valid_and_unchanged_after_serialization(name: str) -> None:
    read = alert(name)

    assert NormalizedAlert.model_validate(read.model_dump(mode="json")) == read


def test_one_bad_alert_among_fifty_is_rejected_alone() -> None:
    # Given
    payload = event("prometheus/firing")
    good = payload["alerts"][0]
    bad = {"status": "smouldering", "labels": {"alertname": "Odd"}}
    payload["alerts"] = [good] * 24 + [bad] + [good] * 25

    # When
    batch = normalize_batch("prometheus", payload, received_at=RECEIVED_AT)

    # Then
    assert len(batch.alerts) == 49
    assert [part.payload for part in batch.rejected] == [bad]
    assert "smouldering" in batch.rejected[0].reason
    assert len(normalize("prometheus", payload)) == 49, "`normalize` leaves the bad one out, too"


def test_a_batch_without_any_readable_alert_raises_unreadable_payload() -> None:
    with pytest.raises(UnreadablePayload, match="has no `labels`"):
        normalize("prometheus", {"alerts": [{"status": "firing"}, {"status": "firing"}]})


def test_an_alert_without_a_time_gets_the_time_of_receipt() -> None:
    assert alert("generic/foreign-trigger").timestamp == RECEIVED_AT


def test_an_unknown_severity_counts_as_high_and_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    payload = event("prometheus/firing")
    payload["alerts"][0]["labels"]["severity"] = "apocalyptic"
    payload["alerts"] *= 2

    batch = normalize_batch("prometheus", payload, received_at=RECEIVED_AT)

    assert [alert.severity for alert in batch.alerts] == ["high", "high"]
    assert batch.unknown_severities == ["apocalyptic"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "apocalyptic" in caplog.text


def test_a_host_that_is_too_long_and_a_url_that_is_not_http_are_left_out() -> None:
    (read,) = normalize("generic", {"alert_name": "disk", "host": "x" * 5_000, "url": "javascript:alert(1)"})

    assert read.host is None, "a host cut short would be another host"
    assert read.url is None


def test_names_messages_and_labels_are_cleaned_and_limited_in_length_and_number() -> None:
    long = "x" * 5_000
    read = normalize(
        "generic",
        {
            "alert_name": "disk\x00\u202e full\n" + long,
            "message": "\x1b[31mred\x07 " + long,
            "labels": {f"label {n}": long for n in range(500)} | {"": "nameless", "nested": {"no": "scalar"}},
        },
        received_at=RECEIVED_AT,
    )[0]

    assert read.alert_name.startswith("disk full xxx")
    assert len(read.alert_name) == 256
    assert read.message.startswith("red xxx")
    assert len(read.message) == 4_000
    assert len(read.labels) == 50
    assert max(map(len, read.labels.values())) <= 512


def test_names_that_differ_after_the_stored_length_are_different_alerts() -> None:
    first, second = (normalize("generic", {"alert_name": "x" * 300 + end})[0] for end in "ab")

    assert first.alert_name == second.alert_name
    assert first.fingerprint != second.fingerprint
    assert first.group_key != second.group_key
