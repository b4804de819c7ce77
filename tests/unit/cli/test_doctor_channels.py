"""`firstline doctor` on text messages, the canary, and schedules that another tool keeps, against scripted answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from firstline.adapters.dynamodb.schedule_copies import TableCopies
from firstline.policy.followed_schedules import Copy, Span
from firstline_cli.doctor import files, reach, texts
from firstline_cli.doctor.findings import Check
from tests.support.memory import MemoryStore
from tests.unit.cli.test_doctor import NOT_SET, refused, stack, told

NOW = datetime.now(UTC)
SET = {"Parameter": {"Value": "+1 206 555 0100"}}
FILES: dict[str, Any] = {
    "people": {
        "people": {"ada": {"phone": "+491511234567"}, "bob": {"phone": "ssm:oncall/bob"}, "cem": {"slack": "U3"}}
    },
    "oncall": {
        "schedules": {"platform": {"starts": "2026-03-02", "rotation": ["ada", "bob"]}},
        "followed": {"shop": {"pagerduty_schedule": "PABC123"}},
    },
    "paging": {
        "levels": [
            {
                "name": "first",
                "channels": ["sms"],
                "schedule": "platform",
                "on_call": "us",
                "acknowledge_within": "5m",
            }
        ]
    },
}
HEALTHY: dict[str, Any] = {
    "get_parameter": SET,
    "get_sms_sandbox_account_status": {"IsInSandbox": False},
    "list_sms_sandbox_phone_numbers": {"PhoneNumbers": [{"PhoneNumber": "+491511234567", "Status": "Verified"}]},
    "get_sms_attributes": {"attributes": {"MonthlySpendLimit": "50"}},
    "get_metric_statistics": {"Datapoints": [{"Maximum": 2.5, "Timestamp": NOW}]},
    "list_origination_numbers": {"PhoneNumbers": [{"PhoneNumber": "+18885550100"}]},
    "check_if_phone_number_is_opted_out": {"isOptedOut": False},
}


@pytest.fixture(autouse=True)
def owner(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    for name, content in FILES.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.setattr(files, "_folder", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (
            {},
            ["✓ sms          the account is out of SNS's", "✓ sms          $2.50 of $50 are spent on texts this month"],
        ),
        (
            {"get_sms_sandbox_account_status": {"IsInSandbox": True}},
            ["✗ sms          the account is in SNS's SMS sandbox, and these numbers are not verified: bob → verify"],
        ),
        (
            {"get_sms_attributes": {"attributes": {}}},
            ["✗ sms          $2.50 of $1 are spent on texts this month, so AWS sends no more texts → raise"],
        ),
        (
            {"get_sms_attributes": {"attributes": {}}, "get_metric_statistics": {"Datapoints": []}},
            ["! sms          $0.00 of $1 are spent on texts this month; at the limit, AWS sends no more texts → raise"],
        ),
        (
            {"list_origination_numbers": {"PhoneNumbers": []}},
            ["✗ sms          carriers of the United States take texts only from a registered number"],
        ),
        (
            {"check_if_phone_number_is_opted_out": {"isOptedOut": True}},
            ["✗ sms          ada's phone answered STOP once", "✗ sms          bob's phone answered STOP once"],
        ),
        (
            {"get_parameter": NOT_SET},
            [
                "✗ sms          bob takes turns and has no phone number, so no text reaches them → give bob a phone",
                "! sms          texts have no link to the incident: the secret console/link-key is not set →",
            ],
        ),
    ],
    ids=[
        "nothing",
        "sandbox",
        "limit reached",
        "limit too low",
        "no registered number",
        "opted out",
        "no phone and no link",
    ],
)
def test_what_keeps_a_text_message_from_a_phone_is_reported(answers: dict[str, Any], said: list[str]) -> None:
    lines = told(texts.texts, answers=HEALTHY | answers)
    assert [expected for expected in said if not any(line.startswith(expected) for line in lines)] == []
    assert [line[0] for line in lines].count("✗") == "".join(expected[0] for expected in said).count("✗"), lines
    assert "206" not in "".join(lines), "no number is printed"


def test_what_texts_cost_since_the_first_of_the_month_counts_although_none_was_sent_for_days() -> None:
    first_of_month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)

    def spent_on_the_first(**asked: Any) -> Any:
        return {"Datapoints": [{"Maximum": 49.0}] if asked["StartTime"] == first_of_month else []}

    lines = told(texts.texts, answers=HEALTHY | {"get_metric_statistics": spent_on_the_first})

    assert [line for line in lines if "$49.00 of $50 are spent on texts this month" in line]


@pytest.mark.parametrize("number", ["+1 416 555 0100", "+1 876 555 0100", "+44 20 7946 0000"])
def test_only_numbers_of_the_united_states_need_a_registered_sender(number: str) -> None:
    answers = HEALTHY | {
        "get_parameter": {"Parameter": {"Value": number}},
        "list_origination_numbers": {"PhoneNumbers": []},
    }
    assert not [line for line in told(texts.texts, answers=answers) if "registered" in line]


def test_text_messages_are_not_checked_if_no_level_sends_them(owner: Any) -> None:
    level = FILES["paging"]["levels"][0] | {"channels": ["slack"]}
    (owner / "paging.yaml").write_text(yaml.safe_dump({"levels": [level]}))
    assert told(texts.texts) == []


CANARY = {"parameters": {"CanaryAddress": "ops@example.com"}}
SUBSCRIBED = {"Subscriptions": [{"SubscriptionArn": "arn:aws:sns:x:1:canary:1"}]}


@pytest.mark.parametrize(
    ("answers", "given", "said"),
    [
        (
            {},
            {},
            ["! canary       the canary is off, so nobody is told when no alert comes through Firstline at all"],
        ),
        (
            {"get_parameter": NOT_SET},
            CANARY,
            ["✗ canary       the secret sources/canary is not set, so each test alert is refused"],
        ),
        ({}, CANARY, ["✓ canary       the last test alert took 4 seconds to its page"]),
        (
            {"list_subscriptions_by_topic": {"Subscriptions": [{"SubscriptionArn": "PendingConfirmation"}]}},
            CANARY,
            [
                "✗ canary       nobody has confirmed the canary's mail",
                "✓ canary       the last test alert took 4 seconds",
            ],
        ),
        (
            {"get_metric_statistics": {"Datapoints": []}},
            CANARY,
            ["✗ canary       no test alert came through in the last half hour → docs/canary.md"],
        ),
        (
            {"get_metric_statistics": {"Datapoints": [{"Maximum": 41.0, "Timestamp": NOW}]}},
            CANARY,
            ["✗ canary       the last test alert took 41 seconds"],
        ),
    ],
    ids=["off", "no secret", "on time", "mail unconfirmed", "nothing came", "late"],
)
def test_a_canary_that_is_off_or_late_is_reported(
    answers: dict[str, Any], given: dict[str, Any], said: list[str]
) -> None:
    older = {"Maximum": 60.0, "Timestamp": NOW - timedelta(minutes=15)}
    known = {
        "get_parameter": SET,
        "list_subscriptions_by_topic": SUBSCRIBED,
        "get_metric_statistics": {"Datapoints": [{"Maximum": 4.2, "Timestamp": NOW}, older]},
    }
    lines = told(reach.canary, answers=known | answers, **given)
    assert [line[: len(expected)] for line, expected in zip(lines, said, strict=True)] == said


def copied(*hours: int, age: timedelta = timedelta(0)) -> Copy:
    spans = [Span(who="ada", begins_at=NOW - timedelta(hours=1), ends_at=NOW + timedelta(hours=hour)) for hour in hours]
    return Copy(taken_at=NOW - age, spans=tuple(spans))


@pytest.mark.parametrize(
    ("copy", "key", "said"),
    [
        (copied(9), SET, ["✓ schedules    the schedule shop is copied, and has no gap"]),
        (
            copied(9, age=timedelta(days=2)),
            SET,
            ["! schedules    shop: its copy is 2 days old; look for the reason in reconcile's log"],
        ),
        (None, SET, ["✗ schedules    shop: it was never copied; look for the reason in reconcile's log"]),
        (
            None,
            NOT_SET,
            [
                "✗ schedules    the schedule shop cannot be copied from the tool that keeps it: the secret",
                "! schedules    calendar feeds do not work: the secret console/calendar-key is not set →",
            ],
        ),
    ],
    ids=["fresh", "old", "never copied", "no secret"],
)
def test_the_copy_of_each_followed_schedule_is_checked(copy: Copy | None, key: Any, said: list[str]) -> None:
    store = MemoryStore()
    if copy:
        TableCopies(store.table).save("shop", copy)
    lines = told(reach.calendars, answers={"get_parameter": key}, table=store.table)
    assert [line[: len(expected)] for line, expected in zip(lines, said, strict=True)] == said


@pytest.mark.parametrize("check", [texts.texts, reach.canary])
def test_texts_and_canary_are_not_checked_on_the_local_stack(check: Check) -> None:
    assert list(check(stack({"get_parameter": refused("Denied")}, name="local"))) == []
