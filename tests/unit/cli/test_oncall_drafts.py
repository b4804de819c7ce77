"""`firstline oncall import`: drafts of schedules that are kept elsewhere, which say how far they agree with them."""

import json
import re
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from firstline.console.calendar_feed import calendar
from firstline.policy.oncall import Roster, load_oncall
from firstline_cli import on_call
from firstline_cli.main import app
from firstline_cli.oncall_drafts import NoDraft, of_file

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
BEGAN = datetime.combine(NOW.date() - timedelta(days=100), datetime.min.time(), BERLIN).replace(hour=9)
NAMES = {"ada": "Ada Okafor", "bob": "Bob", "cem": "Cem", "dora": "Dora"}


def layer(*people: str, days: float = 7, nights: bool = False, **changes: Any) -> dict[str, Any]:
    night = {"type": "daily_restriction", "start_time_of_day": "18:00:00", "duration_seconds": 15 * 3_600}
    made = {
        "name": "Nights" if nights else "Weeks",
        "start": BEGAN.isoformat(),
        "end": None,
        "rotation_virtual_start": BEGAN.isoformat(),
        "rotation_turn_length_seconds": int(days * 86_400),
        "users": [{"user": {"summary": NAMES[person]}} for person in people],
        "restrictions": [night] if nights else [],
    }
    return made | changes


def shown(truth: Roster) -> list[dict[str, Any]]:
    return [
        {
            "start": (shift.since or NOW).isoformat(),
            "end": (shift.until or NOW).isoformat(),
            "user": {"summary": NAMES[shift.person]},
        }
        for shift in truth.shifts((), NOW, NOW + timedelta(days=30))
    ]


def answer(*layers: dict[str, Any], truth: Roster | None = None) -> str:
    given = {"name": "Platform Team", "time_zone": "Europe/Berlin", "schedule_layers": list(layers)}
    final = {"rendered_schedule_entries": shown(truth) if truth else []}
    return json.dumps({"schedule": given | {"final_schedule": final}})


class Typed:
    """A person who types `firstline oncall import`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "policy").mkdir()
        people = {person: {"known_as": [name]} for person, name in NAMES.items() if person != "dora"}
        (folder / "policy" / "people.yaml").write_text(json.dumps({"people": people}))

    def __call__(self, tool: str, content: str, *options: str) -> Result:
        file = self.folder / "given"
        file.write_text(content)
        return CliRunner().invoke(app, ["oncall", "import", tool, str(file), *options])

    def roster(self, said: str, name: str) -> Roster:
        file = self.folder / "drafted.yaml"
        file.write_text(said)
        return load_oncall(file).schedules[name]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    monkeypatch.setattr(on_call, "runbooks_folder", lambda: tmp_path)
    return Typed(tmp_path)


TRUTH = Roster.model_validate(
    {
        "time_zone": "Europe/Berlin",
        "starts": BEGAN.date(),
        "rotation": ["ada", "bob", "cem"],
        "layers": [{"hours": "18:00-09:00", "rotation": ["dora", "ada"]}],
    }
)


def hours_that_agree(said: str) -> tuple[int, int]:
    """Return in how many hours a draft says that it names the same person as the other tool, and of how many."""
    (hours,) = re.findall(r"^# It agrees with the other tool in (\d+) of the (\d+) hours", said, re.MULTILINE)
    return int(hours[0]), int(hours[1])


def test_a_schedule_of_pagerduty_is_drafted_and_agrees_with_it(typed: Typed) -> None:
    said = typed("pagerduty", answer(layer("dora", "ada", nights=True), layer("ada", "bob", "cem"), truth=TRUTH)).output
    drafted = typed.roster(said, "platform-team")
    for hours in range(24 * 40):
        assert drafted.who((), NOW + timedelta(hours=hours)) == TRUTH.who((), NOW + timedelta(hours=hours))
    same, total = hours_that_agree(said)
    assert same == total
    assert "\n# Not in people.yaml: dora." in said


def test_a_draft_that_differs_from_pagerduty_says_in_how_many_hours(typed: Typed) -> None:
    without_the_nights = layer("ada", "bob", "cem")
    same, total = hours_that_agree(typed("pagerduty", answer(without_the_nights, truth=TRUTH)).output)
    assert 0 < same < total


def test_a_draft_names_the_layers_that_it_leaves_out_or_changes_but_none_that_is_over(typed: Typed) -> None:
    weekly = {"type": "weekly_restriction", "start_time_of_day": "18:00:00", "duration_seconds": 7_200}
    said = typed(
        "pagerduty",
        answer(
            layer("dora", name="Ended", end=BEGAN.isoformat()),
            layer("cem", name="Weekends", restrictions=[weekly]),
            layer("dora", "ada", nights=True, days=1),
            layer("ada", "bob"),
            layer("cem", name="Hidden"),
        ),
        "--name",
        "platform",
    ).output
    assert "# The layer Weekends is left out: write its restriction by the week" in said
    assert "# The layer Nights has turns of 1 day, 0:00:00; the draft gives it the schedule's turns, 7d." in said
    assert "# 1 lower layers are left out: Weeks covers every hour." in said
    assert "Ended" not in said
    assert typed.roster(said, "platform").rotation == ("ada", "bob")


def test_turns_are_read_from_a_calendar(typed: Typed) -> None:
    truth = Roster(time_zone="Europe/Berlin", starts=date(2026, 1, 5), rotation=("ada", "bob", "cem"))
    said = typed("ical", calendar("prod/shop", truth, (), NOW), "--time-zone", "Europe/Berlin", "--name", "shop").output
    drafted = typed.roster(said, "shop")
    for hours in range(24 * 60):
        assert drafted.who((), NOW + timedelta(hours=hours)) == truth.who((), NOW + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("tool", "content", "words"),
    [
        ("pagerduty", "{}", "it is no schedule of PagerDuty's API"),
        ("pagerduty", "[]", "it is no schedule of PagerDuty's API"),
        ("pagerduty", "no json", "it is no JSON (Expecting value"),
        ("pagerduty", answer(layer("ada", nights=True)), "every layer has restrictions"),
        ("pagerduty", answer(layer("ada", days=0.5)), "its turns are no whole days"),
        ("pagerduty", answer(layer()), "a layer has no people"),
        ("ical", "no calendar", "the text is no calendar"),
        ("ical", "BEGIN:VCALENDAR\nEND:VCALENDAR", "fewer than two shifts"),
        ("grafana", "{}", "A schedule of 'grafana' cannot be imported"),
    ],
)
def test_a_file_that_is_no_schedule_is_refused_in_one_line(typed: Typed, tool: str, content: str, words: str) -> None:
    found = typed(tool, content)
    assert found.exit_code in (1, 2)
    assert words in found.output
    assert found.output.count("\n") == 1


TOOLS = ["pagerduty", "ical"]
ODD = [10**20, 86_400, -86_400, 1e308, "Europe", "../UTC", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(ODD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
WHOLE = json.loads(answer(layer("cem", nights=True), layer("ada", "bob"), truth=TRUTH))
del WHOLE["schedule"]["final_schedule"]["rendered_schedule_entries"][1:]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in _places(each, (*path, key)))]


@settings(max_examples=300, deadline=None)
@given(place=st.sampled_from(_places(WHOLE)), odd=JSON)
def test_a_schedule_with_any_odd_value_is_drafted_or_refused(place: tuple[Any, ...], odd: Any) -> None:
    content: Any = [deepcopy(WHOLE)]
    within = content
    for key in (0, *place)[:-1]:
        within = within[key]
    within[(0, *place)[-1]] = odd
    body = json.dumps(content[0]).encode()
    with suppress(NoDraft):
        assert of_file("pagerduty", body, "", "UTC", str.lower, NOW).text()


@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()), tool=st.sampled_from(TOOLS))
def test_any_other_file_is_refused(body: bytes, tool: str) -> None:
    with pytest.raises(NoDraft):
        of_file(tool, body, "", "UTC", str.lower, NOW)
