"""Tests of the examples in docs/rules.md: each is valid and does what the guide says."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from firstline.ingest.changes import FLAP_OPENINGS
from firstline.models import Evidence, Incident
from firstline.policy import rules
from firstline.policy.holds import Holds
from firstline.policy.inhibition import inhibited, source_keys
from firstline.policy.match import RuleMatch
from firstline.policy.rules import Rules

GUIDE = Path("docs/rules.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rules]:
    """Load the examples of the guide, by the section of rules.yaml that they show."""
    path, found = tmp_path_factory.mktemp("guide") / "rules.yaml", {}
    for block in BLOCKS:
        (first, *rest) = yaml.safe_load(block)
        if first == "rules":
            path.write_text(block)
            found[rest[0] if rest else first] = rules.load(path)
    assert set(found) == {"rules", "maintenance", "heartbeats", "inhibit"}
    return found


@pytest.mark.parametrize(
    ("alert", "clock", "rule_id"),
    [
        ({"alert_name": "HighCpuLoad", "host": "db-1"}, "02:00", "nightly-backup-load"),
        ({"alert_name": "HighCpuLoad", "host": "db-1"}, "03:00", None),
        ({"alert_name": "HighCpuLoad", "host": "db-1", "severity": "critical"}, "02:00", None),
        ({"labels": {"cluster": "legacy-eu"}, "severity": "critical"}, "12:00", "old-cluster"),
        ({"service": "payments", "environment": "prod"}, "12:00", "checkout-is-money"),
        ({"service": "payments", "environment": "dev"}, "12:00", None),
        ({"alert_name": "KubePodCrashLooping"}, "12:00", "pods-restart"),
        ({"alert_name": "KubePodCrashLooping", "flapping": True}, "12:00", None),
        ({"service": "batch-reports"}, "12:00", None),
    ],
)
def test_the_example_rules_match_the_alerts_that_the_guide_describes(
    alert: dict[str, Any],
    clock: str,
    rule_id: str | None,
    guide: dict[str, Rules],
    incident: Callable[..., Incident],
    evidence: Callable[..., Evidence],
) -> None:
    hour, minute = map(int, clock.split(":"))
    fields = {"service": "search", "environment": "prod"} | alert
    found = guide["rules"].first(incident(**fields), datetime(2026, 3, 4, hour, minute, tzinfo=UTC))

    assert (found.id if found else None) == rule_id


def test_no_example_rule_is_covered_by_an_earlier_one(guide: dict[str, Rules]) -> None:
    assert guide["rules"].covered() == []


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        # These times are in UTC; the window's times are those of Berlin, an hour later.
        ("2026-12-01T01:30", "2026-12-01T03:00"),
        ("2026-12-05T19:00", "2026-12-05T23:00"),
        ("2026-12-02T01:30", None),
    ],
)
def test_the_example_window_holds_alerts_only_at_its_times(
    moment: str, until: str | None, guide: dict[str, Rules], incident: Callable[..., Incident]
) -> None:
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    hold = Holds(guide["maintenance"].maintenance).hold_on(incident(host="db-1").alert, now)

    assert (hold.until if hold else None) == (datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None)


def test_the_example_window_with_at_most_holds_no_alert_and_is_evidence(
    guide: dict[str, Rules], incident: Callable[..., Incident]
) -> None:
    alert, now = incident(service="shop", environment="staging").alert, datetime(2026, 12, 3, 9, 30, tzinfo=UTC)

    assert Holds(guide["maintenance"].maintenance).hold_on(alert, now) is None
    assert [(window.window, window.at_most) for window in guide["maintenance"].maintained(alert, now)] == [
        ("load-test", "low")
    ]


def test_the_example_inhibition_holds_alerts_of_pods_on_the_node_but_never_the_nodes_own(
    guide: dict[str, Rules], incident: Callable[..., Incident]
) -> None:
    (rule,) = guide["inhibit"].inhibit
    here = {"cluster": "eu", "node": "n1"}
    node = incident(alert_name="NodeDown", severity="critical", labels=here).alert
    pod = incident(alert_name="PodCrashLooping", severity="critical", labels=here | {"pod": "p"}).alert
    elsewhere = incident(alert_name="PodCrashLooping", labels=here | {"node": "n2"}).alert
    counts = dict.fromkeys(source_keys([rule], node), 1)

    assert inhibited([rule], pod, counts) is rule
    assert inhibited([rule], elsewhere, counts) is None
    assert inhibited([rule], node, counts) is None
    assert rule.hold(node.timestamp).until - node.timestamp == timedelta(hours=4)


def test_the_example_heartbeats_have_the_patience_and_severity_that_the_guide_states(guide: dict[str, Rules]) -> None:
    watchdog, backup = guide["heartbeats"].heartbeats

    assert (watchdog.patience, watchdog.severity, watchdog.required) == (timedelta(minutes=10), "critical", False)
    assert (backup.patience, backup.severity, backup.required) == (timedelta(days=2), "high", True)


def test_the_alertmanager_route_in_the_guide_repeats_as_often_as_the_example_heartbeat_expects(
    guide: dict[str, Rules],
) -> None:
    (route,) = [yaml.safe_load(block)["route"]["routes"][0] for block in BLOCKS if "route:\n  routes" in block]

    assert route["repeat_interval"] == "5m"
    assert guide["heartbeats"].heartbeats[0].every == timedelta(minutes=5)


def test_the_table_of_the_guide_names_every_key_of_a_match() -> None:
    table = GUIDE.split("| key of `match` |")[1].split("\n\n")[0]

    assert {name for name in RuleMatch.model_fields if f"`{name}`" not in table} == set()


def test_the_figures_that_the_guide_states_are_those_of_the_code() -> None:
    shipped = rules.load(Path("runbooks/policy/rules.yaml"))

    assert len(shipped.rules) == 5
    assert "Five rules are shipped" in GUIDE
    assert shipped.heartbeats[0].every == timedelta(hours=4)
    assert "The shipped file says `every: 4h`" in GUIDE
    assert FLAP_OPENINGS == 3
    assert "has opened more than three incidents within the hour" in GUIDE
