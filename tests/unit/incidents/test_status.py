"""The status of an incident in words, and the order and filters of a list of incidents."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from firstline.incidents.status import Filter, listing, status_of
from firstline.models import Hold, IncidentRecord
from tests.support.builders import (
    DEADLINE,
    NOW,
    OPENED,
    a_classification,
    a_page,
    a_plan,
    a_record,
    a_waiting_record,
    an_alert,
    an_incident,
)

BERLIN = ZoneInfo("Europe/Berlin")
LATER = OPENED + timedelta(minutes=12)
LOW = a_classification(severity="low")
HOLD = Hold(by="silence", id="s1", reason="ada silenced it.", until=DEADLINE, seconds=60)
RUNS: dict[str, Any] = {"plan": a_plan(), "awaiting": "recovery", "classification": LOW}
PAGED: dict[str, Any] = {"paged_at": OPENED, "pages": [a_page()]}
TWICE: dict[str, Any] = {**PAGED, "pages": [a_page(), a_page(seq=2)], "page_again_at": OPENED + timedelta(minutes=15)}
TAKEN: dict[str, Any] = {**PAGED, "acknowledged_at": OPENED + timedelta(minutes=2), "acknowledged_by": "ada"}
ENDED: dict[str, Any] = {"resolved_at": LATER - timedelta(minutes=3)}
CLOSED: dict[str, Any] = {"status": "CLOSED", "closed_at": NOW}


@pytest.mark.parametrize(
    ("case", "record", "sentence", "holder"),
    [
        (
            "paged twice",
            a_record(**TWICE),
            "Nobody has it, paged 2×, first 12 min ago. It waits for an acknowledgement; "
            "at 04:27 the next page goes out.",
            "nobody",
        ),
        (
            "the next page is late",
            a_record(**{**PAGED, "page_again_at": NOW}),
            "Nobody has it, paged 12 min ago. It waits for an acknowledgement; the next page goes out now.",
            "nobody",
        ),
        (
            "the first page is claimed",
            a_record(paged_seq=1),
            "Nobody has it, the first page is going out. It waits for an acknowledgement.",
            "nobody",
        ),
        (
            "paged with a plan",
            a_waiting_record(),
            "Nobody has it, paged 12 min ago. "
            "It waits for an acknowledgement, or for an approval of “Free disk space”.",
            "nobody",
        ),
        (
            "taken",
            a_record(**TAKEN),
            "ada has it, for 10 min. It waits for its alerts to end, or for Resolve.",
            "person",
        ),
        (
            "taken, while a plan still waits",
            a_waiting_record(**TAKEN),
            "ada has it, for 10 min. "
            "It waits for its alerts to end, for Resolve, or for an approval of “Free disk space”.",
            "person",
        ),
        (
            "taken, and paged again for something worse",
            a_record(**TAKEN, acked_seq=1, paged_seq=2, page_done=2),
            "Nobody has it, paged 2×, first 12 min ago. It waits for an acknowledgement.",
            "nobody",
        ),
        (
            "taken and over",
            a_record(**TAKEN, **ENDED),
            "ada has it, for 10 min. It waits for 5 min of quiet; at 04:26 it is closed.",
            "person",
        ),
        (
            "resolved by hand",
            a_record(**PAGED, resolved_at=NOW, resolved_by="bob"),
            "bob resolved it. It waits for Firstline to close it.",
            "person",
        ),
        (
            "over",
            a_record(**PAGED, **ENDED),
            "Nothing fires any more. It waits for 5 min of quiet; at 04:26 it is closed.",
            "firstline",
        ),
        (
            "flapping",
            a_record(**ENDED, flapping=True),
            "Nothing fires any more. It waits for a quiet time, because it comes and goes.",
            "firstline",
        ),
        ("not judged", a_record(classification=None), "Firstline judges it. It waits for a verdict.", "firstline"),
        (
            "held",
            a_record(classification=a_classification(hold=HOLD)),
            "Held: ada silenced it. It waits for the end of that; at 04:39 it is judged again.",
            "firstline",
        ),
        (
            "held by the silence that is left, which ends before the first would have",
            a_record(classification=a_classification(hold=HOLD), held_until=DEADLINE + timedelta(hours=1)),
            "Held: ada silenced it. It waits for the end of that; at 04:39 it is judged again.",
            "firstline",
        ),
        (
            "a runbook runs",
            a_record(**RUNS),
            "Firstline deals with it. It waits for the runbook “Free disk space”.",
            "firstline",
        ),
        (
            "the runbook did not help",
            a_record(**{**RUNS, "awaiting": "resolution", "shown": 1}),
            "Nobody has it, nobody was paged, open for 12 min. It waits for somebody to take it.",
            "nobody",
        ),
        ("classified just now", a_record(classification=LOW), "Firstline is about to tell people.", "firstline"),
        (
            "told, with a plan",
            a_record(classification=LOW, plan=a_plan(decision="approve"), awaiting="resolution", shown=1),
            "Nobody has it, nobody was paged, open for 12 min. It waits for an approval of “Free disk space”.",
            "nobody",
        ),
        ("fixed", a_record(**CLOSED, outcome="auto_resolved"), "Fixed by a runbook, after 4 min.", "over"),
        (
            "resolved by a person, who is not asked again",
            a_record(**CLOSED, outcome="resolved", resolved_by="bob", resolved_at=NOW),
            "Resolved by bob, after 4 min.",
            "over",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 50 else "",
)
def test_a_status_says_who_has_it_what_it_waits_for_and_until_when(
    case: str, record: IncidentRecord, sentence: str, holder: str
) -> None:
    status = status_of(record, LATER)
    assert (status.sentence(BERLIN, LATER), status.holder) == (sentence, holder), case
    assert status.unowned == (holder == "nobody")
    assert status.age == timedelta(minutes=4 if holder == "over" else 12)


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (a_waiting_record(), "Nobody has it, paged 12 min ago, waits for a yes to “Free disk space”"),
        (a_waiting_record(**TAKEN), "ada has it, for 10 min, waits for a yes to “Free disk space”"),
        (a_waiting_record(decision="refused", decided_by="ada"), "Nobody has it, paged 12 min ago"),
        (
            a_waiting_record(**CLOSED, outcome="resolved", resolved_by="bob", resolved_at=NOW),
            "Resolved by bob, after 4 min",
        ),
        (a_waiting_record(**ENDED), "Nothing fires any more, 5 min of quiet"),
        (a_record(**RUNS), "Firstline deals with it, the runbook “Free disk space”"),
        (a_record(**TAKEN), "ada has it, for 10 min"),
    ],
    ids=[
        "it waits",
        "taken, and it waits",
        "it was refused",
        "closed before an answer",
        "over before an answer",
        "it runs",
        "taken, without a plan",
    ],
)
def test_a_line_of_a_list_names_a_plan_that_waits_for_approval(record: IncidentRecord, line: str) -> None:
    assert status_of(record, LATER).line == line


def test_an_owner_is_a_name_and_nothing_else() -> None:
    status = status_of(a_record(**{**TAKEN, "acknowledged_by": "ada\n\u202e" + "a" * 200}), LATER)
    assert status.owner is not None
    assert len(status.owner) == 80
    assert status.owner.isprintable()


def test_the_short_id_is_the_end_of_the_id() -> None:
    assert status_of(a_record(an_incident(incident_id="DiskFull-web-1-20260302-0a1b2c3d")), NOW).short_id == "0a1b2c3d"


def of(name: str, minutes: int = 0, severity: Any = "high", **changes: Any) -> IncidentRecord:
    alert = an_alert(alert_name=name, host=f"host-of-{name}", service=f"service-of-{name}", severity=severity)
    incident = an_incident(alert, incident_id=name, opened_at=OPENED + timedelta(minutes=minutes))
    return a_record(incident, classification=a_classification(severity=severity), **changes)


LIST = [
    of("taken", severity="critical", **TAKEN),
    of("newer", 3, **PAGED),
    of("closed", severity="critical", **CLOSED, outcome="resolved"),
    of("older", 1, **PAGED),
    of("worse", 4, severity="critical", **PAGED),
    of("runs", severity="low", plan=a_plan(), awaiting="recovery"),
]


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (Filter(), ["worse", "older", "newer", "taken", "runs", "closed"]),
        (Filter(unowned=True), ["worse", "older", "newer"]),
        (Filter(at_least="critical"), ["worse", "taken", "closed"]),
        (Filter(service="SERVICE-of-older"), ["older"]),
        (Filter(service="service-of"), []),
        (Filter(text="HOST-OF-NEW"), ["newer"]),
        (Filter(unowned=True, at_least="critical", text="new"), []),
    ],
)
def test_a_list_is_filtered_and_starts_with_the_worst_that_nobody_has(wanted: Filter, shown: list[str]) -> None:
    # Nobody has worse, older and newer. Critical are worse, taken and closed; low is runs; the others are high.
    assert [status.incident_id for status in listing(LIST, wanted, LATER)] == shown
