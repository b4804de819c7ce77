"""Tests of the match by metric: the metric of an alert's rule decides; without a metric, the alert's name counts."""

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
def test_a_metric_fits_only_if_every_given_condition_holds(
    metric: dict[str, Any], measured: dict[str, Any], wanted: bool
) -> None:
    # A sender that measured no direction does not know the alert's rule: then direction and labels are not compared.
    found = fits({"metrics": [metric]}, alert_name="rule-17", measured=[measured])

    assert found is wanted


@pytest.mark.parametrize(
    ("measured", "wanted"),
    # `LISTED` fits the metric disk_used_percent above, the name `disk` and the words `disk is full`.
    [
        ([], True),
        ([{"metric": "disk_used_percent", "direction": "above"}], True),
        ([{"metric": "CPUUtilization", "direction": "above"}], False),
        ([{"metric": "disk_used_percent", "direction": "below"}], False),
        ([{"metric": "job:disk_used:ratio", "direction": "above"}], True),
    ],
)
def test_a_metric_of_another_kind_wins_over_a_fitting_name_or_message(
    measured: list[dict[str, Any]], wanted: bool
) -> None:
    by_name = fits(LISTED, alert_name="disk", measured=measured)
    by_words = fits(LISTED, alert_name="x", message="The disk is full", measured=measured)

    assert (by_name, by_words) == (wanted, wanted)


def test_a_runbook_without_metrics_fits_by_name_even_if_the_alert_has_a_metric() -> None:
    measured = [{"metric": "queue_length", "direction": "above"}]

    assert fits({"alerts": ["QueueStuck"]}, alert_name="QueueStuck", measured=measured)


def test_a_runbook_that_fits_by_metric_must_still_fit_by_label() -> None:
    match = {"metrics": [DISK], "labels": {"team": "payments"}}
    measured = [DISK]

    assert not fits(match, measured=measured, labels={"team": "search"})
    assert fits(match, measured=measured, labels={"team": "payments"})


def test_a_runbook_with_more_conditions_on_the_metric_comes_first() -> None:
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
    # `LISTED` fits the metric disk_used_percent above and the name `disk`.
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
def test_an_alert_names_a_runbook_only_by_its_name_or_by_a_metric_with_a_direction(
    measured: dict[str, Any] | None, alert_name: str, wanted: bool
) -> None:
    alert = an_alert(alert_name=alert_name, measured=[measured] if measured else [])

    assert named(a_runbook(match=LISTED), alert) is wanted


@pytest.mark.parametrize("metric", ["*", "**", "?*"])
def test_a_pattern_that_fits_every_metric_is_allowed_only_for_absent_data(metric: str) -> None:
    with pytest.raises(ValidationError, match="would fit every metric"):
        a_runbook(match={"metrics": [{"metric": metric, "direction": "above"}]})

    silent = a_runbook(match={"metrics": [{"metric": metric, "direction": "absent"}]})

    assert silent.match.metrics[0].fits(Measured(metric="cpu", direction="absent"))
