"""Tests of the writes for folded alerts: their split into transactions, and the incident that they open."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.ingest import changes
from firstline.ingest.changes import MOST_WRITES, Newcomer
from firstline.ingest.fold import Arrival, Folded, fold
from firstline.models import SEVERITY_RANK, Change, NormalizedAlert
from tests.support.builders import NOON, alert, at

FIRE = "\N{FIRE}"
LONGEST: dict[str, Any] = {
    "labels": {f"{number:03}{FIRE * 125}": FIRE * 512 for number in range(50)},
    "message": FIRE * 4_000,
}


def arrival(given: NormalizedAlert) -> Arrival:
    return Arrival(given, at(1), SEVERITY_RANK[given.severity])


def folded(given: NormalizedAlert) -> Folded:
    return fold(None, [arrival(given)], {}, at(1))


def newcomer(given: NormalizedAlert, *inhibits: str) -> Newcomer:
    return changes.newcomer(folded(given), arrival(given), None, inhibits)


def written(newcomers: list[Newcomer]) -> list[Change]:
    incident, _ = changes.incident(newcomers, "group-1", None, NOON)
    pieces = changes.open_with(newcomers, incident)
    return list(changes.changes(pieces, "group-1", "group-1", incident.incident_id, NOON))


@pytest.mark.parametrize(
    ("inhibits", "most"),
    [([], MOST_WRITES), (["same"], MOST_WRITES // 2), (["a", "b"], MOST_WRITES // 3)],
    ids=["one write for an alert", "and one for a counter", "and two for counters"],
)
def test_no_transaction_has_more_items_than_fit_and_no_alert_is_lost(inhibits: list[str], most: int) -> None:
    parts = written([newcomer(alert(fingerprint=f"fp-{number}"), *inhibits) for number in range(200)])

    assert max(len(part.writes) for part in parts) == most
    assert sum(part.adds.joined for part in parts) == sum(len(part.new) for part in parts) == 200
    assert sum(sum(part.inhibits.values()) for part in parts) == 200 * len(inhibits)


def test_no_transaction_with_the_longest_alerts_exceeds_4_megabytes() -> None:
    longest = newcomer(alert(**LONGEST))
    copies = [longest.alert.model_copy(update={"fingerprint": f"fp-{number}"}) for number in range(60)]
    parts = written([replace(longest, folded=folded(copy), alert=copy) for copy in copies])
    sizes = [sum(len(write.after.model_dump_json().encode()) for write in part.writes) for part in parts]

    assert max(sizes) < 4_000_000
    assert sum(len(part.writes) for part in parts) == 60


def test_an_incident_id_names_alert_host_and_time_and_is_the_same_for_a_retry() -> None:
    given = alert(alert_name="Disk almost full! /data", host="web-1.prod.example.com")
    first, again = (changes.incident_of(given, at(minutes)).incident_id for minutes in (0, 3))

    assert first == again
    assert re.fullmatch(r"Disk-almost-full-data-web-1-prod-example-c-20260302T120000Z-[0-9a-f]{8}", first)


@given(st.text(min_size=1, max_size=256), st.one_of(st.none(), st.text(min_size=1, max_size=256)))
def test_an_incident_id_is_a_valid_execution_name_for_any_alert_name_and_host(name: str, host: str | None) -> None:
    incident = changes.incident_of(alert(alert_name=name, host=host), NOON)

    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", incident.incident_id)


def test_an_incident_id_keeps_the_letters_under_their_accents() -> None:
    named = changes.incident_of(alert(alert_name="Überlast: café 数据库", host=None), NOON)

    assert named.incident_id.startswith("Uberlast-cafe-")


def test_a_senders_label_first_alert_does_not_change_the_first_alert_of_an_incident() -> None:
    incident = changes.incident_of(alert(labels={"first_alert": "AllIsWell"}), NOON)

    assert incident.first_alert == incident.alert.alert_name
