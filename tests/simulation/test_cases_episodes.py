"""After a person's Resolve a repeat is left alone, and a new episode pages: how each sender tells them apart."""

from collections.abc import Callable

import pytest

from tests.simulation.senders import pagerduty_event
from tests.simulation.timeline import Timeline, time_of


def cloudwatch(line: Timeline, state: str, at: float) -> None:
    """Deliver an alarm's change of state, as EventBridge does."""
    stamp = time_of(at).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    line.world.door.event(
        {
            "detail-type": "CloudWatch Alarm State Change",
            "source": "aws.cloudwatch",
            "resources": ["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:LedgerDown"],
            "time": stamp,
            "detail": {
                "alarmName": "LedgerDown",
                "configuration": {"description": "severity: critical", "metrics": []},
                "state": {"value": state, "timestamp": stamp},
            },
        },
        [],
    )


def datadog(line: Timeline, transition: str, at: float) -> None:
    """Deliver Datadog's default payload, which has no key of the alert's cycle."""
    moment = str(int(time_of(at).timestamp() * 1000))
    title = f"[P1] [{transition} on {{host:db-1}}] Ledger is down"
    line.world.door.post("datadog", {"title": title, "date": moment, "last_updated": moment, "body": "Look."}, [])


def pagerduty(line: Timeline, kind: str, at: float) -> None:
    """Deliver an event about an incident of low urgency that others opened."""
    event = pagerduty_event(kind, time_of(at), id="QOWN", title="Ledger is wrong", urgency="critical")
    event["event"]["data"] |= {"urgency": "low", "status": "resolved" if kind == "resolved" else "triggered"}
    line.world.door.post("pagerduty", event)


type Sender = Callable[..., None]
SENDERS: list[tuple[Sender, str, str, str]] = [
    (cloudwatch, "ALARM", "OK", "ALARM"),
    (datadog, "Triggered", "Recovered", "Triggered"),
    (datadog, "No Data", "No Data Recovered", "No Data"),
    (pagerduty, "triggered", "resolved", "reopened"),
]


@pytest.mark.parametrize(("sender", "fires", "ends", "again"), SENDERS)
def test_a_new_episode_is_paged_although_the_end_of_the_first_comes_late(
    sender: Sender, fires: str, ends: str, again: str
) -> None:
    with Timeline().running() as line:
        line.at(1).do(lambda: sender(line, fires, at=1))
        line.at(60).press("resolve")
        line.at(181).do(lambda: sender(line, again, at=180))
        line.at(600).do(lambda: sender(line, ends, at=120))
        line.run_until(1200)

        line.between(0, 60).expect_page(channel="pagerduty", times=1)
        line.between(181, 200).expect_page(channel="pagerduty", times=1)
        assert len(line.incidents()) == 2
        assert line.is_open(line.incidents()[1])


REPEATS: list[tuple[Sender, str, str, float]] = [
    (cloudwatch, "ALARM", "ALARM", 1),
    (datadog, "Triggered", "Triggered", 1),
    (datadog, "Triggered", "Re-Triggered", 180),
    (datadog, "No Data", "Re-No Data", 180),
    (pagerduty, "triggered", "escalated", 180),
]


@pytest.mark.parametrize(("sender", "fires", "again", "stamped"), REPEATS)
def test_a_repeat_after_a_persons_resolve_opens_nothing_and_pages_nobody(
    sender: Sender, fires: str, again: str, stamped: float
) -> None:
    with Timeline().running() as line:
        line.at(1).do(lambda: sender(line, fires, at=1))
        line.at(60).press("resolve")
        line.at(181).do(lambda: sender(line, again, at=stamped))
        line.run_until(1200)

        line.between(61, 1200).expect_no_page()
        assert not line.open_incidents()
