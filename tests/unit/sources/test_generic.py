"""The generic source beyond the tables in test_normalize.py."""

from typing import Any

import pytest

from firstline.errors import UnreadablePayload
from firstline.sources import normalize, normalize_batch
from firstline.sources.body import parse_body
from tests.unit.sources.events import event, read


def test_a_batch_keeps_what_it_can_read() -> None:
    batch = read("generic/batch")

    assert [(one.alert_name, one.severity, one.host) for one in batch.alerts] == [
        ("Certificate expires soon", "medium", "edge-1"),
        ("Backup missing", "critical", "10.0.0.5"),
    ]
    assert [part.reason for part in batch.rejected] == ["generic: an alert without `alert_name`"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [("FIRING", "firing"), ("Down", "firing"), ("OK", "resolved"), ("what?", "firing"), (None, "firing")],
)
def test_statuses(status: str | None, expected: str) -> None:
    assert normalize("generic", event("generic/firing") | {"status": status})[0].status == expected


def test_a_status_in_between_is_ignored() -> None:
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
def test_the_text_for_people_under_the_names_that_tools_use(name: str) -> None:
    assert normalize("generic", {"alert_name": "Lag", name: "by 40 minutes"})[0].message == "by 40 minutes"


def test_an_empty_list_is_no_error() -> None:
    assert normalize("generic", {"alerts": []}) == []


@pytest.mark.parametrize("payload", [[], [{"alert_name": "x"}], None, "x", {}, {"alert_name": {}}, {"alerts": [7]}])
def test_what_cannot_be_read(payload: Any) -> None:
    with pytest.raises(UnreadablePayload, match="generic: "):
        normalize("generic", payload)


def test_a_text_of_several_lines_between_quotes_is_read() -> None:
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
def test_a_status_that_is_an_answer(said: dict[str, Any], status: str) -> None:
    (alert,) = normalize("generic", {"alert_name": "Lag"} | said)

    assert alert.status == status
