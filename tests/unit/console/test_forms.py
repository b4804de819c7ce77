"""The console's forms: what each changes, for whom, and which are refused."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from firstline.console.sessions import form_token
from firstline.console.web import MAX_FORM_BYTES
from firstline.errors import HistoryUnavailable
from firstline.models import Hold
from firstline.people.action import Does
from tests.support.browsing import form_in, get, post
from tests.support.builders import INCIDENT_ID, NOW, a_page, a_record, a_waiting_record
from tests.unit.console.reading import read_incident
from tests.unit.console.shelf import PAGE, PEOPLE, Shelf


def press(shelf: Shelf, name: str, does: str, **changes: str) -> dict[str, Any]:
    session = shelf.session(name)
    return shelf.send(f"{PAGE}/{does}", {"form": form_token(session), **changes}, session)


def test_a_form_acts_as_its_person_and_is_on_the_trail(shelf: Shelf) -> None:
    answer = press(shelf, "ada", "acknowledge")
    assert (answer["statusCode"], answer["headers"]["Location"]) == (303, f"{PAGE}?done=acknowledge")
    assert shelf.store.only.acknowledged_by == "ada (console)"
    (entry, *_) = shelf.trail.entries(INCIDENT_ID)
    assert (entry.what, entry.who) == ("acted", "ada (console)")
    assert str(entry.facts["principal"]).startswith("session ")


def test_the_pages_own_forms_approve_the_plan_and_resolve_the_incident(shelf: Shelf) -> None:
    session = shelf.session("ada")
    page = shelf.see(PAGE, session)["body"]
    answer = shelf.send(f"{PAGE}/approve", form_in(page, f"{PAGE}/approve"), session)
    assert answer["statusCode"] == 303, answer["body"]
    assert shelf.store.only.decision == "approved"
    page = shelf.see(f"{PAGE}?done=approve", session)["body"]
    assert "Your approval is stored." in page
    assert "Approved by ada (console)" in page
    answer = shelf.send(f"{PAGE}/resolve", form_in(page, f"{PAGE}/resolve"), session)
    assert shelf.store.only.resolved_by == "ada (console)"


@pytest.mark.parametrize(
    ("does", "fields", "says"),
    [
        ("note", {"text": "Rotated the logs."}, "Rotated the logs."),
        ("judge", {"said": "severity-low"}, "ada (console) called the verdict wrong severity"),
        ("judge", {"said": "noise"}, "ada (console) called the verdict noise"),
    ],
)
def test_a_note_and_feedback_are_stored_and_shown_on_the_page(
    shelf: Shelf, does: str, fields: dict[str, str], says: str
) -> None:
    answer = press(shelf, "ada", does, **fields)
    assert answer["headers"]["Location"] == f"{PAGE}?done={does}"
    assert says in shelf.see(PAGE, shelf.session("ada"))["body"]


@pytest.mark.parametrize("does", ["acknowledge", "resolve", "escalate", "note", "judge", "approve", "refuse"])
def test_a_reader_changes_nothing_and_sees_no_form(shelf: Shelf, does: str) -> None:
    before = shelf.store.only
    assert press(shelf, "eve", does, said="noise", text="x")["statusCode"] == 403
    assert shelf.store.only == before
    shown = shelf.see(PAGE, shelf.session("eve"))["body"]
    assert f'action="{PAGE}/' not in shown
    assert "You may only look: your role is reader." in shown


def test_an_operator_cannot_approve(shelf: Shelf) -> None:
    digest = shelf.store.only.plan_digest or ""
    assert press(shelf, "bob", "approve", digest=digest)["statusCode"] == 403
    assert shelf.store.only.decision is None


def test_a_role_that_is_lowered_or_lost_counts_at_once_for_a_running_session(shelf: Shelf) -> None:
    session = shelf.session("ada")
    shelf.people = PEOPLE.model_copy(update={"people": {"ada": PEOPLE.people["eve"]}})
    form = {"form": form_token(session)}
    assert shelf.send(f"{PAGE}/acknowledge", form, session)["statusCode"] == 403
    shelf.people = PEOPLE.model_copy(update={"people": {}})
    assert shelf.send(f"{PAGE}/acknowledge", form, session)["statusCode"] == 403
    assert shelf.store.only.acknowledged_at is None


@pytest.mark.parametrize("form", [{}, {"form": ""}, {"form": form_token("another session")}])
def test_a_form_of_another_session_does_not_count(shelf: Shelf, form: dict[str, str]) -> None:
    assert shelf.send(f"{PAGE}/acknowledge", form, shelf.session("ada"))["statusCode"] == 403
    assert shelf.send(f"{PAGE}/acknowledge", form)["statusCode"] == 401, "without any session"
    assert shelf.store.only.acknowledged_at is None


def test_a_form_of_another_site_does_not_count(shelf: Shelf) -> None:
    session = shelf.session("ada")
    form = {"form": form_token(session)}
    answer = shelf.send(f"{PAGE}/acknowledge", form, session, **{"sec-fetch-site": "cross-site"})
    assert answer["statusCode"] == 403
    assert shelf.send(f"{PAGE}/acknowledge", form, session, **{"sec-fetch-site": "same-origin"})["statusCode"] == 303


def test_a_plan_that_changed_is_not_approved(shelf: Shelf) -> None:
    answer = press(shelf, "ada", "approve", digest="0" * 64)
    assert answer["statusCode"] == 409
    assert f'href="{PAGE}"' in answer["body"]
    assert shelf.store.only.decision is None


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("a=1&a=2", 400, "did not send a form"),
        (f"text={'x' * MAX_FORM_BYTES}", 400, "too long. Go back, shorten it"),
        ("nonsense", 400, "did not send a form"),
        ("form=%ff", 403, "not from your session"),
        ("", 403, "not from your session"),
    ],
    ids=["a field twice", "too long", "no field", "a token that is no text", "nothing"],
)
def test_a_body_that_no_form_sends_is_refused_with_the_reason(shelf: Shelf, body: str, status: int, said: str) -> None:
    session = shelf.session("ada")
    answer = shelf.forms.handle(post(f"{PAGE}/acknowledge", {}, session) | {"body": body}, NOW)
    assert answer["statusCode"] == status
    assert said in answer["body"]


def test_a_second_acknowledgement_is_refused_with_the_person_who_has_the_incident(shelf: Shelf) -> None:
    assert press(shelf, "ada", "acknowledge")["statusCode"] == 303
    answer = press(shelf, "bob", "acknowledge")
    assert answer["statusCode"] == 409
    assert "ada (console) has it already" in answer["body"]


def test_of_two_people_who_saw_the_same_pages_only_the_first_escalates_the_incident(shelf: Shelf) -> None:
    session = shelf.session("ada")
    form = form_in(shelf.see(PAGE, session)["body"], f"{PAGE}/escalate")
    assert shelf.send(f"{PAGE}/escalate", form, session)["statusCode"] == 303
    answer = press(shelf, "bob", "escalate", seen=form["seen"])
    assert answer["statusCode"] == 409
    assert "<h1>Done already</h1>" in answer["body"]
    assert "ada (console) escalated it 0 s ago" in answer["body"]


def test_an_escalation_from_a_page_older_than_the_newest_page_says_when_that_went_out() -> None:
    shelf = Shelf(a_waiting_record(paged_at=NOW, pages=[a_page(), a_page(seq=2, on_call="Bea", at=NOW)]))
    answer = press(shelf, "bob", "escalate", seen="1")
    assert answer["statusCode"] == 409
    assert "Bea was paged 0 s ago, since you looked" in answer["body"]
    assert shelf.executions.told == []


@pytest.mark.parametrize("name", ["text", "reason"])
def test_what_was_typed_into_a_form_after_the_sessions_end_is_shown_to_be_copied(shelf: Shelf, name: str) -> None:
    session = shelf.session("ada", minutes=1)
    form = {"form": form_token(session), name: "Rotated the logs.\r\n$ logrotate -f </textarea><script>"}
    late = shelf.forms.handle(post(f"{PAGE}/note", form, session), NOW + timedelta(minutes=2))
    assert late["statusCode"] == 401
    assert "You are not signed in, or your session is over." in late["body"]
    assert "What you wrote was not stored: copy it before you leave this page." in late["body"]
    assert "Rotated the logs.\r\n$ logrotate -f &lt;/textarea&gt;&lt;script&gt;</textarea>" in late["body"]
    assert shelf.store.only.notes == []


def test_what_was_typed_into_a_form_that_is_refused_is_shown_too_but_not_another_sites_text(shelf: Shelf) -> None:
    refused = press(shelf, "eve", "note", text="Rotated the logs.")
    assert (refused["statusCode"], "Rotated the logs.</textarea>" in refused["body"]) == (403, True)
    session = shelf.session("ada")
    form = {"form": form_token(session), "text": "Call 0900 12345"}
    answer = shelf.send(f"{PAGE}/note", form, session, **{"sec-fetch-site": "cross-site"})
    assert (answer["statusCode"], "0900" in answer["body"]) == (403, False)
    assert "What you wrote" not in press(shelf, "bob", "approve")["body"], "nothing was typed"


def test_a_form_answers_503_while_the_table_fails(shelf: Shelf) -> None:
    session = shelf.session("ada")
    shelf.store.faults["acknowledge"] = HistoryUnavailable("the table")
    answer = shelf.send(f"{PAGE}/acknowledge", {"form": form_token(session)}, session)
    assert answer["statusCode"] == 503


@pytest.mark.parametrize("incident_id", ["a" * 10_000, "é" * 1_500, "\ud800", "..", "a\r\nb", "%00"])
def test_an_odd_incident_id_in_an_address_is_unknown(shelf: Shelf, incident_id: str) -> None:
    ada = shelf.session("ada")
    path = f"/console/incidents/{incident_id}"
    assert shelf.site.handle(get("/", ada) | {"rawPath": path}, NOW)["statusCode"] == 404
    for does in get_args(Does.__value__):
        form = {"form": form_token(ada), "text": "x", "said": "real"}
        answer = shelf.forms.handle(post("/", form, ada) | {"rawPath": f"{path}/{does}"}, NOW)
        assert answer["statusCode"] in (400, 409), does


# The page's field takes 2,000 units of UTF-16: an emoji is two of them, and a line break counts as one.
@pytest.mark.parametrize("text", ["漢" * 2_000, "\U0001f9ef" * 1_000, "x\r\n" * 1_000], ids=["han", "emoji", "lines"])
def test_a_note_of_the_greatest_length_that_the_page_allows_is_stored(shelf: Shelf, text: str) -> None:
    ada = shelf.session("ada")
    answer = shelf.send(f"{PAGE}/note", {"form": form_token(ada), "text": text}, ada)
    assert answer["statusCode"] == 303


def test_who_reopens_what_a_silence_holds_reads_so_in_the_console() -> None:
    shelf = Shelf(a_record(status="CLOSED", closed_at=NOW, resolved_at=NOW, outcome="resolved"))
    hold = Hold(by="silence", id="s-1", reason="Silenced.", until=NOW + timedelta(hours=2), seconds=7_200)
    operations = replace(shelf.forms.operations(), held=lambda _alert, _now: hold)
    shelf.forms = replace(shelf.forms, operations=lambda: operations)

    answer = press(shelf, "ada", "reopen")

    assert answer["headers"]["Location"] == f"{PAGE}?done=held"
    assert (
        "it is held, and nobody else hears of it yet" in read_incident(shelf.store.only, "?done=held", shelf=shelf).text
    )
