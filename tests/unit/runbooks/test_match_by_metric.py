"""Tests of the match by metric: what a rule measures decides; an alert's name counts where the sender says nothing."""

from typing import Any

import pytest
from pydantic import ValidationError

from firstline.models import Measured
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.match import named, offered
from tests.support.spool import a_runbook, an_alert

DISK = {"metric": "disk_used_percent", "direction": "above"}
LISTED = {"metrics": [DISK], "alerts": ["disk"], "words": ["disk is full"]}


def fits(match: dict[str, Any], **alert: Any) -> bool:
    return bool(offered(Catalogue([a_runbook(match=match)]), an_alert(**alert)))


@pytest.mark.parametrize(
    ("metric", "measured", "wanted"),
    [
        ({"metric": "cpu"}, {"metric": "CPU", "direction": "above"}, True),
        ({"metric": "cpu"}, {"metric": "cpu_idle", "direction": "above"}, False),
        ({"metric": "cpu*"}, {"metric": "cpu_idle", "direction": "above"}, True),
        ({"metric": "cpu", "direction": "above"}, {"metric": "cpu", "direction": "below"}, False),
        ({"metric": "cpu", "direction": "above"}, {"metric": "cpu"}, True),
        ({"metric": "cpu"}, {"metric": "cpu", "direction": "absent"}, False),
        ({"metric": "cpu", "direction": "absent"}, {"metric": "cpu", "direction": "absent"}, True),
        ({"metric": "cpu", "direction": "absent"}, {"metric": "cpu"}, False),
        ({"metric": "cpu", "namespace": "AWS/EC2"}, {"metric": "cpu", "namespace": "AWS/RDS"}, False),
        ({"metric": "cpu", "namespace": "AWS/EC2"}, {"metric": "cpu"}, False),
        ({"metric": "cpu", "namespace": "AWS/*"}, {"metric": "cpu", "namespace": "AWS/EC2"}, True),
        ({"metric": "cpu", "where": {"mode": "idle"}},
         {"metric": "cpu", "direction": "below", "where": {"mode": "idle"}}, True),
        ({"metric": "cpu", "where": {"mode": "idle"}},
         {"metric": "cpu", "direction": "below", "where": {"mode": "steal"}}, False),
        ({"metric": "cpu", "where": {"mode": "idle"}}, {"metric": "cpu", "direction": "below"}, False),
        ({"metric": "cpu", "where": {"mode": "idle"}}, {"metric": "cpu"}, True),
        ({"metric": "cpu", "where": {"mode": "!*idle*"}},
         {"metric": "cpu", "direction": "above", "where": {"mode": "!idle|iowait"}}, True),
    ],
)  # fmt: skip
def test_a_metric_fits_by_everything_that_is_given(
    metric: dict[str, Any], measured: dict[str, Any], wanted: bool
) -> None:
    found = fits({"metrics": [metric]}, alert_name="rule-17", measured=[measured])

    assert found is wanted


@pytest.mark.parametrize(
    ("measured", "wanted"),
    [
        ([], True),
        ([{"metric": "disk_used_percent", "direction": "above"}], True),
        ([{"metric": "CPUUtilization", "direction": "above"}], False),
        ([{"metric": "disk_used_percent", "direction": "below"}], False),
        ([{"metric": "job:disk_used:ratio", "direction": "above"}], True),
    ],
)
def test_a_metric_that_says_otherwise_wins_over_name_and_words(measured: list[dict[str, Any]], wanted: bool) -> None:
    by_name = fits(LISTED, alert_name="disk", measured=measured)
    by_words = fits(LISTED, alert_name="x", message="The disk is full", measured=measured)

    assert (by_name, by_words) == (wanted, wanted)


def test_a_runbook_without_metrics_is_found_by_name_whatever_is_measured() -> None:
    measured = [{"metric": "queue_length", "direction": "above"}]

    assert fits({"alerts": ["QueueStuck"]}, alert_name="QueueStuck", measured=measured)


def test_the_other_conditions_hold_for_a_metric_too() -> None:
    match = {"metrics": [DISK], "labels": {"team": "payments"}}
    measured = [DISK]

    assert not fits(match, measured=measured, labels={"team": "search"})
    assert fits(match, measured=measured, labels={"team": "payments"})


def test_the_runbook_that_asks_for_more_comes_first() -> None:
    catalogue = Catalogue(
        [
            a_runbook(id="a-wide", match={"metrics": [{"metric": "disk_*"}], "alerts": ["disk"]}),
            a_runbook(id="b-exact", match={"metrics": [DISK]}),
            a_runbook(id="c-name-only", match={"alerts": ["disk"]}),
        ]
    )

    ids = [runbook.id for runbook in offered(catalogue, an_alert(alert_name="disk", measured=[DISK]))]

    assert ids == ["b-exact", "a-wide", "c-name-only"]


@pytest.mark.parametrize(
    ("measured", "alert_name", "wanted"),
    [
        ({"metric": "disk_used_percent", "direction": "above"}, "rule-17", True),
        ({"metric": "disk_used_percent"}, "rule-17", False),
        ({"metric": "disk_used_percent"}, "disk", True),
        ({"metric": "job:disk_used:ratio", "direction": "above"}, "disk", True),
        ({"metric": "CPUUtilization", "direction": "above"}, "disk", False),
        (None, "disk", True),
        (None, "rule-17", False),
    ],
)
def test_only_a_name_or_a_metric_with_its_direction_lets_a_runbook_run_by_itself(
    measured: dict[str, Any] | None, alert_name: str, wanted: bool
) -> None:
    alert = an_alert(alert_name=alert_name, measured=[measured] if measured else [])

    assert named(a_runbook(match=LISTED), alert) is wanted


@pytest.mark.parametrize("metric", ["*", "**", "?*"])
def test_a_metric_that_fits_everything_is_refused_unless_its_data_is_absent(metric: str) -> None:
    with pytest.raises(ValidationError, match="would fit every metric"):
        a_runbook(match={"metrics": [{"metric": metric, "direction": "above"}]})

    silent = a_runbook(match={"metrics": [{"metric": metric, "direction": "absent"}]})

    assert silent.match.metrics[0].fits(Measured(metric="cpu", direction="absent"))
