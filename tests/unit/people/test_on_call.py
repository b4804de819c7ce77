"""Overrides of who is on call: who may make them, what they mean, and whom a page names."""

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from firstline.adapters.dynamodb.overrides import TableOverrides
from firstline.errors import HistoryUnavailable
from firstline.people.on_call import MOST, of_listed, trail_of, whose_turn
from firstline.policy.oncall import Override
from firstline.policy.people import NOBODY, People
from tests.support.builders import NOW
from tests.support.memory import MemoryStore
from tests.support.terminal import PEOPLE, SCHEDULES, Terminal

IN_AN_HOUR = NOW + timedelta(hours=1)
END_OF_TURN = datetime.combine(NOW.date(), time(0), UTC) + timedelta(weeks=1)


class Desk:
    """The API with schedules: ada has this week's turn, bob the next one."""

    def __init__(self) -> None:
        self.terminal = Terminal()
        self.overrides = TableOverrides(self.terminal.store.table)

    def ask(self, schedule: str = "platform", *, by: str = "bob", **asked: Any) -> tuple[int, str]:
        status, answer = self.terminal.post(f"oncall/{schedule}", asked, by=by)
        return status, answer["said"]

    def turn(self, at: datetime = NOW) -> str | None:
        turn = whose_turn("platform", SCHEDULES, self.overrides.of, at)
        return turn and turn.person


def test_an_override_gives_the_present_shift_to_the_person_who_asks_and_everybody_is_told() -> None:
    desk = Desk()
    assert desk.turn() == "ada"

    status, said = desk.ask(reason="ada is ill")

    assert status == 200
    span = f"from {NOW:%a %Y-%m-%d %H:%M} to {END_OF_TURN:%a %Y-%m-%d %H:%M} (UTC)"
    assert said == f"bob is on call for platform {span}, instead of ada: ada is ill."
    assert desk.terminal.slack.said == [said]
    assert desk.turn() == "bob"
    assert desk.turn(END_OF_TURN) == "bob", "his own turn follows ada's"


def test_a_shift_that_is_taken_twice_is_taken_and_told_once() -> None:
    desk = Desk()
    assert desk.ask()[0] == 200
    (made,) = desk.overrides.of("platform", NOW)
    desk.terminal.now += timedelta(seconds=2)

    status, said = desk.ask(by="ada", person="bob", begins_at=NOW.isoformat())

    until = f"{END_OF_TURN:%a %Y-%m-%d %H:%M}"
    words = f"Nothing to do: bob has it already until {until} (UTC), by override {made.id} of bob."
    assert (status, said) == (409, words)
    assert len(desk.terminal.slack.said) == 1


def test_a_shift_may_be_taken_again_for_longer_and_be_taken_back() -> None:
    desk = Desk()
    assert desk.ask(by="bob")[0] == 200

    longer = END_OF_TURN + timedelta(hours=1)
    assert desk.ask(by="bob", ends_at=longer.isoformat())[0] == 200
    desk.terminal.now += timedelta(seconds=2)
    assert desk.ask(by="ada")[0] == 200, "ada takes it back"
    assert desk.ask(by="bob")[0] == 200, "bob takes it once more"


def test_an_override_of_a_span_leaves_the_turns_before_and_after_it() -> None:
    desk = Desk()
    ends = IN_AN_HOUR + timedelta(hours=2)

    status, said = desk.ask(by="ada", person="bob", begins_at=IN_AN_HOUR.isoformat(), ends_at=ends.isoformat())

    assert status == 200
    assert "(said ada)" in said
    assert [desk.turn(at) for at in (NOW, IN_AN_HOUR, ends)] == ["ada", "bob", "ada"]


def test_an_override_is_withdrawn_and_everybody_is_told() -> None:
    desk = Desk()
    desk.ask(reason="ada is ill")
    (made,) = desk.overrides.of("platform", NOW)

    status, said = desk.ask("platform/withdraw", by="ada", id=made.id)

    assert status == 200
    assert said.startswith("ada withdrew that bob is on call for platform, from ")
    assert said.endswith("(UTC): ada has it again.")
    assert desk.terminal.slack.said[-1] == said
    assert desk.overrides.of("platform", NOW) == []
    (kept,) = desk.overrides.made("platform", NOW)
    assert (kept.ended_by, kept.end) == ("ada", NOW)
    assert desk.turn() == "ada"
    trail = desk.terminal.store.trail.entries(trail_of(made))
    assert [(entry.who, entry.facts["does"], entry.facts["person"]) for entry in trail] == [
        ("bob (command line)", "override", "bob"),
        ("ada (command line)", "withdraw the override", "bob"),
    ]


def test_a_withdrawn_override_still_counts_for_the_time_before_its_withdrawal() -> None:
    begun = Override(
        schedule="platform", person="bob", begins_at=NOW - timedelta(hours=2), ends_at=IN_AN_HOUR, by="bob", at=NOW
    )
    ended = begun.model_copy(update={"ended_at": NOW, "ended_by": "ada"})
    roster = SCHEDULES["platform"]
    assert roster.who([ended], NOW - timedelta(seconds=1))[0] == "bob"
    assert roster.who([ended], NOW)[0] == "ada"
    assert roster.shift([ended], NOW - timedelta(hours=1)).until == NOW


@pytest.mark.parametrize(
    ("by", "given", "status", "words"),
    [
        ("eve", "0123abcd", 403, "eve is a reader"),
        ("ada", "0123abcd", 409, "platform has no present or future override 0123abcd"),
        ("ada", "all", 409, "platform has no present or future override all"),
    ],
)
def test_a_withdrawal_by_a_reader_or_of_an_unknown_id_is_refused(by: str, given: str, status: int, words: str) -> None:
    answered, said = Desk().ask("platform/withdraw", by=by, id=given)
    assert answered == status
    assert words in said


def test_an_override_that_would_begin_in_the_past_begins_now() -> None:
    desk = Desk()
    desk.ask(begins_at=(NOW - timedelta(days=1)).isoformat(), ends_at=IN_AN_HOUR.isoformat())

    (kept,) = desk.overrides.of("platform", NOW)
    assert (kept.begins_at, kept.ends_at) == (NOW, IN_AN_HOUR)


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ({"by": "eve"}, 403, "eve is a reader"),
        ({"person": "mallory"}, 409, "'mallory' is not on the list"),
        (
            {"schedule": "network"},
            409,
            "no schedule 'network' in runbooks/policy/oncall.yaml; there is platform",
        ),
        ({"ends_at": (NOW - timedelta(hours=1)).isoformat()}, 409, "in the future"),
        ({"ends_at": (NOW + timedelta(days=61)).isoformat()}, 409, "within 60 days"),
        ({"person": "eve"}, 409, "eve is a reader, who cannot take an incident"),
        ({"begins_at": (NOW + timedelta(days=367)).isoformat()}, 409, "more than 366 days from now"),
        ({"begins_at": "9999-12-31T23:59:59Z"}, 409, "more than 366 days from now"),
        ({"ends_at": "9999-12-31T23:59:59-14:00"}, 409, "within 60 days"),
        ({"ends_at": "tomorrow"}, 400, "ends_at"),
        ({"ends_at": "2026-03-04T12:00:00"}, 400, "ends_at"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused_with_the_reason_and_changes_nothing(
    asked: dict[str, Any], status: int, words: str
) -> None:
    desk = Desk()

    answered, said = desk.ask(**asked)

    assert answered == status
    assert words in said
    assert desk.overrides.of("platform", NOW) == []
    assert desk.terminal.slack.said == []


def test_a_page_names_the_turn_of_the_file_while_the_table_fails() -> None:
    def broken(schedule: str, since: datetime) -> list[Override]:
        raise HistoryUnavailable("no answer")

    assert whose_turn("platform", SCHEDULES, broken, NOW) == ("ada", "")


def test_nobody_is_on_call_on_an_unknown_schedule() -> None:
    assert whose_turn("network", SCHEDULES, TableOverrides(MemoryStore().table).of, NOW) is None


def test_an_override_that_cannot_be_read_does_not_count() -> None:
    store = MemoryStore()
    overrides = TableOverrides(store.table)
    store.table.put({"pk": "ONCALL#platform", "sk": f"{END_OF_TURN.isoformat()}#x", "override": '{"person": 7}'})

    assert whose_turn("platform", SCHEDULES, overrides.of, NOW) == ("ada", "")


def test_an_override_is_stored_as_the_last_release_reads_it_until_it_is_withdrawn() -> None:
    desk = Desk()
    desk.ask()
    known = {"schedule", "person", "begins_at", "ends_at", "reason", "by", "at"}

    def stored() -> set[str]:
        (item,) = desk.terminal.store.table.query("ONCALL#platform")
        return set(json.loads(item["override"]))

    assert stored() == known
    (made,) = desk.overrides.of("platform", NOW)
    desk.ask("platform/withdraw", id=made.id)
    assert stored() == known | {"ended_at", "ended_by"}


def test_an_override_of_somebody_who_left_the_list_does_not_count() -> None:
    desk = Desk()
    desk.ask()
    left = People.model_validate({"people": {"ada": {}}})

    def turn(people: People) -> str | None:
        found = whose_turn("platform", SCHEDULES, of_listed(desk.overrides.of, people), NOW)
        return found and found.person

    assert [turn(people) for people in (PEOPLE, left)] == ["bob", "ada"]
    assert turn(NOBODY) == "bob", "without a list everybody counts"


@pytest.mark.parametrize(
    ("listed", "doubt"),
    [({"ada": {}}, ""), ({"bob": {}}, "not in runbooks/policy/people.yaml"), ({}, "")],
    ids=["ada is listed", "ada is not", "there is no list"],
)
def test_a_page_says_that_the_person_whose_turn_it_is_left_the_list(listed: dict[str, Any], doubt: str) -> None:
    people = People.model_validate({"people": listed})
    overrides = TableOverrides(MemoryStore().table)
    assert whose_turn("platform", SCHEDULES, overrides.of, NOW, people) == ("ada", doubt)


def test_the_newest_of_many_overrides_counts_and_one_too_many_is_refused() -> None:
    desk = Desk()
    for number in range(MOST - 1):
        ends = IN_AN_HOUR + timedelta(minutes=number)
        desk.overrides.save(
            Override(schedule="platform", person="ada", begins_at=IN_AN_HOUR - timedelta(minutes=1), ends_at=ends,
                     by="ada", at=NOW)
        )  # fmt: skip
    assert desk.ask(ends_at=(NOW + timedelta(days=5)).isoformat())[0] == 200
    assert desk.turn() == "bob"

    status, said = desk.ask()
    assert status == 409
    assert f"has {MOST} present and future overrides" in said
