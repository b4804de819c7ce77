"""The end of all alerts on the real machine: one state tells people, and waits through the grouping window.

Its function stores the token of the wait. Whatever goes wrong on that way, the incident is closed once, not early, and
an alert that comes back is paged.
"""

from datetime import timedelta
from typing import Any

import pytest

from tests.statemachine.functions import Event, Handler, Trouble, busy, dies, just_before, meanwhile, reply_lost
from tests.statemachine.incident import Incident
from tests.statemachine.world import OVER, World

TO_THE_WAIT = ["Classify", "Page On-Call", "Await Acknowledgement", "Await Quiet"]
PAGED_AGAIN = [*TO_THE_WAIT, "Page On-Call", "Await Acknowledgement"]
WINDOW_SECONDS = 300

passing = pytest.mark.parametrize(
    "trouble", [dies, busy, reply_lost], ids=["dies", "is throttled", "is heard too late"]
)


def quiet(world: World, *troubles: Trouble, for_good: bool = False) -> Incident:
    """Fire a critical alert that resolves before anybody answers, and let these troubles befall what follows."""
    world.functions.plan("notify", *troubles, state="Await Quiet", for_good=for_good)
    incident = world.fires("SearchDown", host="db-1")
    incident.stands_in("Await Acknowledgement")
    world.resolves("SearchDown", host="db-1")
    return incident


def comes_back(world: World) -> None:
    """Let another alert of the group fire."""
    world.fires("SearchDown", host="db-2")


def after_the_window(incident: Incident) -> list[str]:
    """Let the grouping window of a waiting incident pass, and return the whole path."""
    incident.times_out()
    return incident.ends()


def pagerduty(world: World) -> list[str]:
    """Return the kinds of what PagerDuty was told."""
    return [message.kind for message in world.told("pagerduty")]


def test_people_are_told_and_the_wait_lasts_for_the_grouping_window(world: World) -> None:
    incident = quiet(world).stands_in("Await Quiet")

    live = incident.record.live
    assert live is not None
    assert (live.awaiting, live.voided_seq) == ("quiet", 1)
    assert incident.time_out_seconds == WINDOW_SECONDS
    assert pagerduty(world) == ["trigger", "resolve"]
    assert after_the_window(incident) == [*TO_THE_WAIT, "Close Incident"]


def test_an_alert_that_comes_back_ends_the_wait_and_is_paged(world: World) -> None:
    incident = quiet(world).stands_in("Await Quiet")
    comes_back(world)

    assert incident.stands_in("Await Acknowledgement").path == PAGED_AGAIN
    assert pagerduty(world) == ["trigger", "resolve", "trigger"]


@passing
def test_a_trouble_that_passes_changes_nothing_and_a_signal_still_counts(world: World, trouble: Trouble) -> None:
    incident = quiet(world, trouble, trouble).stands_in("Await Quiet")

    assert incident.path == TO_THE_WAIT
    (message,) = world.told("slack")
    assert "Nothing fires any more." in message.text, "one message, which was edited"
    assert set(pagerduty(world)) == {"trigger", "resolve"}
    comes_back(world)
    assert incident.stands_in("Await Acknowledgement").path == PAGED_AGAIN


def test_each_attempt_has_a_token_of_its_own_and_the_newest_counts(world: World) -> None:
    tokens: list[str] = []

    def lost(handler: Handler, event: Event) -> Any:
        tokens.append(event["token"])
        return reply_lost(handler, event)

    incident = quiet(world, lost, lost).stands_in("Await Quiet")

    assert len({*tokens, incident.token}) == 3
    assert not world.executions.signal(tokens[0], "joined", "the sender"), "nobody waits with it any more"


@passing
def test_after_a_trouble_that_outlasts_the_retries_the_wait_begins(world: World, trouble: Trouble) -> None:
    incident = quiet(world, *[trouble] * 4).stands_in("Await Quiet")

    assert incident.path == [*TO_THE_WAIT, "Pause", "Await Quiet"]
    assert 0 < incident.time_out_seconds <= WINDOW_SECONDS
    assert len(world.told("slack")) == 1
    assert after_the_window(incident)[-1] == "Close Incident"


def test_a_signal_counts_that_comes_between_the_write_of_the_token_and_the_functions_return(world: World) -> None:
    incident = quiet(world, meanwhile(lambda: comes_back(world)))

    assert incident.stands_in("Await Acknowledgement").path == PAGED_AGAIN


def test_a_signal_counts_although_the_function_fails_after_it(world: World) -> None:
    def signalled_and_dies(handler: Handler, event: Event) -> Any:
        handler(event)
        comes_back(world)
        return dies(handler, event)

    assert quiet(world, signalled_and_dies).stands_in("Await Acknowledgement").path == PAGED_AGAIN


def test_if_something_fires_when_the_function_looks_nobody_is_told_and_the_machine_asks_what_is_next(
    world: World,
) -> None:
    incident = quiet(world, just_before(lambda: comes_back(world)))

    assert incident.stands_in("Await Acknowledgement").path[:4] == TO_THE_WAIT
    assert "Pause" not in incident.path
    assert "resolve" not in pagerduty(world)


def test_if_something_changes_while_people_are_told_no_wait_begins_before_it_was_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = world.fires("SearchDown").stands_in("Await Acknowledgement")
    slack, told = world.inbox._slack, list[str]()

    def takes_its_time(method: str, fields: dict[str, Any]) -> dict[str, Any]:
        if not told:
            told.append(method)
            world.history.acknowledge(incident.id, "ada", world.now())
        return slack(method, fields)

    monkeypatch.setattr(world.inbox, "_slack", takes_its_time)
    world.resolves("SearchDown")

    assert incident.stands_in("Await Quiet").path == [*TO_THE_WAIT, "Pause", "Await Quiet"]
    assert told == ["chat.update"]
    assert "ada" in world.told("slack")[0].text


def test_while_slack_is_down_the_incident_waits_and_closes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    incident = world.fires("DiskSlow", severity="medium").stands_in("Await Resolution")
    monkeypatch.setattr(world.inbox, "_slack", lambda method, fields: {"ok": False, "error": "fatal_error"})
    world.resolves("DiskSlow", severity="medium")

    assert after_the_window(incident.stands_in("Await Quiet"))[-2:] == [*OVER]
    assert incident.record.status == "CLOSED"


def test_a_wait_that_ends_too_early_does_not_close_the_incident_early(world: World) -> None:
    incident = quiet(world).stands_in("Await Quiet")
    world.passes(-WINDOW_SECONDS)  # so that its time-out comes when the window has just begun
    incident.times_out()

    assert incident.stands_in("Await Quiet").path == [*TO_THE_WAIT, "Close Incident", "Pause", "Await Quiet"]
    assert incident.record.status == "OPEN"
    assert after_the_window(incident)[-1] == "Close Incident"


def test_functions_that_do_not_know_the_state_let_the_incident_close_at_the_end_of_its_window(world: World) -> None:
    """Let an execution of this machine meet the functions of the release before, as after a rollback."""
    ended = world.now() + timedelta(seconds=WINDOW_SECONDS)

    def unknown(handler: Handler, event: Event) -> Any:
        world.passes(20)
        return handler({**event, "state": "A State Of Tomorrow"})

    incident = quiet(world, unknown, for_good=True)

    assert incident.ends()[-1] == "Close Incident"
    assert incident.path.count("Pause") >= WINDOW_SECONDS // 20 - 1
    assert incident.path.count("Page On-Call") == 1
    record = incident.record
    assert record.closed_at is not None
    assert record.closed_at >= ended
