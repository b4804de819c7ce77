"""The right to look and to act in the console: tickets, links, sessions, passes."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from firstline.console import page_links
from firstline.console.sessions import Pass, form_token, hash_of
from firstline.policy.people import Person
from tests.support.browsing import cookie_in, form_in, post, signed
from tests.support.builders import INCIDENT_ID, NOW, a_waiting_record
from tests.unit.console.shelf import KEYS, PAGE, PEOPLE, Shelf

ADA = "arn:aws:iam::123456789012:user/ada"
BOB = Person(key="bob", name="bob", role="operator")


def ticket_of(shelf: Shelf, name: str = "ada") -> str:
    person = PEOPLE.named(name)
    assert person is not None
    return shelf.forms.ticket_for(person, "https://api.example", NOW).partition("ticket=")[2]


def link_of(person: Person = BOB, incident_id: str = INCIDENT_ID) -> str:
    address = page_links.address(person, incident_id, "https://api.example", KEYS, NOW)
    return address.partition("link=")[2]


def forgeries(link: str) -> list[str]:
    """Return a link of bob's with one part altered each: its end, its person, its role, its time; or cut or padded."""
    name, _, seal = link.partition(".")
    sealed = urlsafe_b64decode(seal)

    def changed(byte: int) -> str:
        altered = bytes(value ^ (number == byte) for number, value in enumerate(sealed))
        return f"{name}.{urlsafe_b64encode(altered).decode()}"

    return [changed(20), f"ada.{seal}", changed(0), changed(1), f"{link}==", link[:-4], ""]


def enter(shelf: Shelf, minutes: float = 0, **form: str) -> dict[str, Any]:
    return shelf.forms.handle(post("/console/enter", form), NOW + timedelta(minutes=minutes))


# --- tickets ----------------------------------------------------------------------------------------------------------


def test_a_signed_request_gets_a_ticket_that_opens_the_console_once(shelf: Shelf) -> None:
    answer = shelf.forms.handle(signed("/console/tickets", ADA), NOW)
    assert answer["statusCode"] == 200
    assert "ada's, good once" in answer["body"]
    ticket = answer["body"].partition("ticket=")[2].partition('"')[0]

    answer = enter(shelf, ticket=ticket, do="look")
    assert (answer["statusCode"], answer["headers"]["Location"]) == (303, "/console/incidents")
    (cookie,) = answer["cookies"]
    assert cookie.startswith("__Host-firstline=")
    assert cookie.endswith("; Path=/; Max-Age=28800; HttpOnly; Secure; SameSite=Lax")
    assert shelf.see("/console/incidents", cookie_in(answer))["statusCode"] == 200

    answer = enter(shelf, ticket=ticket, do="look")
    assert (answer["statusCode"], cookie_in(answer)) == (403, "")


@pytest.mark.parametrize(
    ("body", "page"),
    [
        pytest.param(f'{{"incident": "{INCIDENT_ID}"}}', PAGE, id="an incident"),
        pytest.param('{"incident": "//evil.example"}', "/console/incidents", id="an address"),
        pytest.param('{"incident": 1}', "/console/incidents", id="a number"),
        pytest.param("[]", "/console/incidents", id="no object"),
        pytest.param("\ud83d", "/console/incidents", id="no JSON"),
        pytest.param("[" * 200_000, "/console/incidents", id="JSON that is too deep"),
    ],
)
def test_a_ticket_opens_the_incident_that_its_request_names_or_else_the_list(
    shelf: Shelf, body: str, page: str
) -> None:
    answer = shelf.forms.handle(signed("/console/tickets", ADA) | {"body": body}, NOW)
    address = json.loads(answer["body"])["url"].removeprefix("https://api.example")
    form = form_in(shelf.see(address)["body"], "/console/enter")
    assert enter(shelf, minutes=0, **form)["headers"]["Location"] == page


def test_a_caller_who_is_not_listed_gets_no_ticket(shelf: Shelf) -> None:
    answer = shelf.forms.handle(signed("/console/tickets", "arn:aws:iam::123456789012:user/mallory"), NOW)
    assert answer["statusCode"] == 403
    assert "user/mallory belongs to nobody in runbooks/policy/people.yaml" in answer["body"]
    assert shelf.forms.handle(post("/console/tickets", {}), NOW)["statusCode"] == 403, "without a signature"


@pytest.mark.parametrize("ticket", ["", "forged", "x" * 3_000, "\ud83d", "ticket&ticket=2"])
def test_a_forged_ticket_opens_nothing(shelf: Shelf, ticket: str) -> None:
    ticket_of(shelf)
    answer = enter(shelf, ticket=ticket.encode("utf-8", "replace").decode(), do="look")
    assert answer["statusCode"] == 403
    assert not cookie_in(answer)


def test_a_ticket_is_good_for_less_than_a_minute(shelf: Shelf) -> None:
    assert enter(shelf, minutes=0.99, ticket=ticket_of(shelf))["statusCode"] == 303
    assert enter(shelf, minutes=1, ticket=ticket_of(shelf))["statusCode"] == 403


def test_a_late_try_uses_a_ticket_up(shelf: Shelf) -> None:
    ticket = ticket_of(shelf)
    enter(shelf, minutes=1, ticket=ticket)
    assert enter(shelf, minutes=0, ticket=ticket)["statusCode"] == 403


def test_a_ticket_is_no_session_and_a_session_no_ticket(shelf: Shelf) -> None:
    assert shelf.see("/console/incidents", ticket_of(shelf))["statusCode"] == 401
    assert enter(shelf, ticket=shelf.session("ada"))["statusCode"] == 403


def test_opening_links_without_their_form_changes_nothing(shelf: Shelf) -> None:
    ticket, session = ticket_of(shelf), shelf.session("ada")
    before = shelf.store.client.snapshot()
    addresses = [f"/console/enter?ticket={ticket}", f"/console/enter/{INCIDENT_ID}?link={link_of()}", PAGE]
    for number in range(10_000):
        # Every thousandth has a session, and reads all of the incident.
        address = addresses[2 if number % 1_000 == 0 else number % 2]
        assert shelf.see(address, session if address == PAGE else "")["statusCode"] == 200
    assert shelf.store.client.snapshot() == before
    assert enter(shelf, ticket=ticket)["statusCode"] == 303, "and it still opens the console"


# --- links in pages ---------------------------------------------------------------------------------------------------


def test_a_link_in_a_text_message_acknowledges_in_one_press_and_is_good_for_nothing_more(shelf: Shelf) -> None:
    page = shelf.see(f"/console/enter/{INCIDENT_ID}?link={link_of()}")["body"]
    answer = enter(shelf, minutes=0, **form_in(page, "/console/enter"), do="acknowledge")
    assert answer["headers"]["Location"] == f"{PAGE}?done=acknowledge"
    assert shelf.store.only.acknowledged_by == "bob (console)"
    shown = shelf.see(PAGE, cookie_in(answer))["body"]
    assert "bob (console) has it" in shown
    assert 'action="' not in shown.replace('action="/console/leave"', ""), "the link is good for nothing more"


def test_a_link_in_a_text_message_may_be_opened_again_after_the_acknowledgement(shelf: Shelf) -> None:
    form = {"link": link_of(), "incident": INCIDENT_ID, "do": "acknowledge"}
    enter(shelf, minutes=0, **form)
    answer = enter(shelf, minutes=1, **form)
    assert (answer["statusCode"], answer["headers"]["Location"]) == (303, PAGE)


@pytest.mark.parametrize(
    ("form", "minutes"),
    [
        *(({"link": forged, "incident": INCIDENT_ID}, 0) for forged in forgeries(link_of())),
        ({"link": link_of(), "incident": "Other-20260301"}, 0),
        ({"link": link_of(incident_id="Other-20260301"), "incident": INCIDENT_ID}, 0),
        ({"link": link_of(), "incident": INCIDENT_ID}, 12 * 60),
        ({"link": link_of(Person(key="mallory", name="mallory", role="approver")), "incident": INCIDENT_ID}, 0),
    ],
    ids=[
        *("end", "person", "role", "time", "padded", "short", "empty"),
        *("presented for another incident", "made for another incident", "over", "of who left the list"),
    ],
)
def test_a_forged_foreign_or_old_link_opens_nothing(shelf: Shelf, form: dict[str, str], minutes: float) -> None:
    answer = enter(shelf, minutes=minutes, **form, do="acknowledge")
    assert (answer["statusCode"], cookie_in(answer)) == (403, "")
    assert shelf.store.only.acknowledged_at is None


def test_without_a_key_no_link_in_a_text_message_opens_the_console(shelf: Shelf) -> None:
    closed = replace(shelf.forms, link_keys=lambda: ())
    answer = closed.handle(post("/console/enter", {"link": link_of(), "incident": INCIDENT_ID}), NOW)
    assert answer["statusCode"] == 403
    assert "the stack has no secret console/link-key" in answer["body"]


def test_a_link_in_a_text_message_shows_its_incident_and_no_other_page(shelf: Shelf) -> None:
    other = a_waiting_record().incident.model_copy(update={"incident_id": "Other-1", "group_key": "g2"})
    shelf.store.put(a_waiting_record(incident=other))
    session = shelf.session("bob", INCIDENT_ID)
    assert shelf.see(PAGE, session)["statusCode"] == 200
    assert shelf.see("/console/incidents/Other-1", session)["statusCode"] == 403
    assert shelf.see("/console/incidents/Other-1/plan", session)["statusCode"] == 403
    for name in ("incidents", "oncall", "silences", "reports"):
        assert shelf.see(f"/console/{name}", session)["headers"]["Location"] == PAGE


# --- sessions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["incidents", f"incidents/{INCIDENT_ID}", "oncall", "silences", "reports", "nothing"]
)
def test_without_a_session_every_page_answers_401_and_names_no_alert(shelf: Shelf, address: str) -> None:
    for session in ("", "forged", shelf.session("ada", minutes=0)):
        answer = shelf.see(f"/console/{address}", session)
        assert answer["statusCode"] == 401
        assert "DiskFull" not in answer["body"]


def test_leaving_ends_the_session_and_deletes_the_cookie(shelf: Shelf) -> None:
    session = shelf.session("ada")
    form = form_in(shelf.see("/console/incidents", session)["body"], "/console/leave")
    assert shelf.send("/console/leave", form, session)["cookies"][0].startswith("__Host-firstline=; Path=/; Max-Age=0")
    assert shelf.see("/console/incidents", session)["statusCode"] == 401


def test_the_table_stores_no_token_in_clear(shelf: Shelf) -> None:
    tokens = [ticket_of(shelf), shelf.session("ada")]
    stored = str(shelf.store.client.snapshot())
    assert "SESSION#" in stored
    assert not [token for token in tokens if token in stored]


def test_a_pass_for_one_incident_only_acknowledges(shelf: Shelf) -> None:
    given = Pass(key="ada", name="ada", role="approver", incident_id=INCIDENT_ID, expires_at=NOW)
    assert [does for does in ("acknowledge", "resolve", "note", "approve") if given.may(does, INCIDENT_ID)] == [
        "acknowledge"
    ]
    assert not given.may("acknowledge", "Other-1")


def test_a_person_from_slack_who_is_not_listed_acts_under_their_name_but_cannot_approve(shelf: Shelf) -> None:
    person = PEOPLE.of_slack("U0ZOE", "zoe")
    ticket = shelf.forms.ticket_for(person, "https://api.example", NOW, to=INCIDENT_ID)
    form = form_in(shelf.see(ticket.removeprefix("https://api.example"))["body"], "/console/enter")
    session = cookie_in(enter(shelf, minutes=0, **form))
    answer = shelf.send(f"{PAGE}/acknowledge", {"form": form_token(session)}, session)
    assert answer["statusCode"] == 303
    assert shelf.store.only.acknowledged_by == "zoe (console)"
    assert shelf.send(f"{PAGE}/approve", {"form": form_token(session)}, session)["statusCode"] == 403


# --- what nobody types by mistake -------------------------------------------------------------------------------------


def test_a_readers_link_only_reads(shelf: Shelf) -> None:
    eve = Person(key="eve", name="eve", role="reader")
    answer = enter(shelf, link=link_of(eve), incident=INCIDENT_ID, do="look")
    session = cookie_in(answer)
    page = shelf.see(PAGE, session)
    assert page["statusCode"] == 200
    assert f"{PAGE}/acknowledge" not in page["body"]
    assert shelf.send(f"{PAGE}/acknowledge", {"form": form_token(session)}, session)["statusCode"] == 403


@pytest.mark.parametrize("kind", ["SESSION", "TICKET"])
def test_a_pass_of_another_version_signs_nobody_in(shelf: Shelf, kind: str) -> None:
    pk = f"{kind}#{hash_of('token')}"
    shelf.store.table.put({"pk": pk, "sk": kind, "pass": '{"key": "ada", "powers": []}', "at": "x"})
    assert shelf.see(PAGE, "token")["statusCode"] == 401
    assert enter(shelf, ticket="token")["statusCode"] == 403


def test_a_visitor_does_not_read_that_a_key_could_be_guessed(shelf: Shelf) -> None:
    forms = shelf.forms
    closed = replace(forms, link_keys=lambda: ("short",))
    answer = closed.handle(post("/console/enter", {"link": "x.y", "incident": INCIDENT_ID}), NOW)
    assert answer["statusCode"] == 403
    assert "characters can be guessed" not in answer["body"]
    assert "owner mends a key" in answer["body"]
