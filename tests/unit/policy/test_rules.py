"""Tests of the file `policy/rules.yaml`: what a rule matches, which rule decides, and what a mistake is told."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firstline.errors import ConfigurationError
from firstline.models import SEVERITY_RANK, Evidence, Incident
from firstline.policy import rules
from firstline.policy.rules import Rules
from tests.support.builders import alert

SHIPPED = Path("runbooks/policy/rules.yaml")


HIGH_MEMORY: dict[str, Any] = {
    "source": "prometheus",
    "alert_name": "HighMemory",
    "severity": "high",
    "message": "Memory is at 97 % for 10 minutes",
    "labels": {"team": "payments"},
    "host": "web-1",
    "environment": "prod",
    "service": "payments",
}
"""The alert to which a match is applied, but for the fields that a row changes."""


def _rule(match: dict[str, Any], **decision: Any) -> dict[str, Any]:
    return {"id": "one", "reason": "because", "match": match} | (decision or {"severity": "low"})


def _holds(match: dict[str, Any], incident: Incident, evidence: Evidence) -> bool:
    return Rules.model_validate({"rules": [_rule(match)]}).first(incident, evidence.local_time) is not None


@pytest.mark.parametrize(
    ("match", "alert", "holds"),
    [
        ({"alert_name": "HighMemory"}, {}, True),
        ({"alert_name": "highmem*"}, {}, True),
        ({"alert_name": "Memory"}, {}, False),
        ({"alert_name": ["Other", "*Memory"]}, {}, True),
        ({"source": "datadog"}, {}, False),
        ({"severity": ["high", "critical"]}, {}, True),
        ({"severity": "low"}, {}, False),
        ({"service": "pay*"}, {}, True),
        ({"service": "*"}, {"service": None}, False),
        ({"environment": "PROD"}, {}, True),
        ({"environment": "dev"}, {}, False),
        ({"host": "web-[12]"}, {}, False),
        ({"labels": {"team": "payments"}}, {}, True),
        ({"labels": {"team": "payments", "tier": "1"}}, {}, False),
        ({"message": "memory is at"}, {}, True),
        ({"message": "mem"}, {}, False),
        ({"message": ["nothing", "97 %"]}, {}, True),
        ({"alert_name": "HighMemory", "environment": "dev"}, {}, False),
        ({"flapping": True}, {"flapping": True}, True),
        ({"flapping": True}, {}, False),
        ({"flapping": False, "host": "web-1"}, {}, True),
        ({"alert_name": "a*a*a*a*a*a*a*a*b"}, {"alert_name": "a" * 256}, False),
    ],
)
def test_a_match_holds_if_every_key_has_a_value_that_fits_the_alert(
    match: dict[str, Any],
    alert: dict[str, Any],
    holds: bool,
    incident: Callable[..., Incident],
    evidence: Callable[..., Evidence],
) -> None:
    assert _holds(match, incident(**HIGH_MEMORY | alert), evidence()) is holds


@pytest.mark.parametrize(
    ("match", "day", "clock", "holds"),
    # The day is one of March 2026, whose 4th is a Wednesday.
    [
        ({"hours": "22:00-06:00"}, 4, "23:59", True),
        ({"hours": "22:00-06:00"}, 4, "05:59", True),
        ({"hours": "22:00-06:00"}, 4, "06:00", False),
        ({"hours": "09:00-17:00"}, 4, "09:00", True),
        ({"hours": "09:00-17:00"}, 4, "17:00", False),
        ({"hours": ["01:00-02:00", "03:00-04:00"]}, 4, "03:30", True),
        ({"weekdays": ["wed"]}, 4, "10:00", True),
        ({"weekdays": ["sat", "sun"]}, 4, "10:00", False),
        ({"weekdays": ["sat", "sun"], "hours": "00:00-12:00"}, 7, "10:00", True),
        ({"weekdays": "fri", "hours": "22:00-06:00"}, 6, "05:59", False),
        ({"weekdays": "fri", "hours": "22:00-06:00"}, 6, "22:00", True),
        ({"weekdays": "fri", "hours": "22:00-06:00"}, 7, "05:59", True),
        ({"weekdays": "fri", "hours": "22:00-06:00"}, 7, "06:00", False),
        ({"weekdays": "fri", "hours": "22:00-24:00"}, 7, "00:00", False),
        ({"weekdays": "sun", "hours": "22:00-06:00"}, 2, "03:00", True),
    ],
)
def test_hours_and_weekdays_are_local_and_a_night_belongs_to_the_day_on_which_it_begins(
    match: dict[str, Any],
    day: int,
    clock: str,
    holds: bool,
    incident: Callable[..., Incident],
    evidence: Callable[..., Evidence],
) -> None:
    hour, minute = map(int, clock.split(":"))
    local = datetime(2026, 3, day, hour, minute, tzinfo=UTC)
    assert _holds(match, incident(), evidence(local_time=local)) is holds


def test_the_first_rule_that_matches_wins(incident: Callable[..., Incident], evidence: Callable[..., Evidence]) -> None:
    declared = Rules.model_validate(
        {
            "rules": [
                _rule({"environment": "dev"}, severity="noise") | {"id": "elsewhere"},
                _rule({"alert_name": "High*"}, at_most="medium") | {"id": "first"},
                _rule({"alert_name": "HighMemory"}, severity="critical") | {"id": "second"},
            ]
        }
    )
    found = declared.first(incident(), evidence().local_time)
    assert found is not None
    assert found.id == "first"


def test_noise_passes_over_a_critical_alert_unless_the_rule_says_so(
    incident: Callable[..., Incident], evidence: Callable[..., Evidence]
) -> None:
    quiet = Rules.model_validate({"rules": [_rule({"alert_name": "*"}, severity="noise")]})
    even = Rules.model_validate({"rules": [_rule({"alert_name": "*"}, severity="noise", even_critical=True)]})
    assert quiet.first(incident(severity="high"), evidence().local_time) is not None
    assert quiet.first(incident(severity="critical"), evidence().local_time) is None
    assert even.first(incident(severity="critical"), evidence().local_time) is not None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "rules: [{id: night, reason: r, match: {alertname: X}, severity: low}]",
            "rule 1 (night): unknown key `match.alertname`; write one of alert_name, source",
        ),
        ("rules: [{id: a, reason: r, match: {host: x}, sevrity: low}]", "unknown key `sevrity`"),
        ("rules: [{id: a, match: {host: x}, severity: low}]", "`reason`: Field required"),
        ("rules: [{id: a, reason: ' ', match: {host: x}, severity: noise}]", "`reason`"),
        ("rules: [{id: a, reason: r, match: {host: x}}]", "the rule has no effect; give `severity`, `at_most`"),
        (
            "rules: [{id: a, reason: r, match: {host: x}, severity: low, at_most: high}]",
            "`severity` excludes `at_most`",
        ),
        ("rules: [{id: a, reason: r, match: {host: x}, at_least: high, at_most: low}]", "swap them"),
        ("rules: [{id: a, reason: r, match: {host: x}, severity: urgent}]", "'critical', 'high', 'medium', 'low'"),
        ("rules: [{id: a, reason: r, match: {}, severity: low}]", "empty match"),
        ("rules: [{id: a, reason: r, match: {host: []}, severity: low}]", "empty match"),
        ("rules: [{id: a, reason: r, match: {hours: '9-17'}, severity: low}]", '"22:00-06:00"'),
        ("rules: [{id: a, reason: r, match: {hours: '09:00-09:00'}, severity: low}]", "these hours are empty"),
        ("rules: [{id: a, reason: r, match: {weekdays: monday}, severity: low}]", "`match.weekdays"),
        ("rules: [{id: a, reason: r, match: {host: x}, severity: low, even_critical: true}]", "even_critical"),
        ("rules: [{id: a, reason: r, match: {host: x}, hold: 5}]", "`hold`: 5 has no unit"),
        (
            "rules: [{id: a, reason: r, match: {host: x}, hold: 5s}]",
            "`hold`: 5s is out of range; write a duration from 30s to 7200s",
        ),
        ("rules: [{id: a, reason: r, match: {host: x}, severity: noise, hold: 5m}]", "cannot have `hold` or `route`"),
        ("rules: [{id: a, reason: r, match: {host: x}, route: Platform Team}]", "`route`"),
        (
            "{rules: [], maintenance: [{id: a, reason: r, owner: o, match: {host: x}, suppress: true, when: [{}]}]}",
            "window 1 (a): `when.0`: the schedule would last for ever; give dates, weekdays or hours",
        ),
        (
            "{rules: [], maintenance: [{id: a, reason: r, owner: o, match: {host: x}, when: [{weekdays: sun}]}]}",
            "either `suppress: true` or `at_most`",
        ),
        (
            "{rules: [], maintenance: [{id: a, reason: r, owner: o, match: {hours: x}, suppress: true, when: []}]}",
            "window 1 (a): unknown key `match.hours`; write one of alert_name",
        ),
        (
            "{rules: [{id: a, reason: r, match: {host: x}, severity: low}], maintenance: "
            "[{id: a, reason: r, owner: o, match: {host: x}, suppress: true, when: [{weekdays: sun}]}]}",
            "'a' is used twice",
        ),
        ("rules: [{id: a, reason: r, match: {host: x}, severity: low}, nonsense]", "rule 2 (without id)"),
        (
            "rules: [{id: a, reason: r, match: {host: x}, severity: low},"
            "{id: a, reason: r, match: {host: y}, severity: low}]",
            "'a' is used twice",
        ),
        ("- id: a", "Write `rules:` with a list of rules"),
        ("", "Write `rules:` with a list of rules"),
        ("rules: [", "not readable as YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_fix(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as raised:
        rules.load(path)
    assert str(path) in str(raised.value)
    assert says in str(raised.value)


def test_the_error_for_a_missing_file_says_what_to_create(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"create it with `rules: \[\]`"):
        rules.load(tmp_path / "rules.yaml")


def test_a_file_without_rules_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("rules: []")
    assert rules.load(path).rules == ()


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [
        ({"match": {"host": "web-*"}}, {"match": {"host": "web-1"}}, True),
        ({"match": {"host": "web-*"}}, {"match": {"host": "web-1*"}}, True),
        ({"match": {"host": "web-1"}}, {"match": {"host": "web-*"}}, False),
        ({"match": {"host": "WEB-*"}}, {"match": {"host": ["web-1", "web-2"], "service": "shop"}}, True),
        ({"match": {"host": "web-*"}}, {"match": {"host": ["web-1", "db-1"]}}, False),
        ({"match": {"host": "web-*"}}, {"match": {"service": "shop"}}, False),
        ({"match": {"host": "*b*"}}, {"match": {"host": "[ab]x"}}, True),
        ({"match": {"host": "[ab]x"}}, {"match": {"host": "ax"}}, False),
        ({"match": {"weekdays": "fri"}}, {"match": {"weekdays": "fri", "hours": "10:00-12:00"}}, True),
        ({"match": {"weekdays": "fri"}}, {"match": {"weekdays": "fri", "hours": "22:00-06:00"}}, False),
        ({"match": {"weekdays": ["fri", "sat"]}}, {"match": {"weekdays": "fri", "hours": "22:00-06:00"}}, True),
        ({"match": {"host": "*"}}, {"match": {"host": "[ab]x"}}, True),
        ({"match": {"host": "web-?"}}, {"match": {"host": "web-*"}}, False),
        ({"match": {"labels": {"team": "*"}}}, {"match": {"labels": {"team": "a", "tier": "1"}}}, True),
        ({"match": {"labels": {"tier": "1"}}}, {"match": {"labels": {"team": "a"}}}, False),
        ({"match": {"severity": ["low", "info"]}}, {"match": {"severity": "low"}}, True),
        ({"match": {"severity": "low"}}, {"match": {"severity": ["low", "info"]}}, False),
        ({"match": {"host": "*", "hours": "09:00-17:00"}}, {"match": {"host": "a"}}, False),
        ({"match": {"host": "*"}}, {"match": {"host": "a", "hours": "09:00-17:00"}}, True),
        ({"match": {"host": "*"}, "severity": "noise"}, {"match": {"host": "a"}}, False),
        ({"match": {"host": "*"}, "severity": "noise"}, {"match": {"host": "a", "severity": "low"}}, True),
        ({"match": {"host": "*"}, "severity": "noise"}, {"match": {"host": "a"}, "severity": "noise"}, True),
        (
            {"match": {"host": "*"}, "severity": "noise"},
            {"match": {"host": "a"}, "severity": "noise", "even_critical": True},
            False,
        ),
        ({"match": {"host": "*"}, "severity": "noise", "even_critical": True}, {"match": {"host": "a"}}, True),
    ],
)
def test_a_rule_that_an_earlier_one_covers_is_found_because_it_never_decides(
    earlier: dict[str, Any], later: dict[str, Any], covered: bool
) -> None:
    declared = Rules.model_validate(
        {
            "rules": [
                {"id": "first", "reason": "r", "severity": "low"} | earlier,
                {"id": "second", "reason": "r", "severity": "low"} | later,
            ]
        }
    )
    assert [(rule.id, other.id) for rule, other in declared.covered()] == [("second", "first")] * covered


@pytest.mark.parametrize(
    ("alert", "rule_id"),
    [
        ({"alert_name": "InfoInhibitor", "severity": "info"}, "dead-mans-switch"),
        ({"alert_name": "Watchdog", "severity": "info"}, "dead-mans-switch"),
        ({"alert_name": "TestAlert", "severity": "high"}, "test-alert"),
        ({"alert_name": "TestAlert", "severity": "critical"}, None),
        ({"alert_name": "ContestAlert"}, None),
        ({"source": "cloudwatch", "labels": {"made_for": "auto-scaling"}, "severity": "critical"}, "auto-scaling"),
        ({"source": "generic", "labels": {"made_for": "auto-scaling"}}, None),
        (
            {"source": "cloudwatch", "labels": {"recorded_as": "deployment"}, "severity": "critical"},
            "failed-deployment",
        ),
        ({"environment": "staging", "severity": "critical"}, "not-production"),
        ({"environment": "Dev-eu"}, "not-production"),
        ({"environment": "production"}, None),
        ({"environment": None}, None),
    ],
)
def test_the_shipped_rules_match_the_alerts_that_they_are_meant_for(
    alert: dict[str, Any],
    rule_id: str | None,
    incident: Callable[..., Incident],
    evidence: Callable[..., Evidence],
) -> None:
    found = rules.load(SHIPPED).first(incident(**alert), evidence().local_time)
    assert (found.id if found else None) == rule_id


# --- the rank of an incoming alert ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "severity", "ranked"),
    [
        ({"severity": "low"}, "critical", "low"),
        ({"severity": "critical"}, "info", "critical"),
        ({"severity": "noise"}, "high", "noise"),
        ({"severity": "noise"}, "critical", "critical"),
        ({"severity": "noise", "even_critical": True}, "critical", "noise"),
        ({"at_most": "medium"}, "critical", "medium"),
        ({"at_most": "medium"}, "low", "low"),
        ({"at_least": "high"}, "low", "high"),
        ({"hold": "5m"}, "high", "high"),
    ],
)
def test_a_rule_sets_or_bounds_the_rank_of_a_matching_alert_only(
    decision: dict[str, Any], severity: str, ranked: str
) -> None:
    now = datetime(2026, 3, 4, 12, tzinfo=UTC)
    declared = Rules.model_validate({"rules": [_rule({"host": "web-*"}, **decision)]})

    assert declared.rank(alert(severity=severity), now, now) == SEVERITY_RANK[ranked]
    assert declared.rank(alert(severity=severity, host="db-1"), now, now) == SEVERITY_RANK[severity]


def test_a_window_limits_the_rank_while_it_is_on() -> None:
    window = {"id": "w", "when": [{"hours": "09:00-11:00"}], "match": {"host": "web-*"}, "at_most": "low"}
    declared = Rules.model_validate({"rules": [], "maintenance": [window | {"owner": "ada", "reason": "because"}]})
    ranks = [
        declared.rank(alert(severity="critical"), at, at)
        for at in (datetime(2026, 3, 4, 10, tzinfo=UTC), datetime(2026, 3, 4, 12, tzinfo=UTC))
    ]

    assert ranks == [SEVERITY_RANK["low"], SEVERITY_RANK["critical"]]
