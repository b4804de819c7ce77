"""The console's page about who is on call: what it shows, to whom, and what its forms change."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from firstline.console.sessions import form_token
from firstline.policy.oncall import Override
from tests.support.browsing import form_in
from tests.support.builders import INCIDENT_ID, NOW
from tests.unit.console.shelf import Shelf

PAGE = "/console/oncall"
PLATFORM = f"{PAGE}/platform"
TOMORROW = NOW + timedelta(days=1)
EVIL = "\"'><script>alert(1)</script>"


def page(shelf: Shelf, name: str = "bob", address: str = PAGE) -> str:
    answer = shelf.see(address, shelf.session(name))
    assert answer["statusCode"] == 200
    return str(answer["body"])


def send(shelf: Shelf, action: str, name: str = "bob", **fields: str) -> tuple[int, str]:
    """Send a form of the page, with the fields that the page gives it."""
    session = shelf.session(name)
    form = form_in(shelf.see(PAGE, session)["body"], f"{PLATFORM}/{action}")
    answer = shelf.send(f"{PLATFORM}/{action}", form | fields, session)
    return answer["statusCode"], answer["headers"].get("Location", answer["body"])


def turn(shelf: Shelf, at: datetime = NOW) -> list[tuple[str, datetime, datetime]]:
    return [(each.person, each.begins_at, each.ends_at) for each in shelf.overrides.of("platform", at)]


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def keep(shelf: Shelf, person: str, reason: str = "") -> None:
    """Give two hours of tomorrow to a person."""
    end = TOMORROW + timedelta(hours=2)
    shelf.overrides.save(
        Override(schedule="platform", person=person, begins_at=TOMORROW, ends_at=end, reason=reason, by="ada", at=NOW)
    )


def test_the_page_says_who_is_on_call_who_is_next_and_which_overrides_there_are(shelf: Shelf) -> None:
    keep(shelf, "bob", EVIL)
    html = page(shelf)
    said = text(html)
    assert "platform ada has it until Mon 2 Mar 03:16, 24 h" in said
    assert said.index("ada has it until") < said.index("Next bob") < said.index("Overrides bob")
    assert "<script>alert" not in html
    assert 'href="/console/oncall" aria-current="page"' in html


@pytest.mark.parametrize(
    ("name", "shown"), [("bob", 3), ("ada", 2), ("eve", 0)], ids=["an operator", "who has the shift", "a reader"]
)
def test_each_visitor_sees_only_the_forms_that_they_can_use(shelf: Shelf, name: str, shown: int) -> None:
    keep(shelf, "bob")
    assert page(shelf, name).count(f'action="{PLATFORM}/') == shown


def test_one_press_takes_the_present_shift_and_everybody_is_told(shelf: Shelf) -> None:
    assert send(shelf, "take", reason="ada is ill") == (303, f"{PAGE}?done=take")
    ((person, begins_at, _),) = turn(shelf)
    assert (person, begins_at) == ("bob", NOW)
    assert shelf.slack.said[0].endswith("instead of ada: ada is ill.")
    assert "You are on call to the end of the shift." in page(shelf, address=f"{PAGE}?done=take")


def test_a_span_is_given_in_the_schedules_time_and_withdrawn(shelf: Shelf) -> None:
    fields = {"person": "bob", "begin": "2026-03-02T08:00", "end": "2026-03-02T10:30", "reason": ""}
    assert send(shelf, "override", "ada", **fields) == (303, f"{PAGE}?done=override")
    assert turn(shelf) == [
        ("bob", datetime(2026, 3, 2, 8, tzinfo=UTC), datetime(2026, 3, 2, 10, 30, tzinfo=UTC)),
    ]
    assert send(shelf, "withdraw") == (303, f"{PAGE}?done=withdraw")
    assert turn(shelf) == []


@pytest.mark.parametrize(
    ("action", "name", "fields", "status", "words"),
    [
        ("override", "bob", {"begin": "soon"}, 409, "is no time"),
        ("override", "bob", {"person": "mallory"}, 409, "not on the list"),
        ("override", "bob", {"person": "no name"}, 400, "did not send a form of the console"),
        ("override", "bob", {"begin": "0001-01-01T00:00", "end": "9999-12-31T23:59"}, 409, "within 60 days"),
        ("take", "bob", {"form": "forged"}, 403, "not from your session"),
    ],
)
def test_a_form_with_a_bad_time_person_or_token_is_refused_with_the_reason(
    shelf: Shelf, action: str, name: str, fields: dict[str, str], status: int, words: str
) -> None:
    answered, said = send(shelf, action, name, **fields)
    assert answered == status
    assert words in said
    assert turn(shelf) == []
    assert f'href="{PAGE}"' in said


@pytest.mark.parametrize(
    ("name", "incident", "words"), [("eve", None, "eve is a reader"), ("bob", INCIDENT_ID, "good for one incident")]
)
def test_a_reader_and_the_holder_of_a_link_change_nothing(
    shelf: Shelf, name: str, incident: str | None, words: str
) -> None:
    session = shelf.session(name, incident)
    answer = shelf.send(f"{PLATFORM}/take", {"form": form_token(session)}, session)
    assert answer["statusCode"] == 403
    assert words in answer["body"]
    assert turn(shelf) == []
