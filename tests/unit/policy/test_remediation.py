"""Tests of `policy/remediation.yaml`: when a freeze holds, how many hosts are allowed, what a mistake is told."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from firstline.errors import ConfigurationError
from firstline.policy.remediation import Freeze, RemediationPolicy, load_remediation_policy, share_of

BERLIN = "Europe/Berlin"


def holds(when: str, *environments: str, **freeze: Any) -> bool:
    """Return True if a freeze holds at the UTC time `when` for these environments."""
    now = datetime.fromisoformat(when).replace(tzinfo=UTC)
    return Freeze.model_validate({"reason": "any", **freeze}).holds(now, environments)


@pytest.mark.parametrize(
    ("freeze", "inside", "outside"),
    [
        # A day, and days from midnight to midnight where people are.
        ({"dates": ["2026-12-24"]}, "2026-12-24T23:59", "2026-12-25T00:00"),
        ({"dates": ["2026-12-24..2027-01-01"]}, "2027-01-01T23:59", "2027-01-02T00:00"),
        ({"dates": ["2026-12-24"], "time_zone": BERLIN}, "2026-12-23T23:00", "2026-12-24T23:00"),
        # Every week, by day and hour; the end is outside.
        ({"weekdays": ["sat", "sun"]}, "2026-03-01T12:00", "2026-03-02T00:00"),
        ({"weekdays": "fri", "hours": "16:00-24:00"}, "2026-03-06T23:59", "2026-03-07T00:00"),
        ({"hours": "09:00-17:00"}, "2026-03-02T09:00", "2026-03-02T17:00"),
        ({"hours": ["06:00-07:00", "18:00-19:00"]}, "2026-03-02T18:30", "2026-03-02T12:00"),
        # Over midnight: the night belongs to the day on which it begins.
        ({"hours": "22:00-06:00"}, "2026-03-02T05:59", "2026-03-02T06:00"),
        ({"weekdays": "fri", "hours": "22:00-06:00"}, "2026-03-07T05:59", "2026-03-06T05:59"),
        ({"weekdays": "fri", "hours": "22:00-06:00"}, "2026-03-06T22:00", "2026-03-07T22:00"),
        ({"dates": "2026-12-31", "hours": "20:00-08:00"}, "2027-01-01T07:59", "2026-12-31T07:59"),
        # The clocks go forward on 29 March: half past two comes an hour earlier in UTC.
        ({"hours": "02:00-04:00", "time_zone": BERLIN}, "2026-03-29T01:30", "2026-03-29T02:00"),
    ],
)
def test_a_freeze_holds_from_its_first_minute_to_its_last(freeze: dict[str, Any], inside: str, outside: str) -> None:
    assert holds(inside, "prod", **freeze)
    assert not holds(outside, "prod", **freeze)


def test_a_freeze_holds_for_its_environments_and_without_any_for_all() -> None:
    freeze: dict[str, Any] = {"weekdays": "mon", "environments": ["prod*"]}

    assert holds("2026-03-02T12:00", "Prod-EU", **freeze)
    assert holds("2026-03-02T12:00", "staging", "production", **freeze), "either name is enough"
    assert not holds("2026-03-02T12:00", "staging", **freeze)
    assert holds("2026-03-02T12:00", "staging", weekdays="mon"), "without environments it is for all of them"


@pytest.mark.parametrize(("fleet", "allowed"), [(0, 1), (1, 1), (3, 2), (10, 5), (100, 8)])
def test_the_smaller_of_number_and_share_counts_and_one_host_is_always_allowed(fleet: int, allowed: int) -> None:
    policy = RemediationPolicy.model_validate({"fleet": {"max_hosts": 8, "max_percent": 50}})

    assert policy.fleet.allows(fleet) == allowed


def test_a_share_of_the_fleet_is_rounded_up_to_at_least_one_host() -> None:
    assert [share_of(10, fleet) for fleet in (0, 1, 10, 11, 20)] == [1, 1, 1, 2, 2]


def test_the_shipped_file_freezes_nothing_and_asks_two_before_data_is_lost(runbooks_dir: Path) -> None:
    policy = load_remediation_policy(runbooks_dir / "policy" / "remediation.yaml")

    assert policy == RemediationPolicy(approvals={"destructive": 2})


def test_the_commented_out_freezes_in_the_shipped_file_are_valid(runbooks_dir: Path) -> None:
    lines = (runbooks_dir / "policy" / "remediation.yaml").read_text().splitlines()
    begin = lines.index("# freezes:")
    examples = [line.removeprefix("# ") for line in lines[begin:] if line.startswith("# ")]
    # The examples end where a sentence begins.
    examples = examples[: next((n for n, line in enumerate(examples) if line[:1].isupper()), None)]

    freezes = RemediationPolicy.model_validate(yaml.safe_load("\n".join(examples))).freezes

    assert [freeze.time_zone for freeze in freezes] == [BERLIN, BERLIN]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (
            "freezes: [{reason: x, hours: 9-17}]",
            "freezes.0.hours.0: '9-17' is no span of hours; write local time as \"22:00-06:00\"",
        ),
        ('freezes: [{reason: x, hours: "09:00-09:00"}]', "these hours are empty"),
        ("freezes: [{reason: x, dates: [24.12.2026]}]", "is no day; write 2026-12-24"),
        ("freezes: [{reason: x, dates: [2026-12-24..2026-12-20]}]", "ends before it begins"),
        ("freezes: [{reason: x, weekdays: [friday]}]", "freezes.0.weekdays.0"),
        ("freezes: [{reason: x, time_zone: Berlin, weekdays: [fri]}]", "is no time zone; write an IANA name"),
        ("freezes: [{reason: x}]", "the schedule would last for ever; give dates, weekdays or hours"),
        ("freezes: [{weekdays: [fri]}]", "freezes.0.reason"),
        ("freeze: []", "freeze: no such key"),
        ("fleet: {max_percent: 0}", "fleet.max_percent"),
        ("fleet: [", "not readable as YAML"),
        ("[]", "the file"),
    ],
)
def test_the_error_for_a_mistake_names_the_file_and_the_fix(tmp_path: Path, text: str, advice: str) -> None:
    path = tmp_path / "remediation.yaml"
    path.write_text(text)

    with pytest.raises(ConfigurationError) as found:
        load_remediation_policy(path)

    assert str(path) in str(found.value)
    assert advice in str(found.value)


def test_a_missing_file_is_an_error_and_no_empty_policy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"create it with `fleet: \{\}`"):
        load_remediation_policy(tmp_path / "remediation.yaml")
