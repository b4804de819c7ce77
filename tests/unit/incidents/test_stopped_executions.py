"""The message to operators about stopped executions: once for each, and one message however many there are."""

from datetime import timedelta
from typing import Any, Literal

import pytest

from firstline.errors import ChannelFailed, ExecutionsUnavailable, HistoryUnavailable
from firstline.incidents.lifecycle import BadEnd
from firstline.incidents.stopped_executions import TOLD_WITHIN, StoppedWatch
from firstline.incidents.tell_once import Once
from firstline.models import Incident
from tests.support.builders import at
from tests.support.reconciling import World

type Status = Literal["FAILED", "ABORTED", "TIMED_OUT"]


class Stops:
    """A stack whose executions somebody stops, and what its operators are told. Times are minutes after noon."""

    def __init__(self) -> None:
        self.world = World()
        self.said: list[tuple[str, str]] = []
        self.topic_is_down = False
        self.process = 0
        self.watch = self.new_process()

    def new_process(self) -> StoppedWatch:
        """Let another process of reconcile take over, as after a time-out."""
        self.process += 1
        incidents, once = self.world.store.incidents, Once(self.world.store.incidents, f"process-{self.process}")
        self.watch = StoppedWatch(incidents, self.world.executions, once, self._say, "shop")
        return self.watch

    def stop(self, name: str, minutes: float = 0, status: Status = "ABORTED") -> None:
        self.world.executions.bad_ends.append(BadEnd(name, status, at(minutes)))

    def look(self, *minutes: float) -> None:
        for minute in minutes:
            ended = self.world.executions.ended_badly(at(minute) - TOLD_WITHIN)
            self.watch.look(ended, at(minute))

    def opens(self, **what: Any) -> Incident:
        return self.world.opens(severity="low", **what)

    def _say(self, subject: str, text: str) -> None:
        if self.topic_is_down:
            raise ChannelFailed("SNS is down", retryable=True)
        self.said.append((subject, text))


@pytest.fixture
def stops() -> Stops:
    return Stops()


def test_a_stopped_execution_is_told_once_with_its_incident_and_how_to_end_it(stops: Stops) -> None:
    incident = stops.opens(alert_name="DiskFull")
    stops.stop(incident.incident_id)
    stops.world.executions.states[incident.incident_id, 1] = "ENDED"

    stops.look(1, 2, 3)
    stops.new_process()
    stops.look(4, 60)

    ((subject, text),) = stops.said
    assert subject == "shop: 1 execution was stopped"
    assert f"({incident.incident_id}): open, its successor starts soon" in text
    assert "DiskFull" in text
    assert "`firstline resolve ID`" in text


def test_it_says_that_the_successor_runs_and_which_incident_is_over(stops: Stops) -> None:
    lasting, over = stops.opens(), stops.opens(group_key="another")
    stops.world.store.change(lasting.incident_id, generation=2)
    stops.world.executions.states[lasting.incident_id, 2] = "RUNNING"
    stops.world.store.change(over.incident_id, status="CLOSED", open=False)
    for name in (lasting.incident_id, over.incident_id, "unknown"):
        stops.stop(name)

    stops.look(1)

    ((_, text),) = stops.said
    assert f"({lasting.incident_id}): open, its successor runs" in text
    assert f"({over.incident_id}): over, nothing to do" in text
    assert "unknown: the table has no such incident" in text


def test_five_hundred_stopped_at_once_are_one_message_that_says_how_many(stops: Stops) -> None:
    for number in range(499):
        stops.stop(f"execution-{number}")
    stops.stop("late", 0.1, status="TIMED_OUT")

    stops.look(1, 2)
    stops.new_process()
    stops.look(3)

    ((subject, text),) = stops.said
    assert subject == "shop: 500 executions were stopped"
    assert "1 of them by Step Functions itself" in text
    assert "and 495 more" in text
    assert len(text) < 1_500


def test_executions_that_failed_have_an_alarm_and_no_message(stops: Stops) -> None:
    stops.stop("failed", status="FAILED")

    stops.look(1)

    assert stops.said == []


def test_a_later_stop_is_told_alone(stops: Stops) -> None:
    stops.stop("execution-1")
    stops.look(1)
    stops.stop("execution-2", 5)

    stops.look(6)

    assert [subject for subject, _ in stops.said] == ["shop: 1 execution was stopped"] * 2
    assert "execution-2" in stops.said[1][1]
    assert "execution-1" not in stops.said[1][1]


@pytest.mark.parametrize("dies", [False, True], ids=["the process lives", "another process goes on"])
def test_while_the_topic_is_down_it_is_tried_each_minute(stops: Stops, dies: bool) -> None:
    stops.stop("first")
    stops.topic_is_down = True
    for minute in (1, 2):
        with pytest.raises(ChannelFailed):
            stops.look(minute)
    if dies:
        stops.new_process()
    stops.topic_is_down = False

    stops.look(3, 4)

    assert len(stops.said) == 1


def test_a_process_that_dies_after_the_message_lets_it_be_told_once_more(stops: Stops) -> None:
    stops.stop("first")
    stops.world.store.faults["claim_all"] = HistoryUnavailable("killed")
    with pytest.raises(HistoryUnavailable):
        stops.look(1)
    del stops.world.store.faults["claim_all"]

    stops.look(2)  # the same process would know
    assert len(stops.said) == 1
    stops.new_process()
    stops.look(3, 4)

    assert len(stops.said) == 2


def test_of_two_processes_at_the_same_moment_one_tells(stops: Stops) -> None:
    stops.stop("first")
    rival, ended = stops.watch, stops.world.executions.ended_badly(at(0))
    stops.new_process()
    stops.world.store.meanwhile["record"] = lambda: rival.look(ended, at(1))  # while the message is written

    stops.look(1)
    rival.look(ended, at(2))

    assert len(stops.said) == 1


@pytest.mark.parametrize("broken", ["describe", "record"])
def test_an_incident_that_cannot_be_read_is_listed_by_its_execution_beside_the_others(
    stops: Stops, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    sound, unreadable = stops.opens(alert_name="DiskFull"), stops.opens(group_key="another")
    port = stops.world.executions if broken == "describe" else stops.world.store.incidents
    works = getattr(port, broken)

    def fails(incident_id: str, *rest: int) -> Any:
        if incident_id == unreadable.incident_id:
            raise ExecutionsUnavailable("throttled") if broken == "describe" else ValueError("an unreadable head")
        return works(incident_id, *rest)

    monkeypatch.setattr(port, broken, fails)
    for incident in (sound, unreadable):
        stops.stop(incident.incident_id)

    stops.look(1, 2)

    ((subject, text),) = stops.said
    assert subject == "shop: 2 executions were stopped"
    assert f"DiskFull on web-1 ({sound.incident_id}): open" in text
    assert f"{unreadable.incident_id}: its incident could not be read" in text


def test_an_old_stop_is_forgotten_by_the_process(stops: Stops) -> None:
    stops.stop("first")
    stops.look(1)
    calls = len(stops.world.store.calls)

    stops.look(TOLD_WITHIN / timedelta(minutes=1) + 2)

    assert len(stops.world.store.calls) == calls
