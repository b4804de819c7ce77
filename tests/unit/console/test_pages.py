"""The console's pages: what they say, in which order, how large they are, and that no alert becomes a part of them."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from firstline.channels.links import links_of, safe_link
from firstline.console import assets
from firstline.console.frame import Frame
from firstline.console.incident_page import IncidentView, incident_page, status_part
from firstline.console.metric_chart import metric_chart
from firstline.console.plan_page import plan_page
from firstline.console.render import style, style_hash
from firstline.console.sessions import Pass
from firstline.console.site import DONE
from firstline.console.timeline import timeline
from firstline.console.web import security_headers
from firstline.incidents.audit_trail import Fact, chained
from firstline.incidents.standing import headline
from firstline.models import (
    SEVERITY_RANK,
    AlertLink,
    Deployment,
    EarlierIncident,
    Hold,
    IncidentRecord,
    MetricSeries,
    Note,
)
from firstline.policy.holds import Silence
from firstline.policy.match import AlertMatch
from tests.support.browsing import BERLIN, site_of
from tests.support.builders import (
    CONSOLE,
    DEADLINE,
    INCIDENT_ID,
    NOW,
    OPENED,
    a_classification,
    a_page,
    a_plan,
    a_record,
    a_result,
    a_waiting_record,
    an_alert,
    an_incident,
    hostile_notification,
)
from tests.support.changes import joining
from tests.support.memory import MemoryDocuments, MemoryStore
from tests.unit.console.shelf import PAGE, Shelf

HOST = a_plan().targets[0].instance_id

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&lt;{{7*7}}{% raw %}<style>*{display:none}</style>"


class Seen(HTMLParser):
    """What a browser makes of a page: its elements, their attributes, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]

    def handle_data(self, data: str) -> None:
        if "main" in self.elements or "html" not in self.elements:
            self.text += data


def seen(record: IncidentRecord, part: str = "", name: str = "ada", shelf: Shelf | None = None) -> Seen:
    shelf = shelf or Shelf(record)
    answer = shelf.see(f"/console/incidents/{record.incident.incident_id}{part}", shelf.session(name))
    assert answer["statusCode"] == 200
    return Seen(answer["body"])


def in_order(page: Seen, *says: str) -> None:
    places = [page.text.find(text) for text in says]
    assert -1 not in places, says[places.index(-1)]
    assert places == sorted(places)


def test_an_incident_begins_with_what_somebody_needs_who_was_woken() -> None:
    alert = an_alert(
        links=[AlertLink(kind="runbook", url="https://wiki.example/disk")], annotations={"impact": "no orders"}
    )
    record = a_waiting_record(
        incident=an_incident(alert),
        results=[a_result(kind="diagnose", output="14G /var/log/shop.log")],
        notes=[Note(by="bob", text="Ordered a larger disk.", at=NOW)],
    )
    shelf = Shelf(record)
    deployed = Deployment(service="shop", version="2.14", deployed_at=OPENED - timedelta(minutes=40))
    shelf.store.incidents.save_deployment(deployed)
    in_order(
        seen(record, shelf=shelf),
        "high",
        headline(record),
        "Nobody has it, paged 4 min ago.",
        "It waits for an acknowledgement, or for an approval of “Free disk space”",
        "The disk of web-1 is almost full",
        "impact: no orders",
        "Look at /var/log.",
        "I have it",
        "Resolve",
        "wiki.example",
        "A plan waits for an approval",
        "Approve and run",
        "What ran",
        "14G /var/log/shop.log",
        "Alerts by host",
        "Evidence",
        "shop 2.14, 40 min before",
        "Ordered a larger disk.",
        "Timeline",
        "mountpoint",
    )


@pytest.mark.parametrize(
    ("record", "main"),
    [
        (a_record(pages=[a_page()], paged_at=OPENED), ["acknowledge", "resolve", "escalate"]),
        (a_record(paged_at=OPENED, acknowledged_at=NOW, acknowledged_by="bob"), ["resolve", "escalate"]),
        (a_record(resolved_by="bob", resolved_at=NOW), []),
        (a_record(status="CLOSED", closed_at=NOW, outcome="resolved"), ["reopen"]),
        (a_waiting_record(), ["acknowledge", "resolve", "approve", "refuse", "escalate"]),
        (
            a_waiting_record(a_plan(risk="destructive", decision="approve")),
            ["acknowledge", "resolve", "refuse", "escalate"],
        ),
    ],
    ids=["paged", "taken", "resolved", "closed", "a plan waits", "a plan that loses data waits"],
)
def test_the_buttons_are_those_that_have_an_effect(record: IncidentRecord, main: list[str]) -> None:
    forms = re.findall(rf'action="{PAGE}/(\w+)"', seen(record).html)
    assert [does for does in forms if does not in ("note", "judge")] == main


def test_what_loses_data_is_approved_below_its_scripts() -> None:
    record = a_waiting_record(a_plan(risk="destructive", decision="approve"))
    assert "it can be approved below its scripts" in seen(record).text
    page = seen(record, "/plan")
    in_order(page, "data is lost for good", "2 different people", "logrotate --force", "Approve")
    assert f'action="{PAGE}/approve"' in page.html


def test_a_script_that_cannot_be_read_cannot_be_approved() -> None:
    shelf = Shelf()
    shelf.site = site_of(shelf, MemoryDocuments(script=None))
    page = seen(shelf.store.only, "/plan", shelf=shelf)
    assert "cannot be approved here" in page.text
    assert f'action="{PAGE}/approve"' not in page.html


def test_the_status_comes_alone_for_the_refresh() -> None:
    page = seen(a_waiting_record(), "/status")
    assert page.html.startswith('<section class="card status nobody" id="status"')
    assert f'hx-get="{PAGE}/status"' in page.html
    assert len(page.html) < 1_000


def test_a_page_says_what_a_form_did_and_nothing_else_of_its_address() -> None:
    assert DONE["acknowledge"] in seen(a_waiting_record(), "?done=acknowledge").text
    assert "pwned" not in seen(a_waiting_record(), "?done=pwned").html


def test_personal_data_is_not_shown() -> None:
    alert = an_alert(message="No mail to ada.lovelace@example.com", labels={"user": "ada.lovelace@example.com"})
    page = seen(a_record(an_incident(alert), results=[a_result(output="to: ada.lovelace@example.com")]))
    assert "No mail to" in page.text
    assert "ada.lovelace" not in page.html


def test_alerts_stand_with_their_hosts_worst_first() -> None:
    shelf = Shelf()
    live = shelf.store.only.live
    assert live is not None
    more = [
        an_alert(alert_name="DbDown", severity="critical", host="db-1", fingerprint="f2"),
        an_alert(alert_name="SwapFull", severity="low", host="db-1", fingerprint="f3"),
    ]
    shelf.store.groups.apply(joining(live, *more, now=NOW))
    page = seen(shelf.store.only, shelf=shelf)
    in_order(page, "Alerts by host", "db-1", "DbDown", "SwapFull")


# --- hostile ----------------------------------------------------------------------------------------------------------


def hostile(filler: str, part: str) -> Seen:
    """A page about an incident in which every text of a stranger is this one, longer than the table would take it."""
    record = hostile_notification("paged", filler).record
    assert record.plan is not None
    given = Pass(key="ada", name=filler[:200] or "x", role="approver", expires_at=DEADLINE)
    frame = Frame("firstline-prod", BERLIN, NOW, given, "token", assets.script_name())
    if part == "status":
        return Seen(status_part(record, frame))
    if part == "plan":
        documents = MemoryDocuments(script=filler)
        return Seen(plan_page(record, record.plan, frame, documents=documents, incidents=MemoryStore().incidents))
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
    return Seen(incident_page(view, frame, execution_url=CONSOLE))


@pytest.mark.parametrize("part", ["incident", "plan", "status"])
@pytest.mark.parametrize("filler", [EVIL, "<!channel> \u202egnp.exe\u2066 \x00 null", "a" * 4_000])
def test_no_text_of_a_stranger_becomes_a_part_of_the_page(part: str, filler: str) -> None:
    page, expected = hostile(filler, part), hostile("x", part)
    assert set(page.elements) == set(expected.elements)
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]
    assert "\u202e" not in page.html
    assert "\x00" not in page.html
    allowed = ("/console/", "#plan", "https://")
    assert all((value or "").startswith(allowed) for _, name, value in page.attributes if name in ("href", "src"))


def test_the_list_escapes_too() -> None:
    alert = an_alert(alert_name=EVIL[:200], service=EVIL[:200], host=EVIL[:200])
    shelf = Shelf(a_record(an_incident(alert)))
    page = Seen(shelf.see(f"/console/incidents?q={EVIL[:20]}".replace("&", "%26"), shelf.session("ada"))["body"])
    assert page.elements.count("script") == 1
    assert "img" not in page.elements


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


def test_a_long_host_shows_whose_it_is() -> None:
    link = safe_link("Runbook", f"https://grafana.example.com.{'a.' * 60}evil.example/")
    assert link is not None
    assert (link.host.endswith(".evil.example"), len(link.host)) == (True, 80)


# --- the list ---------------------------------------------------------------------------------------------------------


def many(number: int) -> list[IncidentRecord]:
    """Open incidents with names as long as real ones."""
    names = ("SystemdUnitFailed", "checkout-HighErrorRate5xx", "KubePodCrashLooping", "CertificateExpiresSoon")
    records = []
    for count in range(number):
        severity: Any = ("critical", "high", "medium", "low")[count % 4]
        host = f"web-{count}.eu-west-1.compute.example.com"
        alert = an_alert(alert_name=names[count % 4], host=host, severity=severity, service=f"service-{count % 9}")
        incident_id = f"{names[count % 4]}-{host.replace('.', '-')}-20260301T031200Z-{count:08x}"[-80:]
        incident = an_incident(alert, incident_id=incident_id, group_key=f"g{count}", hosts=[host])
        paged = {"paged_at": OPENED, "pages": [a_page()]} if count % 2 else {}
        records.append(a_record(incident, classification=a_classification(severity=severity), **paged))
    return records


def test_two_hundred_incidents_are_one_small_page() -> None:
    shelf = Shelf(*many(200))
    answer = shelf.see("/console/incidents", shelf.session("ada"))
    assert answer["body"].count("<li") == 200
    assert len(answer["body"].encode()) <= 100_000


def test_of_more_the_page_says_how_many_are_not_shown() -> None:
    shelf = Shelf(*many(203))
    page = shelf.see("/console/incidents", shelf.session("ada"))["body"]
    assert "3 more are not shown" in page
    assert page.count("<li") == 200


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", 8),
        ("?unowned=1", 4),
        ("?severity=critical", 2),
        ("?severity=nonsense", 8),
        ("?service=service-3", 1),
        ("?q=WEB-3.eu", 1),
        ("?q=nothing", 0),
    ],
)
def test_the_filters_stand_in_the_address(query: str, shown: int) -> None:
    shelf = Shelf(*many(8))
    page = shelf.see(f"/console/incidents{query}", shelf.session("eve"))["body"]
    assert page.count("<li") == shown
    assert ("No incident matches." in page) == (shown == 0)


def test_what_was_closed_today_is_shown_when_asked() -> None:
    shelf = Shelf(a_record(status="CLOSED", closed_at=NOW, outcome="auto_resolved"))
    session = shelf.session("ada")
    assert "No incident is open." in shelf.see("/console/incidents", session)["body"]
    assert "Fixed by a runbook, after 4 min" in shelf.see("/console/incidents?closed=1", session)["body"]


# --- sizes ------------------------------------------------------------------------------------------------------------


def test_the_largest_incident_is_a_small_page() -> None:
    text = "All of this was written by a machine that likes to talk. " * 10
    record = a_waiting_record(
        results=[a_result(step_id=f"step-{number}", output=text[:500]) for number in range(40)],
        classification=a_classification(unsure=[text[:300]] * 10, evidence=[text[:300]] * 8, series=METRIC),
    )
    shelf = Shelf(record)
    live = shelf.store.only.live
    assert live is not None
    for start in range(0, 50, 10):
        more = [an_alert(fingerprint=f"f{start + n}", host=f"web-{start + n}", message=text) for n in range(10)]
        shelf.store.groups.apply(joining(live, *more, now=NOW))
        live = shelf.store.only.live
        assert live is not None
    facts = [Fact(what="ran", who="state machine", facts={"step_id": f"s{number}"}) for number in range(99)]
    shelf.store.trail.append(INCIDENT_ID, facts, NOW)
    page = seen(record, shelf=shelf)
    assert len(page.html.encode()) <= 40_000
    assert len(seen(a_waiting_record()).html.encode()) <= 20_000


def test_the_script_is_compressed_and_kept() -> None:
    answer = Shelf().see(f"/console/{assets.script_name()}")
    assert answer["statusCode"] == 200
    assert len(answer["body"]) < 25_000
    assert "immutable" in answer["headers"]["Cache-Control"]


def test_the_policy_allows_the_pages_own_style_and_nothing_inline() -> None:
    page = seen(a_waiting_record())
    assert f"<style>{style()}</style>" in page.html
    policy = security_headers()["Content-Security-Policy"]
    assert f"style-src '{style_hash()}'" in policy
    assert "unsafe" not in policy
    assert page.elements.count("style") == 1
    assert [value for tag, name, value in page.attributes if tag == "script" and name == "src"] == [
        f"/console/{assets.script_name()}"
    ]


# --- other pages ------------------------------------------------------------------------------------------------------


def test_silences_say_who_why_and_how_much_longer() -> None:
    shelf = Shelf()
    match = AlertMatch(host=("web-1", "web-2"), labels={"team": ("shop",)})
    fields: dict[str, Any] = {"match": match, "owner": "ada", "reason": EVIL, "created_at": OPENED}
    shelf.silences.save(Silence(id="s-1", expires_at=NOW + timedelta(hours=2), **fields))
    shelf.silences.save(Silence(id="s-2", expires_at=NOW - timedelta(minutes=1), **fields))
    page = Seen(shelf.see("/console/silences", shelf.session("eve"))["body"])
    in_order(page, "Active", "host=web-1,web-2 labels.team=shop", "until 06:16 (2 h left)", "s-1", "Over", "s-2")
    assert page.elements.count("script") == 1


METRIC = MetricSeries(
    label="<b>CPU</b>, Average; the alarm fires when GreaterThan 90",
    period_seconds=300,
    values=[10.0] * 13 + [55.5, 97.0],
    ends_at=NOW,
    threshold=90.0,
)


def test_an_incident_shows_its_alarms_metric_and_the_threshold() -> None:
    page = seen(a_record(classification=a_classification(series=METRIC)))
    assert page.elements.count("rect") == 15
    in_order(page, "Evidence", "<b>CPU</b>, Average", "The same as a table")
    assert "<b>CPU" not in page.html
    assert "rect" not in seen(a_record(classification=a_classification())).elements


@pytest.mark.parametrize(
    ("values", "threshold", "lines", "heights"),
    [
        ([45, 90], 90, ["0", "90"], [45, 90]),
        ([90, 45], 60, ["0", "60", "90"], [90, 45]),
        ([-30, 60], None, ["-30", "0", "60"], [30, 60]),
        ([0], None, ["0"], [1]),
        ([-5], None, ["-5", "0"], [90]),
    ],
)
def test_a_metrics_bars_stand_on_zero(values: Any, threshold: Any, lines: list[str], heights: list[int]) -> None:
    series = METRIC.model_copy(update={"values": values, "threshold": threshold})
    plot = metric_chart(series, BERLIN)
    assert [line.text for line in plot.lines] == lines
    assert [round(bar.height) for bar in plot.bars] == heights
    assert all(bar.y >= 0 and bar.y + bar.height <= plot.height for bar in plot.bars)


def test_a_metrics_times_are_local_and_its_last_period_ends_with_the_alarm() -> None:
    plot = metric_chart(METRIC, BERLIN)
    assert plot.rows[-1] == [f"{(NOW - timedelta(minutes=5)).astimezone(BERLIN):%H:%M}", "97"]


def test_nothing_but_a_get_is_answered_and_nothing_unknown() -> None:
    shelf = Shelf()
    session = shelf.session("ada")
    for address in ("incidents/Unknown-1", f"incidents/{INCIDENT_ID}/nothing", f"incidents/{INCIDENT_ID}/a/b", "x"):
        assert shelf.see(f"/console/{address}", session)["statusCode"] == 404
    event = {"rawPath": PAGE, "requestContext": {"http": {"method": "DELETE"}}}
    assert shelf.site.handle(event, NOW)["statusCode"] == 405
    shelf.store.down = True
    assert shelf.see(PAGE, session)["statusCode"] == 503


# --- the timeline -----------------------------------------------------------------------------------------------------


def test_the_timeline_has_a_sentence_for_each_entry_in_the_order_of_events() -> None:
    facts = [
        Fact(what="classified", who="rules", facts={"severity": "high", "reasons": ["The source says high."]}),
        Fact(what="planned", who="policy", facts={"decision": "approve", "runbook_id": "low-disk", "reason": "prod"}),
        Fact(what="planned", who="policy", facts={"decision": "none", "runbook_id": "", "reason": "no runbook fits"}),
        Fact(
            what="paged",
            who="state machine",
            facts={
                "number": 1,
                "on_call": "Ana",
                "through": ["sns"],
                "paged_at": (OPENED + timedelta(seconds=1)).isoformat(),
            },
        ),
        Fact(
            what="ran",
            who="state machine",
            facts={"step_id": "clean", "instance_id": "i-0123456789abcdef0", "status": "Success"},
        ),
        Fact(what="joined", who="senders", facts={"joined": 7, "last_at": NOW.isoformat()}),
        Fact(what="acted", who="ada (Slack)", facts={"does": "acknowledge", "acted_at": NOW.isoformat()}),
        Fact(what="acted", who="ada (Slack)", facts={"does": "escalate", "acted_at": NOW.isoformat()}),
    ]
    record = a_record(plan=a_plan())
    lines = [moment.text for moment in timeline(record, chained(INCIDENT_ID, facts, NOW, None))]
    assert lines == [
        "Opened by DiskFull from prometheus",
        "Paged Ana through sns, page 1",
        "Judged high by rules: The source says high.",
        "low-disk asks for an approval: prod",
        "Nothing runs: no runbook fits",
        "clean on web-1: Success",
        "Alerts joined: 7 in all",
        "ada (Slack) asked for the next level",
    ]


def test_it_says_why_no_runbook_runs() -> None:
    shelf = Shelf(a_record(paged_at=OPENED))
    facts = {"decision": "deny", "reason": "low-disk is destructive"}
    shelf.store.trail.append(INCIDENT_ID, [Fact(what="planned", who="policy", facts=facts)], NOW)
    assert "No runbook runs: low-disk is destructive" in seen(shelf.store.only, shelf=shelf).text
    assert "No runbook runs" not in seen(a_waiting_record()).text


def test_it_shows_the_alert_s_words_once() -> None:
    alert = an_alert(message="/var is 97 % full.\nLook at /var/log.")
    summary = "DiskFull on web-1. /var is 97 % full. Look at /var/log."
    record = a_record(an_incident(alert), classification=a_classification(summary=summary))
    assert "The alert says" not in seen(record).text
    other = a_classification(summary="The disk of web-1 is almost full.")
    assert "The alert says" in seen(a_record(an_incident(alert), classification=other)).text


def test_a_broken_trail_is_said_so() -> None:
    shelf = Shelf()
    shelf.store.trail.append(INCIDENT_ID, [Fact(what="acknowledged", who="ada", facts={})], NOW)
    shelf.store.table.update(
        f"TRAIL#{INCIDENT_ID}",
        "000001",
        "SET entry = :e",
        {":e": shelf.store.trail.entries(INCIDENT_ID)[0].model_copy(update={"who": "eve"}).model_dump_json()},
    )
    assert "The trail is broken at entry 1" in seen(shelf.store.only, shelf=shelf).text


def test_times_are_local() -> None:
    hold = Hold(by="silence", id="s1", reason="ada silenced it.", until=DEADLINE, seconds=60)
    page = seen(a_record(classification=a_classification(hold=hold)))
    assert "at 04:39 it is judged again" in page.text
    assert DEADLINE.astimezone(BERLIN).hour == 4
    assert SEVERITY_RANK["high"] == 3
