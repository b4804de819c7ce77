"""Tests of on-call schedules: exactly one person is on call at each moment, and mistakes in the file are reported."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.errors import ConfigurationError
from firstline.policy.oncall import OnCall, Override, Roster, load_oncall, problems
from firstline.policy.people import People
from tests.support.depth import tries

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
"""Time zones without a change of the clocks, with usual ones, with one of half an hour, and with an odd offset."""

BEGIN = datetime(2026, 11, 2, tzinfo=UTC)
TWO_YEARS = timedelta(days=730)

PLATFORM: dict[str, Any] = {
    "time_zone": "Europe/Berlin",
    "starts": "2026-11-02",
    "handover": {"every": "1w", "at": "09:00"},
    "rotation": ["ada", "bob", "cem"],
    "layers": [{"hours": "18:00-09:00", "rotation": ["dora", "ada"]}],
    "holidays": {"dates": ["2026-12-25", "2026-12-26"], "rotation": ["bob", "cem"]},
}


def schedule(**changes: Any) -> Roster:
    return Roster.model_validate(PLATFORM | changes)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))


def override(person: str, begin: datetime, end: datetime, at: datetime = BEGIN) -> Override:
    return Override(schedule="platform", person=person, begins_at=begin, ends_at=end, by="ada", at=at)


@pytest.mark.parametrize(
    ("moment", "person", "because"),
    # By day ada, bob and cem take turns of a week; by night dora and ada; on holidays bob and cem. See `PLATFORM`.
    [
        pytest.param("2026-11-02 09:00", "ada", "rotation", id="the first turn"),
        pytest.param("2026-11-02 08:59", "ada", "layer", id="the night before belongs to the turn of its day"),
        pytest.param("2026-11-09 09:00", "bob", "rotation", id="the second turn"),
        pytest.param("2026-11-02 18:00", "dora", "layer", id="a night"),
        pytest.param("2026-11-09 08:59", "dora", "layer", id="a night that began in the last turn"),
        pytest.param("2026-11-09 18:00", "ada", "layer", id="a night of the second turn"),
        pytest.param("2026-12-25 00:00", "bob", "holiday", id="a holiday begins at midnight"),
        pytest.param("2026-12-26 23:59", "cem", "holiday", id="the second holiday"),
        pytest.param("2026-10-30 12:00", "cem", "rotation", id="before the first turn, counted back"),
    ],
)
def test_the_rotation_layer_or_holiday_of_a_moment_decides_who_is_on_call(
    moment: str, person: str, because: str
) -> None:
    assert schedule().who((), berlin(moment)) == (person, because)


def test_a_shift_says_since_when_and_until_when() -> None:
    shift = schedule(layers=[], holidays=None).shift((), berlin("2026-11-11 12:00"))
    assert (shift.person, shift.since, shift.until) == ("bob", berlin("2026-11-09 09:00"), berlin("2026-11-16 09:00"))


def test_the_shift_of_somebody_who_is_alone_has_no_begin_and_no_end() -> None:
    shift = schedule(rotation="ada", layers=[], holidays=None).shift((), BEGIN)
    assert shift == ("ada", None, None, "rotation")


def test_the_override_that_was_made_last_counts_and_moves_nobody_else() -> None:
    begin, end = berlin("2026-11-10 10:00"), berlin("2026-11-10 14:00")
    first = override("cem", begin, end)
    later = override("dora", begin, begin + timedelta(hours=1), at=BEGIN + timedelta(hours=1))

    people = [schedule().who((first, later), begin + timedelta(hours=hours))[0] for hours in (-1, 0, 1, 4)]

    assert people == ["bob", "dora", "cem", "bob"]


@st.composite
def schedules(draw: st.DrawFn) -> Roster:
    people = st.lists(st.sampled_from(["ada", "bob", "cem", "dora"]), min_size=1, max_size=4, unique=True)
    clock = st.sampled_from(["00:00", "01:45", "02:00", "02:30", "03:00", "09:00", "17:00"])
    hours = st.tuples(clock, clock).filter(lambda pair: pair[0] != pair[1]).map("-".join)
    layer = st.fixed_dictionaries({"hours": hours, "rotation": people})
    return Roster.model_validate(
        {
            "time_zone": draw(st.sampled_from(ZONES)),
            "starts": BEGIN.date(),
            "handover": {"every": draw(st.sampled_from(["1d", "3d", "1w"])), "at": draw(clock)},
            "rotation": draw(people),
            "layers": draw(st.lists(layer, max_size=2)),
        }
    )


@settings(max_examples=tries(100))
@given(schedules(), st.timedeltas(timedelta(), TWO_YEARS))
def test_shifts_follow_each_other_without_a_gap_and_say_who_it_is_at_each_moment(
    made: Roster, later: timedelta
) -> None:
    begin = BEGIN + later
    shifts = list(made.shifts((), begin, begin + timedelta(days=10)))

    for before, after in pairwise(shifts):
        assert before.until == after.since
        assert before.person != after.person
    for moment in every_quarter_of_an_hour(begin, begin + timedelta(days=10)):
        (holding,) = [s for s in shifts if (not s.since or s.since <= moment) and (not s.until or moment < s.until)]
        assert holding.person == made.who((), moment)[0]


@pytest.mark.parametrize("zone", ZONES)
def test_for_two_years_exactly_one_person_is_on_call_and_turns_change_at_the_wall_clock(zone: str) -> None:
    made = schedule(time_zone=zone, layers=[], holidays=None)
    shifts = list(made.shifts((), BEGIN + timedelta(days=1), BEGIN + TWO_YEARS))

    assert [shift.person for shift in shifts[:4]] == ["ada", "bob", "cem", "ada"]
    assert all(before.until == after.since for before, after in pairwise(shifts))
    local = [shift.until.astimezone(ZoneInfo(zone)) for shift in shifts if shift.until]
    assert {(at.weekday(), f"{at:%H:%M}") for at in local} == {(0, "09:00")}
    assert len(shifts) == pytest.approx(730 / 7, abs=1)


@pytest.mark.parametrize(
    ("day", "at", "hands_over"),
    [
        ("2026-10-25", "02:00", "2026-10-25T00:00Z"),
        ("2026-10-25", "02:30", "2026-10-25T00:30Z"),
        ("2026-10-25", "03:00", "2026-10-25T02:00Z"),
        ("2026-10-25", "03:30", "2026-10-25T02:30Z"),
        ("2027-03-28", "02:00", "2027-03-28T01:00Z"),
        ("2027-03-28", "02:30", "2027-03-28T01:00Z"),
        ("2027-03-28", "03:00", "2027-03-28T01:00Z"),
        ("2027-03-28", "03:30", "2027-03-28T01:30Z"),
    ],
)
def test_a_hand_over_in_the_hour_in_which_the_clocks_change_happens_once(day: str, at: str, hands_over: str) -> None:
    made = schedule(starts=day, handover={"every": "1w", "at": at}, layers=[], holidays=None)
    moment = datetime.fromisoformat(hands_over)
    around = list(made.shifts((), moment - timedelta(days=2), moment + timedelta(days=2)))
    assert [(shift.person, shift.until) for shift in around] == [
        ("cem", moment),
        ("ada", berlin((moment + timedelta(days=7)).strftime("%Y-%m-%d ") + at)),
    ]


@settings(max_examples=tries(100))
@given(
    schedules(),
    st.timedeltas(timedelta(), TWO_YEARS),
    st.timedeltas(timedelta(minutes=1), timedelta(days=3)),
    st.none() | st.timedeltas(timedelta(days=-1), timedelta(days=4)),
)
def test_an_override_changes_only_its_own_time_also_when_it_is_withdrawn(
    made: Roster, later: timedelta, length: timedelta, withdrawn: timedelta | None
) -> None:
    hers = override("eve", BEGIN + later, BEGIN + later + length)
    end = hers.ends_at
    if withdrawn is not None:
        hers = hers.model_copy(update={"ended_at": hers.begins_at + withdrawn, "ended_by": "ada"})
        end = min(end, hers.begins_at + withdrawn)
    for moment in every_quarter_of_an_hour(hers.begins_at - timedelta(days=2), hers.ends_at + timedelta(days=2)):
        is_hers = hers.begins_at <= moment < end
        expected = ("eve", "override by ada") if is_hers else made.who((), moment)
        assert made.who((hers,), moment) == expected


def every_quarter_of_an_hour(begin: datetime, end: datetime) -> Iterator[datetime]:
    while begin < end:
        yield begin
        begin += timedelta(minutes=15)


PLACE = ("schedules", "platform")
PEOPLE = People.model_validate({"people": {"ada": {"slack": "U01ADA"}, "bob": {}, "cem": {"mail": "cem@example.com"}}})


def test_people_who_cannot_be_woken_or_are_unknown_are_reported_with_their_schedule() -> None:
    on_call = OnCall(schedules={"platform": schedule(rotation=["ada", "bob", "eve"], layers=[], holidays=None)})
    assert list(problems(on_call, PEOPLE, BEGIN)) == [
        (PLACE, "nothing can wake bob; add phone, slack or mail in runbooks/policy/people.yaml"),
        (PLACE, "'eve' is not in runbooks/policy/people.yaml; add the person there"),
    ]


@pytest.mark.parametrize(
    ("phone", "texted", "said"),
    [
        (None, True, "bob gets pages by SMS and has no phone; add the number in runbooks/policy/people.yaml"),
        (
            "numbers/bob",
            False,
            "the stack may not read 'numbers/bob'; store the number of bob below oncall/ and write ssm:oncall/bob",
        ),
        ("ssm:oncall/bob", True, None),
        ("+4915112345678", True, None),
        (None, False, None),
    ],
    ids=["no number", "a number out of reach", "a number that is read", "a number that is written", "not texted"],
)
def test_a_person_who_is_texted_needs_a_number_that_the_stack_can_read(
    phone: str | None, texted: bool, said: str | None
) -> None:
    known = {"ada": {"phone": "oncall/ada"}, "bob": {"slack": "U2", "phone": phone}}
    people = People.model_validate({"people": known})
    on_call = OnCall(schedules={"platform": schedule(rotation=["ada", "bob"], layers=[], holidays=None)})
    found = list(problems(on_call, people, BEGIN, {"platform"} if texted else set()))
    assert found == ([] if said is None else [(PLACE, said)])


@pytest.mark.parametrize(("rotation", "every"), [(["ada"], "1w"), (["ada", "cem"], "2w")], ids=["alone", "two weeks"])
def test_a_shift_of_more_than_a_week_is_reported(rotation: list[str], every: str) -> None:
    made = schedule(rotation=rotation, handover={"every": every, "at": "09:00"}, layers=[], holidays=None)
    ((place, said),) = problems(OnCall(schedules={"platform": made}), PEOPLE, BEGIN)
    assert place == PLACE
    assert "is on call for more than a week" in said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("schedules:\n  a: {starts: 2026-11-02, rotation: []}", "schedules.a.rotation"),
        ("schedules:\n  a: {starts: 2026-11-02, rotation: ada, handover: {every: 36h}}", "whole days"),
        ("schedules:\n  a: {starts: 2026-11-02, rotation: ada, handover: {at: 9}}", 'write local time as "09:00"'),
        (
            "schedules:\n  a: {starts: 2026-11-02, rotation: ada, layers: [{rotation: bob}]}",
            "the layer has no hours or weekdays, so it covers everything",
        ),
        ("schedules:\n  a: {starts: 2026-11-02, rotation: ada, time_zone: Mars}", "is no time zone"),
    ],
)
def test_the_error_for_a_mistake_in_the_file_names_its_key_and_line(written: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "oncall.yaml"
    path.write_text(written)
    with pytest.raises(ConfigurationError, match="line 2") as caught:
        load_oncall(path)
    assert said in str(caught.value)


def test_holidays_are_numbered_by_date_and_other_days_have_no_number() -> None:
    holidays = schedule().holidays
    assert holidays is not None
    assert [holidays.number(date(2026, 12, day)) for day in (24, 25, 26, 27)] == [None, 0, 1, None]


def test_a_reader_on_a_schedule_is_reported() -> None:
    reads = People.model_validate({"people": {"ada": {"slack": "U1", "role": "reader"}, "cem": {"slack": "U2"}}})
    made = schedule(rotation=["ada", "cem"], layers=[], holidays=None)
    said = [said for _, said in problems(OnCall(schedules={"platform": made}), reads, BEGIN)]
    assert said == ["ada is a reader, who cannot take an incident; change the role in runbooks/policy/people.yaml"]
