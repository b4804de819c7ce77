"""Senders' clocks and the order of receipt: what fires is known to fire, whatever the stamps say."""

from functools import partial

import pytest

from tests.simulation.stack import ACCOUNT, REGION
from tests.simulation.timeline import Alert, Timeline, time_of

AHEAD = 600.0


def test_what_fires_again_with_the_same_start_after_its_resolve_fires() -> None:
    alert = Alert("DbDown", "db-1", "critical", began=1)
    with Timeline().running() as line:
        line.at(1).push(alert)
        line.at(60).press("acknowledge")
        line.at(300).push(alert.resolved(290))
        line.at(304).push(alert)
        line.run_until(1800)

        stored = line.alert(alert)
        assert stored is not None
        assert stored.firing
        assert line.open_incidents() == [stored.incident_id]
        assert line.live(stored.incident_id).firing == 1


def test_what_returns_with_its_old_start_after_the_close_is_paged_anew() -> None:
    alert = Alert("DbDown", "db-1", "critical", began=1)
    with Timeline().running() as line:
        line.at(1).push(alert)
        line.at(300).push(alert.resolved(290))
        line.at(1200).push(alert)
        line.run_until(1300)

        assert len(line.incidents()) == 2
        line.between(1200, 1290).expect_page("db-1")


@pytest.mark.parametrize("source", ["prometheus", "generic"])
def test_what_fires_after_a_resolve_that_was_stamped_ahead_fires(source: str) -> None:
    first = Alert("DbDown", "db-1", "critical", began=1)
    again = Alert("DbDown", "db-1", "critical", began=400)
    with Timeline().running() as line:
        line.at(1).push(first, source=source)
        line.at(340).push(first.resolved(340 + AHEAD), source=source)
        line.at(400).push(again, source=source)
        line.run_until(900)

        stored = line.alert(again, source)
        assert stored is not None
        assert stored.firing
        assert line.is_open(stored.incident_id)


@pytest.mark.parametrize("source", ["prometheus", "generic"])
def test_a_resolve_stamped_before_a_firing_that_was_stamped_ahead_is_not_late(source: str) -> None:
    alert = Alert("DbDown", "db-1", "critical", began=1 + AHEAD)
    with Timeline().running() as line:
        line.at(1).push(alert, source=source)
        line.at(60).push(alert.resolved(AHEAD / 2), source=source)
        line.run_until(900)

        stored = line.alert(alert, source)
        assert stored is not None
        assert not stored.firing
        assert line.open_incidents() == []
        line.between(60, 900).expect_no_page()


def alarm(line: Timeline, seconds: float, state: str, *, stamped: float) -> None:
    """Let EventBridge deliver that an alarm is in a state since a time."""
    event = {
        "version": "0",
        "id": f"event-{seconds}",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": ACCOUNT,
        "time": f"{time_of(stamped):%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:Payments"],
        "detail": {
            "alarmName": "Payments",
            "configuration": {"description": "severity: critical", "metrics": []},
            "previousState": {"value": "OK" if state == "ALARM" else "ALARM"},
            "state": {
                "value": state,
                "timestamp": f"{time_of(stamped):%Y-%m-%dT%H:%M:%S.000+0000}",
                "reason": "Threshold",
            },
        },
    }
    line.at(seconds).do(partial(line.world.door.event, event))


def test_an_older_event_of_an_alarm_that_comes_later_does_not_fire_again() -> None:
    with Timeline().running() as line:
        alarm(line, 2, "ALARM", stamped=1)
        alarm(line, 31, "OK", stamped=30)
        alarm(line, 60, "ALARM", stamped=1)
        line.run_until(900)

        assert line.open_incidents() == []
        assert len(line.incidents()) == 1


def test_an_alarm_that_is_ok_before_its_stamp_ahead_is_over() -> None:
    with Timeline().running() as line:
        alarm(line, 2, "ALARM", stamped=2 + AHEAD)
        alarm(line, 60, "OK", stamped=AHEAD / 2)
        line.run_until(900)

        assert line.open_incidents() == []
        line.between(60, 900).expect_no_page()


def test_an_alarm_that_fires_after_an_end_that_was_stamped_ahead_is_paged() -> None:
    with Timeline().running() as line:
        alarm(line, 2, "ALARM", stamped=1)
        alarm(line, 60, "OK", stamped=60 + AHEAD)
        alarm(line, 420, "ALARM", stamped=419)
        line.run_until(560)

        line.between(420, 560).expect_page("Payments")
