"""Tests of silences: which alerts they hold, when they begin and end, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from firstline.policy.holds import LONGEST, Holds, Silence
from firstline.policy.match import AlertMatch
from tests.support.builders import NOON, alert, at


def silence(minutes: float = 60, **what: Any) -> Silence:
    fields: dict[str, Any] = {
        "id": "s-1",
        "match": {"host": "web-1"},
        "owner": "ada",
        "reason": "Its disk is changed.",
        "created_at": NOON,
        "expires_at": at(minutes),
    }
    return Silence.model_validate(fields | what)


@pytest.mark.parametrize(
    ("seconds", "silent"), [(-1, False), (0, True), (3_599.999, True), (3_600, False), (3_601, False)]
)
def test_a_silence_of_an_hour_holds_from_its_start_until_just_before_its_end(seconds: float, silent: bool) -> None:
    assert silence().holds(alert(), NOON + timedelta(seconds=seconds)) is silent


def test_a_silence_that_was_ended_early_holds_until_then() -> None:
    ended = silence(ended_at=at(10), ended_by="ada")

    assert ended.holds(alert(), at(9.9))
    assert not ended.holds(alert(), at(10))


def test_a_silence_holds_a_critical_alert_only_with_even_critical() -> None:
    assert not silence().holds(alert(severity="critical"), at(1))
    assert silence(even_critical=True).holds(alert(severity="critical"), at(1))


def test_a_silence_does_not_hold_alerts_that_it_does_not_match() -> None:
    assert not silence(match={"host": "web-1"}).holds(alert(host="web-2"), at(1))
    on_scratch = silence(match={"labels": {"mountpoint": "/scratch"}})
    assert not on_scratch.holds(alert(labels={"mountpoint": "/data"}), at(1))


@pytest.mark.parametrize("minutes", [0, -1, LONGEST.total_seconds() / 60 + 1])
def test_a_silence_of_no_time_or_more_than_30_days_is_refused(minutes: float) -> None:
    with pytest.raises(ValidationError, match="within 30 days after its start"):
        silence(minutes)


def test_of_several_silences_the_one_that_ends_last_gives_the_hold_and_its_reason() -> None:
    holds = Holds(silences=[silence(30), silence(90, id="s-2", owner="grace"), silence(120, match={"host": "db-1"})])

    hold = holds.hold_on(alert(), at(1))

    assert hold is not None
    assert (hold.by, hold.id, hold.until, hold.seconds) == ("silence", "s-2", at(90), 89 * 60)
    assert hold.reason == "Silenced by grace (silence s-2): Its disk is changed."


def test_an_empty_match_is_refused() -> None:
    with pytest.raises(ValidationError, match="an empty match fits every alert"):
        AlertMatch.model_validate({})
