"""Tests of the file `policy/paging.yaml`: which levels are paged for an incident, and what a mistake is told."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from firstline.errors import ConfigurationError
from firstline.models import Severity
from firstline.policy.match import AlertMatch
from firstline.policy.paging import PagingPolicy, Route, load_paging_policy
from tests.support.builders import an_alert, an_incident

SHIPPED = Path(__file__).parents[3] / "runbooks" / "policy" / "paging.yaml"

COMMENTED_OUT_KEYS = ("# pagerduty_escalation_policy:", "# routes:", "#   ")

LEVEL = {"name": "first", "channels": ["pagerduty"], "on_call": "Ana", "acknowledge_within": "5m"}


def written(folder: Path, text: str) -> Path:
    path = folder / "paging.yaml"
    path.write_text(text)
    return path


def test_the_shipped_policy_pages_a_first_responder_for_five_minutes_and_then_everybody() -> None:
    policy = load_paging_policy(SHIPPED)
    assert [level.name for level in policy.levels] == ["first responder", "everybody"]
    assert policy.levels[0].acknowledge_within == timedelta(minutes=5)


def test_the_shipped_policy_is_valid_with_its_commented_out_examples(tmp_path: Path) -> None:
    shown = [
        line.replace("# ", "", 1) if line.strip().startswith(COMMENTED_OUT_KEYS) else line
        for line in SHIPPED.read_text().splitlines()
    ]
    policy = load_paging_policy(written(tmp_path, "\n".join(shown)))
    assert policy.levels[0].pagerduty_escalation_policy == "PABC123"
    assert policy.routes[0].service == ("payments",)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("5m", 300), ("2h", 7_200), ("1m", 60)])
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    policy = PagingPolicy.model_validate({"levels": [LEVEL | {"acknowledge_within": text}]})
    assert policy.levels[0].acknowledge_within.total_seconds() == seconds


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("", ["the file:"]),
        ("levels: []", ["levels:", "at least 1"]),
        ("levels: [", ["not readable as YAML"]),
        ("- a\n- b", ["the file:"]),
        (
            "levels: [{name: a, channels: [pagerduty], on_call: x, acknowledge_within: 5m, chanels: [sns]}]",
            ["levels.0.chanels", "no such key"],
        ),
        (
            "levels: [{name: a, channels: [fax], on_call: x, acknowledge_within: 5m}]",
            ["levels.0.channels.0", "'pagerduty', 'slack', 'sms', 'sns', 'teams' or 'webhook'"],
        ),
        (
            "levels: [{name: a, channels: [sms], on_call: x, acknowledge_within: 5m}]",
            ["levels.0", "sms has nobody to text; name a `schedule` of oncall.yaml"],
        ),
        ("levels: [{name: a, channels: [], on_call: x, acknowledge_within: 5m}]", ["levels.0.channels", "at least 1"]),
        ("levels: [{name: a, channels: [sns], acknowledge_within: 5m}]", ["levels.0.on_call", "required"]),
        (
            "levels: [{name: a, channels: [sns], on_call: x, acknowledge_within: 300}]",
            ["levels.0.acknowledge_within", "write a number and s, m, h, d or w"],
        ),
        (
            "levels: [{name: a, channels: [sns], on_call: x, acknowledge_within: 0m}]",
            ["levels.0.acknowledge_within", "write a number and s, m, h, d or w"],
        ),
        (
            "levels: [{name: a, channels: [sns], on_call: x, acknowledge_within: 99h}]",
            ["levels.0.acknowledge_within", "write a duration from 10s to 86400s"],
        ),
        (
            "levels: [{name: a, channels: [sns], on_call: x, acknowledge_within: 5m},"
            " {name: a, channels: [sns], on_call: y, acknowledge_within: 5m}]",
            ["two levels are called a"],
        ),
        (
            "levels: [{name: a, channels: [sns], on_call: x, acknowledge_within: 5m}]\nroutes: [{levels: [b]}]",
            ["routes.0.levels names the unknown level 'b'", "write one of a"],
        ),
        (
            "levels: [{name: a, channels: [sns], on_call: x, acknowledge_within: 5m}]\n"
            "routes: [{severity: [urgent], levels: [a]}]",
            ["routes.0.severity.0"],
        ),
        ("levels: !!python/object:os.system {}", ["not readable as YAML"]),
    ],
)
def test_errors_name_file_key_and_fix(tmp_path: Path, text: str, complaints: list[str]) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load_paging_policy(path)
    for complaint in [str(path), *complaints]:
        assert complaint in str(caught.value)
    # Only an empty list has too few entries (`at least 1 item after validation`): a wrong level is not missing, too.
    assert ("after validation" in str(caught.value)) is ("at least 1" in complaints)


def test_the_error_for_a_missing_file_says_that_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not found"):
        load_paging_policy(tmp_path / "paging.yaml")


ROUTED = PagingPolicy.model_validate(
    {
        "levels": [LEVEL, LEVEL | {"name": "second"}, LEVEL | {"name": "third"}],
        "routes": [
            {"severity": ["critical"], "service": ["payments"], "levels": ["third", "first"]},
            {"environment": ["dev", "staging"], "levels": ["second"]},
            {"route": ["platform-team"], "severity": ["high"], "levels": ["third"]},
        ],
    }
)


@pytest.mark.parametrize(
    ("severity", "service", "environment", "names"),
    [
        ("critical", "payments", "prod", ["third", "first"]),
        ("critical", "payments", "dev", ["third", "first"]),
        ("high", "payments", "prod", ["first", "second", "third"]),
        ("critical", "shop", "prod", ["first", "second", "third"]),
        ("high", None, "staging", ["second"]),
        ("high", None, None, ["first", "second", "third"]),
    ],
    ids=[
        "the first route",
        "the first of two routes that match",
        "none: another severity",
        "none: another service",
        "the second route",
        "none: no service and no environment",
    ],
)
def test_the_first_route_that_matches_decides_and_without_one_all_levels_are_paged(
    severity: str, service: str, environment: str, names: list[str]
) -> None:
    incident = an_incident(an_alert(service=service, environment=environment))
    assert [level.name for level in ROUTED.levels_for(incident, severity)] == names  # type: ignore[arg-type]


def test_a_storm_pages_the_levels_that_it_was_opened_for_as_long_as_the_policy_has_them() -> None:
    alert = an_alert(service="payments", environment="dev")
    storms = [an_incident(alert, storm=True, levels=levels) for levels in ([], ["third", "first"], ["gone"])]

    names = [[level.name for level in ROUTED.levels_for(storm, "critical")] for storm in storms]

    assert names == [["first", "second", "third"], ["third", "first"], ["first", "second", "third"]]


@pytest.mark.parametrize(
    ("route", "severity", "names"),
    [
        ("platform-team", "high", ["third"]),
        ("platform-team", "critical", ["first", "second", "third"]),
        ("another", "high", ["first", "second", "third"]),
        (None, "high", ["first", "second", "third"]),
    ],
)
def test_a_route_can_match_by_the_name_that_a_rule_gave_the_incident(
    route: str | None, severity: Severity, names: list[str]
) -> None:
    incident = an_incident(an_alert(service="search", environment="prod"))

    assert [level.name for level in ROUTED.levels_for(incident, severity, route)] == names


@pytest.mark.parametrize(
    ("team", "names"), [("shop-web", ["second"]), ("SHOP", ["second"]), ("mail", ["first"]), (None, ["first"])]
)
def test_a_route_can_match_by_the_label_team(team: str | None, names: list[str]) -> None:
    levels = [LEVEL | {"name": name, "channels": ["sms"], "schedule": name} for name in ("first", "second")]
    routes = [{"team": ["shop", "shop-*"], "levels": ["second"]}, {"levels": ["first"]}]
    policy = PagingPolicy.model_validate({"levels": levels, "routes": routes})
    incident = an_incident(an_alert(labels={"team": team} if team else {}))
    assert [level.schedule for level in policy.levels_for(incident, "high")] == names


@pytest.mark.parametrize(
    ("earlier", "later", "covers"),
    [({}, {"team": "shop"}, True), ({"team": "sh*"}, {"team": "shop"}, True), ({"team": "shop"}, {}, False)],
)
def test_a_route_covers_a_later_one_only_if_its_team_includes_the_later_ones_team(
    earlier: dict[str, str], later: dict[str, str], covers: bool
) -> None:
    before, after = (Route.model_validate(given | {"levels": ["a"]}) for given in (earlier, later))
    assert before.covers(after) is covers


@pytest.mark.parametrize(("match", "takes_all"), [({}, True), ({"team": "shop"}, False)])
def test_a_route_takes_all_incidents_only_if_it_names_no_condition(match: dict[str, str], takes_all: bool) -> None:
    assert Route.model_validate(match | {"levels": ["a"]}).takes_all is takes_all


@pytest.mark.parametrize(
    ("route", "service", "environment", "fits"),
    [
        ({"service": "payments-*"}, "payments-api", None, True),
        ({"service": "Payments-*"}, "PAYMENTS-api", None, True),
        ({"service": ["[billing]", "x"]}, "[Billing]", None, True),
        ({"service": "payments-*"}, "payments", None, False),
        ({"service": "*"}, None, None, False),
        ({"environment": ["prod", "prod-*"]}, "x", "Prod-EU", True),
        ({"environment": "prod"}, "x", "production", False),
    ],
)
def test_a_route_matches_the_same_patterns_as_a_rule(
    route: dict[str, Any], service: str | None, environment: str | None, fits: bool
) -> None:
    alert = an_alert(service=service, environment=environment)
    assert Route.model_validate(route | {"levels": ["a"]}).matches(alert, "high", None) is fits
    assert AlertMatch.model_validate(route).fits(alert) is fits
