"""An alert that ends because its data is missing was not seen to recover: a person looks, woken if it pages."""

from typing import Any

import pytest

from tests.simulation.test_cases_pagerduty import say
from tests.simulation.timeline import Alert, Timeline
from tests.simulation.webhooks import payload

STUCK = Alert("QueueStuck", "web-1", "critical", began=1)
"""An alert whose runbook runs by itself for some minutes."""

CRITICAL = Alert("DbDown", "db-1", "critical", began=1)
LOST = "No data any more"


def lose(line: Timeline, at: float, alert: Alert) -> None:
    """Let Grafana's rule end an alert because its series is missing."""

    def post() -> None:
        body: dict[str, Any] = payload((line.fixed(alert.resolved()),), "prometheus")
        body["alerts"][0]["annotations"]["grafana_state_reason"] = "MissingSeries"
        line.answers.append(line.world.door.post("prometheus", body))

    line.at(at).do(post)


def outcome(line: Timeline) -> Any:
    """Return the outcome of the first incident."""
    return line.head(line.incidents()[0]).get("outcome")


def test_a_critical_that_is_lost_while_its_runbook_runs_is_paged() -> None:
    with Timeline().running() as line:
        line.at(1).push(STUCK)
        lose(line, 60, STUCK)
        line.run_until(360)

        (page, *_) = line.between(60, 360).pages(channel="pagerduty")
        assert LOST in str(page.content)
        line.at(400).press("acknowledge")
        line.run_until(1200)

        line.between(400, 1200).expect_no_page()
        assert not line.open_incidents()
        assert outcome(line) == "no_data"


def test_a_critical_that_is_lost_is_paged_until_somebody_answers() -> None:
    with Timeline().running() as line:
        line.at(1).push(CRITICAL)
        lose(line, 60, CRITICAL)
        line.run_until(3600)

        line.between(0, 60).expect_page(channel="pagerduty", times=1)
        line.between(300, 3600).expect_page(LOST, channel="sns")
        assert line.is_open(line.incidents()[0])


def test_nobody_is_paged_for_a_lost_critical_that_was_acknowledged() -> None:
    with Timeline().running() as line:
        line.at(1).push(CRITICAL)
        say(line, 30, "acknowledged")
        lose(line, 60, CRITICAL)
        line.run_until(900)

        line.between(30, 900).expect_no_page()
        assert outcome(line) == "no_data"


@pytest.mark.parametrize("severity", ["low", "medium"])
def test_an_alert_below_paging_that_is_lost_is_told_and_not_paged(severity: str) -> None:
    alert = Alert("DbDown", "db-1", severity, began=1)
    with Timeline().running() as line:
        line.at(1).push(alert)
        lose(line, 60, alert)
        line.run_until(900)

        line.between(0, 900).expect_no_page()
        assert outcome(line) == "no_data"
        assert "please look" in str(line.between(60, 900).messages()[-1].content)


def test_what_has_data_again_and_resolves_is_over() -> None:
    again = Alert("DbDown", "db-1", "critical", began=90)
    with Timeline().running() as line:
        line.at(1).push(CRITICAL)
        lose(line, 60, CRITICAL)
        line.at(90).push(again)
        line.at(120).push(again.resolved())
        line.run_until(900)

        assert outcome(line) == "resolved"


def test_what_is_silenced_and_lost_wakes_nobody() -> None:
    with Timeline().running() as line:
        line.at(0).silence("DbDown", 3600, even_critical=True)
        line.at(1).push(CRITICAL)
        lose(line, 60, CRITICAL)
        line.run_until(4000)

        line.between(0, 4000).expect_no_page()
