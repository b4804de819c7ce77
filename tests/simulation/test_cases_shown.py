"""Acts of people in PagerDuty and in Slack: they show in Slack within seconds, once."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulation.clients import Published
from tests.simulation.people import ADA, TIMER
from tests.simulation.senders import pagerduty_event
from tests.simulation.test_cases_pagerduty import say
from tests.simulation.timeline import Alert, Timeline

CRITICAL = Alert("DbDown", "db-1", "critical")
SECONDS = 5
"""The time after which people may expect to read what somebody did elsewhere."""


@pytest.fixture
def line() -> Iterator[Timeline]:
    """A critical that is paged at once; reconcile never runs, so it is the execution that tells."""
    with Timeline().running() as line:
        vars(line.world)["reconcile"] = lambda _event=None: None
        line.at(1).push(CRITICAL)
        yield line


def edits(line: Timeline, since: float, until: float) -> list[Published]:
    """Return the posts and edits of the incident's message in a time."""
    return [m for m in line.between(since, until).messages() if m.kind in ("posted", "updated")]


def headline(message: Published) -> str:
    """Return the text of a message."""
    return str(message.content["text"])


def test_an_acknowledgement_in_pagerduty_is_one_edit_in_slack(line: Timeline) -> None:
    say(line, 20, "acknowledged")
    line.run_until(300)

    (*_, page), (edit,) = edits(line, 0, 20), edits(line, 20, 20 + SECONDS)
    assert "Ada Lovelace has it since" in headline(edit)
    assert ["acknowledge" in message.content["buttons"] for message in (page, edit)] == [True, False]
    assert not edits(line, 20 + SECONDS, 300)


@pytest.mark.parametrize(("kind", "agent"), [("unacknowledged", TIMER), ("reassigned", ADA), ("escalated", ADA)])
def test_what_is_taken_back_there_is_one_edit_in_slack(line: Timeline, kind: str, agent: Any) -> None:
    say(line, 20, "acknowledged")
    say(line, 60, kind, agent=agent, status="triggered")
    line.run_until(300)

    (edit,) = edits(line, 60, 60 + SECONDS)
    assert "Nobody has it, paged at" in headline(edit)
    assert not edits(line, 60 + SECONDS, 300)


def test_a_resolve_in_pagerduty_is_one_edit_in_slack(line: Timeline) -> None:
    say(line, 20, "acknowledged")
    say(line, 60, "resolved")
    line.run_until(300)

    (edit,) = edits(line, 60, 60 + SECONDS)
    assert "Resolved by Ada" in headline(edit)
    assert not edits(line, 60 + SECONDS, 300)


def test_an_acknowledgement_in_slack_is_one_edit(line: Timeline) -> None:
    line.at(20).press("acknowledge")
    line.run_until(300)

    (edit,) = edits(line, 20, 300)
    assert "ada (Slack) has it since" in headline(edit)


def test_an_acknowledgement_while_the_page_goes_out_is_shown(line: Timeline) -> None:
    def acknowledge() -> None:
        key = f"firstline:{line.incidents()[0]}"
        event = pagerduty_event("acknowledged", line.world.clock.now(), id="Q1", key=key, agent=ADA)
        line.world.door.post("pagerduty", event)

    line.at(0).before("escalate", "slack", "chat.postMessage", acknowledge)
    line.run_until(300)

    assert "Ada Lovelace has it since" in headline(edits(line, 1, 1 + 2 * SECONDS)[-1])


def test_a_low_that_joins_what_somebody_has_is_shown_by_no_edit_of_the_execution(line: Timeline) -> None:
    say(line, 20, "acknowledged")
    line.at(60).push(Alert("DbDown", "db-2", "low"))
    line.run_until(300)

    assert not edits(line, 60, 300)
