"""Senders' clocks and the order of receipt: what fires is known to fire, whatever the stamps say."""

import pytest

from tests.simulation.timeline import Alert, Timeline

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


def test_an_alarm_whose_older_event_comes_later_does_not_fire_again() -> None:
    with Timeline().running() as line:
        alarms = line.world.senders["cloudwatch"]
        for seconds, firing in ((1.0, True), (30.0, False)):
            line.at(seconds).do(lambda firing=firing: alarms.change("Payments", "", firing, "critical"))
        line.run_until(20)
        events = [call for call in line.world.step_functions.executions.values()]
        assert len(events) == 1
        # EventBridge gives the first event once more, after the second.
        line.at(60).do(lambda: again(line))
        line.run_until(900)

        assert line.open_incidents() == []
        assert len(line.incidents()) == 1


def again(line: Timeline) -> None:
    """Deliver the event that the alarm fired, once more."""
    event = {
        "version": "0",
        "id": "again",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": "123456789012",
        "time": "2026-01-05T08:00:01Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:cloudwatch:eu-central-1:123456789012:alarm:Payments"],
        "detail": {
            "alarmName": "Payments",
            "configuration": {"description": "severity: critical", "metrics": []},
            "previousState": {"value": "OK"},
            "state": {"value": "ALARM", "timestamp": "2026-01-05T08:00:01.000+0000", "reason": "Threshold"},
        },
    }
    line.world.door.event(event)
