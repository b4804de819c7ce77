"""The console in a real browser that runs no script: sign in, see who has what, take it, resolve it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from firstline.console import page_links
from firstline.policy.people import Person
from firstline_cli.main import app
from tests.e2e.browser import Browser, Browsers
from tests.e2e.running import LocalStack

pytestmark = pytest.mark.needs("browser")

PHONE, DESK = (390, 844), (1280, 800)
SMALL_PHONE = (360, 740)
MOST_TAPS = 3


def _ticket(stack: LocalStack, incident: str = "") -> str:
    """The link that `firstline console` makes for ada."""
    arguments = ["console", *([incident] if incident else []), "--show", "--stack", json.dumps(stack.line)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def _sign_in(window: Browser, ticket: str) -> None:
    window.open(ticket)
    window.click("button.main")
    window.wait_text("h1", "Incidents")


def _looks_well(window: Browser, what: str, *, main: str | None = None) -> None:
    """Check the page that is open in both sizes and both colour schemes."""
    for width, height, scheme in ((*PHONE, "light"), (*PHONE, "dark"), (*DESK, "light"), (*DESK, "dark")):
        shown = f"{what}, {width} px, {scheme}"
        with window.shown(width, height, scheme):
            assert window.sideways() <= 0, shown
            assert window.lowest("main button, main a.button, main select, summary, nav a") >= 44, shown
            if main is not None:
                assert window.bottom_of(main) <= height, f"{shown}: the first thing to do is not on the first screen"
    with window.shown(*SMALL_PHONE):
        assert window.sideways() <= 0, what
        if window.has("nav a"):
            bottoms = {window.bottom_of(f"nav a:{which}-child") for which in ("first", "last")}
            assert len(bottoms) == 1, f"{what}: the names of the pages do not stand in one line"


def _is_for_everybody(window: Browser, what: str, *schemes: str) -> None:
    """Check the page that is open against axe-core's rules, each of which takes a second."""
    for scheme in schemes:
        with window.shown(*(PHONE if scheme == "light" else DESK), scheme):
            assert window.violations() == [], f"{what}, {scheme}"


def test_a_person_takes_and_resolves_an_incident(stack: LocalStack, browsers: Browsers) -> None:
    # Given a critical alert that nobody has
    alert: dict[str, Any] = {
        "alert_name": "E2eConsole",
        "severity": "critical",
        "service": "checkout",
        "message": "Customers cannot pay. <script>document.title = 'pwned'</script>",
        "labels": {"runbook_url": "https://wiki.example/checkout"},
    }
    incident = stack.open("generic", alert)
    stack.wait_for(incident, "acknowledgement")

    with browsers.window() as window:
        # When ada opens her link
        window.open(_ticket(stack))
        _looks_well(window, "sign in", main="button.main")
        window.click("button.main")

        # Then she sees who has what, what nobody has first,
        window.wait_text("h1", "Incidents")
        assert "Nobody has it" in window.text(".list li:first-child")
        _looks_well(window, "list", main=".list li")

        # and the incident, of which one press makes her the owner.
        window.click(f".list a[href='incidents/{incident}']")
        window.wait_text("#status", "Nobody has it")
        assert "Customers cannot pay. <script>" in window.text()
        assert "wiki.example" in window.text(".links")
        _looks_well(window, "incident", main=".bar button")
        window.click(".bar button.main")
        window.wait_text(".said", "You have the incident.")
        assert "ada (console) has it" in window.text("#status")
        record = stack.wait_for(incident, "resolution")
        assert record.acknowledged_by == "ada (console)"
        stack.wait_told(incident, "pagerduty", "acknowledge")

        # And when she resolves it, it is over.
        window.click(".bar button.main")
        window.wait_text(".said", "Resolved.")
        assert stack.wait_closed(incident).resolved_by == "ada (console)"


def test_a_person_gives_the_shift_to_herself_and_takes_that_back(stack: LocalStack, browsers: Browsers) -> None:
    with browsers.window() as window:
        _sign_in(window, _ticket(stack))
        window.open(f"{stack.line['api']}/console")
        assert "Incidents" in window.text("h1")
        window.open(f"{stack.line['api']}/console/oncall")
        window.click("summary")
        window.click("form[action$='/override'] button")
        window.wait_text(".said", "The override is made, and everybody was told.")
        _looks_well(window, "on call, with an override")
        window.click("form[action$='/withdraw'] button")
        window.wait_text(".said", "The override is withdrawn, and everybody was told.")


def test_pages_open_until_a_person_leaves_and_her_link_does_not_let_her_in_again(
    stack: LocalStack, browsers: Browsers
) -> None:
    ticket = _ticket(stack)
    with browsers.window() as window:
        _sign_in(window, ticket)
        for page, title in (("oncall", "On call"), ("silences", "Silences"), ("reports", "The last 7 days")):
            window.open(f"{stack.line['api']}/console/{page}")
            assert title in window.text("h1")
            _looks_well(window, page)

        window.click(".me button")
        window.wait_text("main", "You have left the console.")
        window.open(f"{stack.line['api']}/console/incidents")
        assert "You are not signed in" in window.text()

        window.open(ticket)
        window.click("button.main")
        window.wait_text("[role=alert]", "used already")


def test_from_the_page_to_the_acknowledgement_it_takes_at_most_three_taps_on_a_phone(
    stack: LocalStack, browsers: Browsers
) -> None:
    alert = {"alert_name": "E2eTaps", "severity": "critical", "service": "checkout", "message": "Customers cannot pay."}
    incident = stack.open("generic", alert)
    stack.wait_for(incident, "acknowledgement")
    with browsers.window() as window:
        window.open(_text_messages_link(stack, incident))
        taps = 1  # on the link
        with window.as_on_a_phone():
            assert window.bottom_of("button.main") <= PHONE[1], "nobody has to scroll"
        window.click("button.main")
        window.wait_text(".said", "You have the incident.")
        taps += window.taps
    assert stack.wait_for(incident, "resolution").acknowledged_by == "ada (console)"
    assert taps == 2 <= MOST_TAPS


def _text_messages_link(stack: LocalStack, incident: str) -> str:
    """The link that a text message has for ada."""
    name = f"{stack.line['outputs']['SecretsPrefix']}/{page_links.SECRET}"
    key = stack.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    ada = Person(key="ada", name="ada", role="approver")
    return page_links.address(ada, incident, stack.line["api"], [key], datetime.now(UTC))


def test_axe_finds_nothing_serious(stack: LocalStack, browsers: Browsers) -> None:
    alert = {"alert_name": "E2eAxe", "severity": "critical", "service": "checkout", "message": "Customers cannot pay."}
    incident = stack.open("generic", alert)
    stack.wait_for(incident, "acknowledgement")
    with browsers.window(scripts=True) as window:
        window.open(_ticket(stack, incident))
        _is_for_everybody(window, "sign in", "light")
        window.click("button.main")
        window.wait_text("#status", "Nobody has it")
        _is_for_everybody(window, "incident", "light", "dark")
        for page, scheme in (("incidents", "light"), ("oncall", "light"), ("reports", "dark")):
            window.open(f"{stack.line['api']}/console/{page}")
            _is_for_everybody(window, page, scheme)


def test_a_page_shows_who_took_the_incident_meanwhile_and_keeps_what_was_typed(
    stack: LocalStack, browsers: Browsers
) -> None:
    alert = {"alert_name": "E2eForm", "severity": "critical", "service": "checkout", "message": "Customers cannot pay."}
    incident = stack.open("generic", alert)
    stack.wait_for(incident, "acknowledgement")
    with browsers.window(scripts=True) as window:
        window.open(_ticket(stack, incident))
        window.click("button.main")
        window.wait_text("#status", "Nobody has it")

        window.type("#text", "It is the payment provider")
        stack.press(incident, "acknowledge", user="bob")
        window.come_back()

        window.wait_text("#status", "bob (Slack) has it")
        assert window.value("#text") == "It is the payment provider"
