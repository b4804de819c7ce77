"""`firstline oncall`, as a person types it, against a stack in memory."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from firstline.adapters.dynamodb.overrides import TableOverrides
from firstline.policy.oncall import OnCall
from firstline_cli import on_call, requests, stacks
from firstline_cli.console import refusal
from firstline_cli.main import app
from tests.support.terminal import Terminal

SCHEDULE = """
schedules:
  platform:
    time_zone: Europe/Berlin
    starts: 2026-11-02
    rotation: [ada, bob]
"""


class Typed:
    """A person at a terminal, in a checkout with this schedule."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, written: str = SCHEDULE) -> None:
        (folder / "policy").mkdir()
        (folder / "policy" / "oncall.yaml").write_text(written)
        (folder / "policy" / "people.yaml").write_text("people: {ada: {}, bob: {}}")
        self.folder, self.terminal = folder, Terminal()
        found = stacks.Stack(self.terminal.store.table, "arn:aws:states:eu-west-1:123456789012:stateMachine:i", Any)  # type: ignore[arg-type]
        monkeypatch.setattr(on_call, "runbooks_folder", lambda: folder)
        monkeypatch.setattr(on_call, "stack_of", lambda name: found)
        monkeypatch.setattr(on_call, "post", self._post)

    def _post(self, stack: object, path: str, body: dict[str, Any]) -> dict[str, Any]:
        status, answer = self.terminal.post(path, body)
        if status != 200:
            raise refusal(answer["said"], requests.CODES[status])
        return dict(answer)

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["oncall", *arguments])


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    return Typed(tmp_path, monkeypatch)


def test_who_prints_the_person_the_end_of_the_shift_and_the_reason(typed: Typed) -> None:
    said = typed("who").output
    assert re.fullmatch(r"platform +(ada|bob) .*09:00 \(Europe/Berlin, .* left\)  rotation\n", said), said


def test_next_prints_shifts_without_a_gap(typed: Typed) -> None:
    shifts = json.loads(typed("next", "--days", "30", "-o", "json").output)
    assert len(shifts) in (5, 6), "30 days touch five or six weeks"
    assert {shift["person"] for shift in shifts} == {"ada", "bob"}
    assert [shift["until"] for shift in shifts[:-1]] == [shift["since"] for shift in shifts[1:]]


def test_an_override_is_listed_and_withdrawn(typed: Typed) -> None:
    assert typed("overrides").output == "The schedule platform has no override.\n"
    typed("override", "bob", "--from", "18:00", "--until", "08:00", "--reason", "ill")
    (made,) = json.loads(typed("overrides", "-o", "json").output)
    assert f"{made['id']}  bob " in typed("overrides").output

    assert "withdrew that bob is on call for platform" in typed("withdraw", made["id"]).output
    assert "The schedule platform has no override" in typed("overrides").output
    assert "withdrawn by ada: ill" in typed("overrides", "--withdrawn").output
    for gone in (made["id"], "nope"):
        refused = typed("withdraw", gone)
        assert refused.exit_code == 4
        assert f"platform has no present or future override {gone}: " in refused.stderr


def test_a_refused_override_is_told_in_the_time_of_the_stacks_schedule(typed: Typed) -> None:
    # 10:00 by the schedule in the checkout (Europe/Berlin) is 08:00 by that of the stack (UTC).
    refused = typed("override", "bob", "--from", "2099-07-01T10:00")
    assert (refused.exit_code, "begin on Wed 2099-07-01 08:00 (UTC)" in refused.stderr) == (4, True)
    refused = typed("override", "bob", "--until", "2099-07-01T10:00")
    assert (refused.exit_code, "end on Wed 2099-07-01 08:00 (UTC)" in refused.stderr) == (4, True)


def test_check_names_a_person_without_a_phone_until_the_number_is_added(typed: Typed) -> None:
    folder = typed.folder / "policy"
    (folder / "paging.yaml").write_text(
        "levels: [{name: a, channels: [sms], on_call: x, acknowledge_within: 5m, schedule: platform}]"
    )
    found = typed("check")
    assert found.exit_code == 1
    assert "ada gets pages by SMS and has no phone; add the number in runbooks/policy/people.yaml" in found.output
    assert "oncall.yaml:3" in found.output

    (folder / "people.yaml").write_text("people: {ada: {phone: '+4915112345678'}, bob: {phone: ssm:oncall/bob}}")

    assert typed("check").output == "1 schedule without a problem within half a year.\n"


def test_check_says_that_there_is_no_schedule(typed: Typed) -> None:
    (typed.folder / "policy" / "oncall.yaml").write_text("schedules: {}")

    assert typed("check").output.startswith("Nobody takes turns: ")


def test_check_names_the_owners_file_and_not_its_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "mine" / "runbooks" / "policy" / "oncall.yaml"
    own.parent.mkdir(parents=True)
    own.touch()
    (tmp_path / ".cache" / "mine" / "runbooks").mkdir(parents=True)
    monkeypatch.setattr(on_call, "CHECKOUT", tmp_path)
    typed = Typed(tmp_path / ".cache" / "mine" / "runbooks", monkeypatch, SCHEDULE.replace("bob", "dora"))
    assert typed("check").stderr.startswith("mine/runbooks/policy/oncall.yaml:3: ")


def test_check_with_a_stack_names_a_schedule_that_was_never_copied(typed: Typed) -> None:
    (typed.folder / "policy" / "people.yaml").write_text("people: {ada: {slack: U1}, bob: {slack: U2}}")
    (typed.folder / "policy" / "oncall.yaml").write_text("followed: {payments: {pagerduty_schedule: PABC123}}")
    assert typed("check").exit_code == 0
    found = typed("check", "--stack", "any")
    assert found.exit_code == 1
    assert "followed.payments: it was never copied" in found.output


def test_handover_prints_who_hands_over_and_the_open_incidents(typed: Typed) -> None:
    said = typed("handover").output
    assert said.startswith("On call: ")
    assert " hands platform over to " in said
    assert "1 incident open" in said


def test_take_makes_the_caller_on_call(typed: Typed) -> None:
    said = typed("take", "--reason", "bob is ill")
    assert said.exit_code == 0
    assert said.output.startswith("ada is on call for platform from ")


def test_an_override_until_a_time_of_day_ends_at_the_next_one(typed: Typed) -> None:
    assert typed("override", "bob", "--from", "18:00", "--until", "08:00").exit_code == 0

    (made,) = TableOverrides(typed.terminal.store.table).of("platform", datetime(2026, 1, 1, tzinfo=UTC))
    assert made.ends_at - made.begins_at == timedelta(hours=14)


def meant(written: str, after: str) -> datetime:
    """Return the moment that a time means in the schedule's time zone, Europe/Berlin."""
    schedule = OnCall.model_validate(yaml.safe_load(SCHEDULE)).schedules["platform"]
    return on_call._moment(schedule, written, datetime.fromisoformat(after))


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-12-24T18:00", "2026-12-24T17:00Z"),
        ("2026-12-24T18:00Z", "2026-12-24T18:00Z"),
        ("2026-12-24T18:00-05:00", "2026-12-24T23:00Z"),
    ],
)
def test_a_time_is_local_unless_it_says_its_offset(written: str, moment: str) -> None:
    assert meant(written, after="2026-12-01T00:00Z") == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    ("written", "after", "moment"),
    [
        ("02:15", "2026-10-25T00:30Z", "2026-10-25T01:15Z"),
        ("02:45", "2026-10-25T01:30Z", "2026-10-25T01:45Z"),
        ("02:15", "2026-10-25T01:30Z", "2026-10-26T01:15Z"),
    ],
    ids=["its second time in the night", "the rest of the second hour", "the next day"],
)
def test_a_time_of_day_is_the_next_one_also_in_the_night_of_25_hours(written: str, after: str, moment: str) -> None:
    # In Berlin the clocks show 02:00 to 03:00 twice, from 00:00Z and from 01:00Z.
    assert meant(written, after=after) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["override", "mallory"], 4, "'mallory' is not on the list of people"),
        (["take", "--until", "soon"], 2, "'soon' is no time: write one like 18:00"),
        (["take", "--until", "0001-01-01T00:00"], 2, "'0001-01-01T00:00' is no time: write one like 18:00"),
        (["who", "--schedule", "network"], 3, "There is no schedule 'network': give --schedule with one of platform."),
    ],
)
def test_a_mistake_is_answered_in_one_line_with_the_fix(
    typed: Typed, arguments: list[str], code: int, words: str
) -> None:
    said = typed(*arguments)
    assert said.exit_code == code
    assert words in said.output
    assert said.output.count("\n") == 1


def test_without_a_schedule_who_says_where_to_write_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = Typed(tmp_path, monkeypatch, "schedules: {}")("who")
    assert said.exit_code == 3
    assert "runbooks/policy/oncall.yaml has no schedule" in said.output
