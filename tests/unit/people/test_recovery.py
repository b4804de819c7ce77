"""The recovery of an alarm's metric: shown in an edited message, read a bounded number of times, ending nothing."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from firstline.channels import slack
from firstline.errors import MetricsUnavailable
from firstline.models import IncidentRecord, Notification
from firstline.people.message_updates import show_again
from firstline.people.recovery import MOST_LOOKS, WINDOW, MetricLook
from firstline.privacy.alert_redaction import for_outsiders
from tests.support.builders import NOW, a_classification, a_page, a_record, an_alert, an_incident
from tests.support.memory import MemoryChannel, MemoryStore

PAGED: dict[str, Any] = {"pages": [a_page()], "slack_channel": "alerts:C1", "slack_ts": "1.2", "shown": 0}
BACK = "12:34 UTC: 40, back in its range (CPU). CloudWatch says ALARM."


class Alarms:
    """Answers what it was given, and counts."""

    def __init__(self, said: str | Exception | None = BACK) -> None:
        self.said = said
        self.asked = 0

    def recovered(self, _alert: Any, _now: datetime) -> str | None:
        self.asked += 1
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


def look(record: IncidentRecord, alarms: Alarms | None = None) -> str | None:
    return MetricLook((alarms or Alarms()).recovered)(record, NOW)


def record(**what: Any) -> IncidentRecord:
    return MemoryStore(a_record(**PAGED, **what)).only


def test_an_edited_message_says_that_the_metric_recovered_and_the_incident_stays_open() -> None:
    store, channel = MemoryStore(a_record(**PAGED)), MemoryChannel()

    assert show_again(
        store.only,
        channels={"slack": channel},
        incidents=store.incidents,
        now=NOW,
        reason="Acknowledged by ada.",
        look=MetricLook(Alarms().recovered),
    )

    assert f"Now, {BACK}" in str(slack.render(channel.told[0])["blocks"])
    assert store.only.status == "OPEN"


def test_the_alarm_is_named_if_the_incident_has_several_alerts() -> None:
    said = look(record(alert_count=3))
    assert said is not None
    assert said.startswith("Now, DiskFull, 12:34 UTC")


@pytest.mark.parametrize(
    "quiet",
    [
        pytest.param(a_record(slack_ts="1.2"), id="not paged"),
        pytest.param(a_record(an_incident(an_alert(), storm=True), **PAGED), id="a storm"),
    ],
)
def test_the_metric_is_not_read_before_a_page_or_in_a_storm(quiet: IncidentRecord) -> None:
    alarms = Alarms()
    assert look(MemoryStore(quiet).only, alarms) is None
    assert alarms.asked == 0


def test_personal_data_is_removed_from_the_line_on_the_recovery() -> None:
    told = Notification(kind="changed", record=record(), reason="", at=NOW, recovery="CPU of ada@example.com: 40")
    assert "ada@" not in str(for_outsiders(told).recovery)


@pytest.mark.parametrize("said", [None, MetricsUnavailable("throttled")])
def test_an_unknown_recovery_is_left_out_of_the_message(said: Any) -> None:
    assert look(record(), Alarms(said)) is None


def test_the_number_of_looks_in_a_minute_is_bounded() -> None:
    alarms, paged = Alarms(), record()
    metric = MetricLook(alarms.recovered)
    for _ in range(MOST_LOOKS + 5):
        metric(paged, NOW)
    assert alarms.asked == MOST_LOOKS

    for second in (0, 1):
        assert metric(paged, NOW + WINDOW + timedelta(seconds=second)) is not None, "a new minute has all its looks"


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("The mail of eve@customer.example cannot be sent.", "The mail of [redacted e-mail address] cannot be sent."),
        (
            "It was resolved by ada@example.com, and fires again.",
            "It was resolved by ada@example.com, and fires again.",
        ),
        # Firstline's own sentence about a person, whoever that is.
        ("Escalated by bob@example.com.", "Escalated by bob@example.com."),
        ("ada@example.com wrote of eve@customer.example", "ada@example.com wrote of [redacted e-mail address]"),
    ],
)
def test_reasons_name_the_people_who_act_and_nobody_whom_an_alert_quotes(reason: str, shown: str) -> None:
    known = record(classification=a_classification(reasons=[reason], unsure=[reason]))
    known = known.model_copy(update={"resolved_by": "ada@example.com"})
    told = for_outsiders(Notification(kind="changed", record=known, reason=reason, at=NOW))
    verdict = told.record.classification
    assert verdict is not None
    assert (told.reason, *verdict.reasons, *verdict.unsure) == (shown, shown, shown)
