"""The list of incidents: its size, its filters, and what was closed."""

from typing import Any

import pytest

from firstline.models import IncidentRecord
from firstline.models.incident import TEST
from tests.support.builders import NOW, OPENED, a_classification, a_page, a_record, an_alert, an_incident
from tests.unit.console.reading import EVIL, ReadPage
from tests.unit.console.shelf import Shelf


def test_no_text_of_a_stranger_becomes_markup_in_the_list() -> None:
    alert = an_alert(alert_name=EVIL[:200], service=EVIL[:200], host=EVIL[:200])
    shelf = Shelf(a_record(an_incident(alert)))
    page = ReadPage(shelf.see(f"/console/incidents?q={EVIL[:20]}".replace("&", "%26"), shelf.session("ada"))["body"])
    assert page.elements.count("script") == 1, "the console's own"
    assert "img" not in page.elements


def many(number: int) -> list[IncidentRecord]:
    """Return open incidents with names as long as real ones, each of a service of its own (up to nine).

    Every fourth is critical, and every second was paged and is unowned. Their ids end with 00000000, 00000001, ...
    """
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


@pytest.mark.parametrize("path", ["/console", "/console/"])
def test_the_consoles_address_leads_to_the_list_also_with_a_slash(path: str) -> None:
    answer = Shelf(a_record()).see(path)
    assert (answer["statusCode"], answer["headers"]["Location"]) == (303, "/console/incidents")


def test_a_list_of_two_hundred_incidents_has_at_most_100_kb() -> None:
    shelf = Shelf(*many(200))
    answer = shelf.see("/console/incidents", shelf.session("ada"))
    assert answer["body"].count("<li") == 200
    assert len(answer["body"].encode()) <= 100_000


def test_a_list_says_how_many_incidents_beyond_two_hundred_are_not_shown() -> None:
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
def test_a_list_shows_the_incidents_that_the_filters_in_its_address_let_through(query: str, shown: int) -> None:
    shelf = Shelf(*many(8))  # of eight services; every fourth is critical, every second unowned
    page = shelf.see(f"/console/incidents{query}", shelf.session("eve"))["body"]
    assert page.count("<li") == shown
    assert ("No incident matches." in page) == (shown == 0)


@pytest.mark.parametrize("service", ["mail", "service-3", "SERVICE-3"])
def test_a_filter_by_a_service_stays_chosen_also_without_an_incident_of_it(service: str) -> None:
    shelf = Shelf(*many(8))
    page = shelf.see(f"/console/incidents?service={service}", shelf.session("eve"))["body"]
    chosen = page.partition("<option selected>")[2].partition("<")[0]
    assert chosen.casefold() == service.casefold()
    assert ("Show all that are open" in page) == (service == "mail")


def test_the_service_of_a_test_alert_is_no_choice_of_the_filter() -> None:
    drill = an_incident(an_alert(service="drill", labels={TEST: "alarm"}), incident_id="drill-0001", group_key="drill")
    shelf = Shelf(*many(2), a_record(drill))
    page = shelf.see("/console/incidents", shelf.session("ada"))["body"]
    assert "<option>service-1</option>" in page
    assert "<option>drill</option>" not in page


@pytest.mark.parametrize(
    ("address", "to"),
    [
        ("00000001", "00000001"),
        ("00000001/plan", "00000001/plan"),
        ("0001", "00000001"),
        ("00000009", None),
        ("001", None),
        ("412Z-00000001", None),
        ("%2E%2E", None),
    ],
    ids=["eight characters", "and the plan", "four characters", "unknown", "three characters", "a wrong one", "no id"],
)
def test_the_end_of_an_id_from_four_characters_on_opens_the_incident(address: str, to: str | None) -> None:
    records = many(3)  # their ids end with 00000000, 00000001 and 00000002
    shelf = Shelf(*records)
    answer = shelf.see(f"/console/incidents/{address}", shelf.session("ada"))
    if to is None:
        assert answer["statusCode"] == 404
    else:
        known = records[1].incident.incident_id.removesuffix("00000001")
        assert (answer["statusCode"], answer["headers"]["Location"]) == (303, f"/console/incidents/{known}{to}")


def test_the_end_of_two_ids_is_answered_with_the_number_and_the_list() -> None:
    shelf = Shelf(*(a_record(an_incident(incident_id=f"Disk-{n}-00ff", group_key=n)) for n in ("a", "b")))
    answer = shelf.see("/console/incidents/00ff", shelf.session("ada"))
    assert answer["statusCode"] == 404
    assert "2 incidents&#39; ids end with 00ff" in answer["body"]
    assert 'href="/console/incidents"' in answer["body"]


def test_a_visitor_with_a_link_finds_no_incident_by_the_end_of_its_id() -> None:
    shelf = Shelf(*many(1))
    session = shelf.session("bob", incident_id="another")
    assert shelf.see("/console/incidents/00000000", session)["statusCode"] == 403


def test_incidents_closed_within_a_day_are_listed_only_on_request() -> None:
    shelf = Shelf(a_record(status="CLOSED", closed_at=NOW, outcome="auto_resolved"))
    session = shelf.session("ada")
    assert "No incident is open." in shelf.see("/console/incidents", session)["body"]
    assert "Fixed by a runbook, after 4 min" in shelf.see("/console/incidents?closed=1", session)["body"]
