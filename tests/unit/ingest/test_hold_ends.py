"""Tests of the early end of a hold, for which each held alert is judged anew."""

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from firstline.errors import ConfigurationError, HistoryUnavailable
from firstline.ingest.hold_ends import HoldEnds
from firstline.ingest.judge import Judge
from firstline.models import Hold, StoredAlert
from firstline.policy.holds import Holds, Silence, Window
from firstline.policy.match import AlertMatch
from firstline.policy.rules import NO_RULES, Rules
from tests.support.builders import NOON, alert, at, incident
from tests.support.changes import stored

SILENCE = Silence(
    id="s-1",
    match=AlertMatch(host=("web-1",)),
    owner="ada",
    reason="because",
    created_at=at(0),
    expires_at=at(60),
)
WINDOW = Window.model_validate(
    {
        "id": "w-1",
        "match": {"host": "web-1"},
        "reason": "patches",
        "owner": "ada",
        "when": [{"time_zone": "UTC", "hours": "11:00-13:00"}],
        "suppress": True,
    }
)
INHIBITION = {
    "id": "network",
    "source": {"alert_name": "SwitchDown"},
    "target": {"alert_name": "DiskFull"},
    "equal": ["region"],
    "reason": "Nothing behind the switch answers.",
}


def member(*, held: bool = True, firing: bool = True, **what: Any) -> StoredAlert:
    return stored(alert(**what), incident(), NOON, held=held, firing=firing)


def over(
    *members: StoredAlert,
    silences: Iterable[Silence] = (),
    windows: Iterable[Window] = (),
    rules: Rules = NO_RULES,
    inhibitors: int = 0,
    minutes: float = 30,
) -> str | None:
    """Return why the hold of an incident with these alerts is over `minutes` after noon, or None."""

    def count(keys: Iterable[str]) -> Mapping[str, int]:
        return dict.fromkeys(keys, inhibitors)

    judge = Judge(lambda: rules, lambda now: Holds(tuple(windows), tuple(silences)), ZoneInfo("UTC"))
    return HoldEnds(judge, lambda incident_id, most: list(members[:most]), count).over("any", at(minutes))


def test_a_silence_holds_until_it_is_ended_or_removed() -> None:
    ended = SILENCE.model_copy(update={"ended_at": at(20)})
    assert over(member(), silences=[SILENCE]) is None
    assert over(member(), silences=[ended], minutes=20) == "nothing holds DiskFull any more"
    assert over(member(), silences=[ended], minutes=19) is None
    assert over(member()) == "nothing holds DiskFull any more"


def test_of_several_silences_the_one_that_is_left_is_named_once() -> None:
    silences = [SILENCE, SILENCE.model_copy(update={"id": "s-2", "expires_at": at(50)})]
    named: list[tuple[str, str]] = []
    judge = Judge(lambda: NO_RULES, lambda now: Holds((), tuple(silences)), ZoneInfo("UTC"))
    ends = HoldEnds(
        judge, lambda *_: [member()], lambda _: {}, lambda incident_id, hold: named.append((incident_id, hold.id))
    )

    for minutes in (10, 11, 12, 13):
        if minutes == 12:
            silences[0] = SILENCE.model_copy(update={"ended_at": at(12)})
        assert ends.over("any", at(minutes)) is None

    assert named == [("any", "s-1"), ("any", "s-2")]


def test_a_silence_and_an_inhibition_of_the_same_id_are_named_apart() -> None:
    rules = Rules.model_validate({"rules": [], "inhibit": [INHIBITION]})
    silences = [SILENCE.model_copy(update={"id": "network", "expires_at": at(600)})]
    named: list[tuple[str, str]] = []
    judge = Judge(lambda: rules, lambda now: Holds((), tuple(silences)), ZoneInfo("UTC"))
    ends = HoldEnds(
        judge,
        lambda *_: [member()],
        lambda keys: dict.fromkeys(keys, 1),
        lambda _, hold: named.append((hold.by, hold.id)),
    )

    ends.over("any", at(10))
    silences.clear()
    ends.over("any", at(11))

    assert named == [("silence", "network"), ("inhibition", "network")]


def test_a_hold_that_cannot_be_named_is_named_at_the_next_check_and_lasts() -> None:
    answers: list[Exception | None] = [HistoryUnavailable("throttled"), None]
    tried: list[str] = []

    def name(incident_id: str, hold: Hold) -> None:
        tried.append(hold.id)
        if error := answers.pop(0):
            raise error

    judge = Judge(lambda: NO_RULES, lambda now: Holds((), (SILENCE,)), ZoneInfo("UTC"))
    ends = HoldEnds(judge, lambda *_: [member()], lambda _: {}, name)

    assert [ends.over("any", at(minutes)) for minutes in (10, 11, 12)] == [None] * 3
    assert tried == ["s-1", "s-1"]


def test_a_window_holds_until_it_is_over_or_removed_from_the_file() -> None:
    assert over(member(), windows=[WINDOW]) is None
    assert over(member(), windows=[WINDOW], minutes=61) is not None, "the window ends at 13:00"
    assert over(member(), windows=[]) is not None


def test_an_inhibition_holds_while_a_source_fires() -> None:
    rules = NO_RULES.model_copy(
        update={"inhibit": Rules.model_validate({"rules": [], "inhibit": [INHIBITION]}).inhibit}
    )
    assert over(member(), rules=rules, inhibitors=1) is None
    assert over(member(), rules=rules, inhibitors=0) == "nothing holds DiskFull any more"


def test_the_hold_is_over_as_soon_as_one_held_alert_is_no_longer_held() -> None:
    other = member(host="db-1", fingerprint="fp-2", alert_name="DbDown")
    assert over(member(), other, silences=[SILENCE]) == "nothing holds DbDown any more"


def test_alerts_that_were_never_held_or_have_ended_do_not_end_the_hold() -> None:
    beside = member(host="db-1", fingerprint="fp-2", held=False)
    ended = member(host="db-1", fingerprint="fp-3", firing=False)
    assert over(member(), beside, ended, silences=[SILENCE]) is None
    assert over() is None, "without any alert"


@pytest.mark.parametrize("error", [HistoryUnavailable("throttled"), ConfigurationError("rules.yaml: is not YAML")])
def test_unreadable_silences_or_rules_raise_and_do_not_end_the_hold(error: Exception) -> None:
    def unreadable(*_: object) -> Any:
        raise error

    judge = Judge(lambda: NO_RULES, unreadable, ZoneInfo("UTC"))
    with pytest.raises(type(error)):
        HoldEnds(judge, lambda *_: [member()], lambda _: {}).over("any", NOON)
