"""The console's pages: no text of a stranger becomes markup, links are safe, and unknown addresses are refused."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.channels.incident_links import links_of, safe_link
from firstline.console import assets
from firstline.console.frame import Frame
from firstline.console.incident_page import IncidentView, incident_page, status_part
from firstline.console.plan_page import plan_page
from firstline.console.render import style, style_hash
from firstline.console.sessions import Pass
from firstline.console.web import security_headers
from firstline.incidents.audit_trail import Fact, chained
from firstline.models import AlertLink, Deployment, EarlierIncident
from firstline.policy.holds import Silence
from firstline.policy.match import AlertMatch
from tests.support.browsing import BERLIN
from tests.support.builders import (
    CONSOLE,
    DEADLINE,
    INCIDENT_ID,
    NOW,
    OPENED,
    a_record,
    a_waiting_record,
    an_alert,
    an_incident,
    hostile_notification,
)
from tests.support.memory import MemoryDocuments, MemoryStore
from tests.unit.console.reading import EVIL, ReadPage, in_order, read_incident
from tests.unit.console.shelf import PAGE, Shelf

# --- hostile ----------------------------------------------------------------------------------------------------------


def hostile(filler: str, part: str) -> ReadPage:
    """A page about an incident in which every text of a stranger is this one, longer than the table would take it."""
    record = hostile_notification("paged", filler).record
    assert record.plan is not None
    given = Pass(key="ada", name=filler[:200] or "x", role="approver", expires_at=DEADLINE)
    frame = Frame("firstline-prod", BERLIN, NOW, given, "token", assets.script_name())
    if part == "status":
        return ReadPage(status_part(record, frame))
    if part == "plan":
        documents = MemoryDocuments(script=filler)
        return ReadPage(plan_page(record, record.plan, frame, documents=documents, incidents=MemoryStore().incidents))
    early = EarlierIncident(
        incident_id="Other-1",
        opened_at=OPENED,
        closed_at=NOW,
        severity="high",
        outcome="resolved",
        alert_name=filler[:200],
        note=filler[:300],
        taken_by=filler[:200],
    )
    deployed = Deployment(service=filler[:200], version=filler[:200], deployed_at=OPENED)
    facts = [Fact(what="noted", who=filler, facts={}), Fact(what="classified", who=filler, facts={"reasons": [filler]})]
    entries = chained(INCIDENT_ID, facts, NOW, None)
    view = IncidentView(record, entries=entries, deployments=[deployed], earlier=[early])
    return ReadPage(incident_page(view, frame, execution_url=CONSOLE))


@pytest.mark.parametrize("part", ["incident", "plan", "status"])
@pytest.mark.parametrize("filler", [EVIL, "<!channel> \u202egnp.exe\u2066 \x00 null", "a" * 4_000])
def test_no_text_of_a_stranger_becomes_markup_in_the_console(part: str, filler: str) -> None:
    page, expected = hostile(filler, part), hostile("x", part)
    assert set(page.elements) == set(expected.elements)
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]
    assert "\u202e" not in page.html
    assert "\x00" not in page.html
    allowed = ("/console/", "#plan", "https://")
    assert all((value or "").startswith(allowed) for _, name, value in page.attributes if name in ("href", "src"))


@pytest.mark.parametrize(
    "url",
    [
        "http://wiki.example/plain",
        "javascript:alert(1)",
        "https://",
        "https://bank.example@evil.example/",
        "https://evil.example/\u202egnp",
        "https://evil.example/ space",
        'https://evil.example/"onmouseover=alert(1)',
        "https://evil.example\\@bank.example/",
        "https://bänk.example/",
        "https://[::1",
        "https://a.example:port/",
        "https://a.example/" + "x" * 2_000,
        "data:text/html,x",
        "//evil.example",
        None,
    ],
)
def test_an_address_that_hides_something_is_no_link(url: str | None) -> None:
    assert safe_link("Runbook", url) is None


def test_links_show_their_hosts_runbook_first_and_each_once() -> None:
    alert = an_alert(
        links=[
            AlertLink(kind="dashboard", url="https://grafana.example:3000/d"),
            AlertLink(kind="runbook", url="https://wiki.example/a"),
            AlertLink(kind="a-later-release's", url="https://x.example"),
            AlertLink(kind="runbook", url="http://x.example"),
        ]
    )
    links = links_of(a_record(an_incident(alert)), [alert, alert], CONSOLE)
    assert [(link.label, link.host) for link in links] == [
        ("Runbook", "wiki.example"),
        ("Dashboard", "grafana.example:3000"),
        ("Prometheus", "prometheus.example"),
        ("Link", "x.example"),
        ("Execution", "eu-west-1.console.example"),
    ]


def test_a_long_host_keeps_its_end_which_says_whose_it_is() -> None:
    link = safe_link("Runbook", f"https://grafana.example.com.{'a.' * 60}evil.example/")
    assert link is not None
    assert link.host.endswith(".evil.example")
    assert len(link.host) == 80


def test_the_script_is_sent_compressed_and_may_be_cached_for_ever() -> None:
    answer = Shelf().see(f"/console/{assets.script_name()}")
    assert answer["statusCode"] == 200
    assert len(answer["body"]) < 25_000
    assert "immutable" in answer["headers"]["Cache-Control"]


def test_the_policy_allows_the_pages_own_style_and_nothing_inline() -> None:
    page = read_incident(a_waiting_record())
    assert f"<style>{style()}</style>" in page.html
    policy = security_headers()["Content-Security-Policy"]
    assert f"style-src '{style_hash()}'" in policy
    assert "unsafe" not in policy
    assert page.elements.count("style") == 1
    assert [value for tag, name, value in page.attributes if tag == "script" and name == "src"] == [
        f"/console/{assets.script_name()}"
    ]


# --- other pages ------------------------------------------------------------------------------------------------------


def test_the_page_of_silences_says_who_silenced_what_why_and_for_how_long() -> None:
    shelf = Shelf()
    match = AlertMatch(host=("web-1", "web-2"), labels={"team": ("shop",)})
    fields: dict[str, Any] = {"match": match, "owner": "ada", "reason": EVIL, "created_at": OPENED}
    shelf.silences.save(Silence(id="s-1", expires_at=NOW + timedelta(hours=2), **fields))
    shelf.silences.save(Silence(id="s-2", expires_at=NOW - timedelta(minutes=1), **fields))
    page = ReadPage(shelf.see("/console/silences", shelf.session("eve"))["body"])
    in_order(page, "Active", "host=web-1 host=web-2 labels.team=shop", "until 06:16 (2 h left)", "s-1", "Over", "s-2")
    assert page.elements.count("script") == 1, "the console's own: the reason is text"


def test_an_unknown_address_is_404_another_method_405_and_a_failing_table_503() -> None:
    shelf = Shelf()
    session = shelf.session("ada")
    for address in ("incidents/Unknown-1", f"incidents/{INCIDENT_ID}/nothing", f"incidents/{INCIDENT_ID}/a/b", "x"):
        assert shelf.see(f"/console/{address}", session)["statusCode"] == 404
    event = {"rawPath": PAGE, "requestContext": {"http": {"method": "DELETE"}}}
    assert shelf.site.handle(event, NOW)["statusCode"] == 405
    shelf.store.down = True
    assert shelf.see(PAGE, session)["statusCode"] == 503
