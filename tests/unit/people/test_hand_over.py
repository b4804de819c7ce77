"""The hand-over: announced once at each change of shift, with each open incident once, those without an owner first."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.adapters.dynamodb.hand_overs import TableHandOvers
from firstline.adapters.dynamodb.overrides import TableOverrides
from firstline.adapters.dynamodb.silences import TableSilences
from firstline.errors import HistoryUnavailable
from firstline.models import IncidentRecord
from firstline.people.hand_over import TRIED_FOR, HandOverWatch, Holding, gather, in_words
from firstline.policy.holds import Silence
from firstline.policy.match import AlertMatch
from firstline.policy.oncall import Override, Roster, Shift
from tests.support.builders import NOW, a_record, an_alert, an_incident
from tests.support.memory import MemoryStore
from tests.support.reconciling import Instead

ROSTER = Roster.model_validate(
    {"starts": date(2026, 1, 1), "handover": {"every": "1d", "at": "09:00"}, "rotation": ["ada", "bob"]}
)


def record(number: int, **changes: Any) -> IncidentRecord:
    alert = an_alert(alert_name=f"Alert{number}", fingerprint=f"fp-{number}", group_key=f"group-{number}")
    incident = an_incident(alert, incident_id=f"Alert{number}-20260301T020000Z-{number:08x}", group_key=alert.group_key)
    return a_record(incident, **changes)


class Office:
    """A stack with one schedule, whose person changes each day at nine."""

    def __init__(self, *records: IncidentRecord) -> None:
        self.store = MemoryStore(*records)
        self.overrides, self.silences = TableOverrides(self.store.table), TableSilences(self.store.table)
        self.said: list[str] = []
        self.slack_is_down = False

    def _tell(self, text: str) -> bool:
        if not self.slack_is_down:
            self.said.append(text)
        return not self.slack_is_down

    def watch(self, **parts: Any) -> HandOverWatch:
        hand_overs = TableHandOvers(self.store.table)
        given: dict[str, Any] = {
            "schedules": {"platform": ROSTER},
            "overrides_of": self.overrides.of,
            "last": hand_overs.last,
            "claim": hand_overs.claim,
            "incidents": self.store.incidents,
            "silences": self.silences.since,
            "tell": self._tell,
        }
        return HandOverWatch(**given | parts)

    def look(self, *moments: datetime) -> list[str]:
        """Look for a due hand-over at these moments, and return the messages that were sent."""
        self.said.clear()
        for moment in moments:
            self.watch().look(moment)
        return self.said


BEFORE = datetime(2026, 3, 1, 8, 59, tzinfo=UTC)
AFTER = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LEAVES, COMES = ROSTER.who((), BEFORE)[0], ROSTER.who((), AFTER)[0]


def test_a_change_of_shift_is_announced_once() -> None:
    office = Office(record(1))
    (said,) = office.look(BEFORE, AFTER, AFTER, AFTER + timedelta(minutes=1))
    assert said.startswith(f"On call: {LEAVES} hands platform over to {COMES} until ")
    assert "1 incident open, " in said
    assert "Alert1" in said


def test_the_first_look_at_a_schedule_announces_nothing() -> None:
    assert Office(record(1)).look(BEFORE) == []


def test_a_hand_over_that_slack_does_not_take_is_announced_once_slack_takes_messages_again() -> None:
    office = Office(record(1))
    office.look(BEFORE)
    office.slack_is_down = True
    assert office.look(AFTER, AFTER + timedelta(minutes=1)) == []
    office.slack_is_down = False
    later = AFTER + timedelta(minutes=2)
    (said,) = office.look(later, later, later + timedelta(minutes=1))
    assert said.startswith(f"On call: {LEAVES} hands platform over to {COMES} until ")
    last = TableHandOvers(office.store.table).last("platform")
    assert last == Holding(COMES, AFTER), "the shift began when it began"


def test_a_hand_over_that_neither_slack_nor_the_table_took_is_announced_by_the_next_run() -> None:
    office = Office()
    office.look(BEFORE)
    office.slack_is_down, writes = True, []
    claim = TableHandOvers(office.store.table).claim

    def failing(schedule: str, new: Holding, seen: Holding | None) -> bool:
        writes.append(new)
        if len(writes) == 2:
            raise HistoryUnavailable("throttled")
        return claim(schedule, new, seen)

    watch = office.watch(claim=failing)
    watch.look(AFTER)
    office.slack_is_down = False
    for minutes in (1, 2):
        watch.look(AFTER + timedelta(minutes=minutes))

    (said,) = office.said
    assert said.startswith(f"On call: {LEAVES} hands platform over to {COMES} until ")
    assert TableHandOvers(office.store.table).last("platform") == Holding(COMES, AFTER)


def test_a_hand_over_that_slack_does_not_take_is_given_up_after_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    office = Office()
    office.look(BEFORE)
    office.slack_is_down = True
    office.look(AFTER, AFTER + TRIED_FOR)
    assert "Slack took no hand-over message for an hour" in caplog.text
    office.slack_is_down = False
    assert office.look(AFTER + TRIED_FOR + timedelta(minutes=1)) == []


@pytest.mark.parametrize("repeats", [False, True], ids=["the first try", "a repeat"])
def test_of_two_runs_at_the_same_moment_only_one_announces_the_hand_over(repeats: bool) -> None:
    office = Office()
    office.look(BEFORE)
    if repeats:
        office.slack_is_down = True
        office.look(AFTER)
        office.slack_is_down = False
    second, now = office.watch(), AFTER + timedelta(minutes=1)

    # The first run claims after the second one has looked.
    def last(schedule: str) -> Any:
        seen = TableHandOvers(office.store.table).last(schedule)
        second.look(now)
        return seen

    office.watch(last=last).look(now)
    assert len(office.said) == 1


def test_an_override_is_handed_over_at_its_begin_and_its_end() -> None:
    office = Office()
    office.look(BEFORE)
    office.overrides.save(
        Override(
            schedule="platform",
            person="cem",
            begins_at=AFTER,
            ends_at=AFTER + timedelta(hours=2),
            by="cem",
            at=AFTER,
        )
    )
    later = AFTER + timedelta(hours=2)
    first, second = office.look(AFTER, later)
    assert f"{LEAVES} hands platform over to cem" in first
    assert f"cem hands platform over to {COMES}" in second


def test_a_hand_over_whose_incidents_cannot_be_read_is_announced_by_the_next_run() -> None:
    office = Office()
    office.look(BEFORE)
    office.store.faults["open_records"] = HistoryUnavailable("throttled")
    assert office.look(AFTER) == []
    office.store.faults.clear()
    assert len(office.look(AFTER)) == 1


@pytest.mark.parametrize("failure", [HistoryUnavailable("throttled"), ValueError("an item of an odd shape")])
def test_a_schedule_that_fails_does_not_stop_the_hand_over_of_another(failure: Exception) -> None:
    office = Office()

    def of(schedule: str, since: datetime) -> Sequence[Override]:
        if schedule == "broken":
            raise failure
        return ()

    for moment in (BEFORE, AFTER):
        office.watch(schedules={"broken": ROSTER, "platform": ROSTER}, overrides_of=of).look(moment)
    assert len(office.said) == 1


def test_a_hand_over_lists_the_silences_that_end_in_the_shift_without_personal_data() -> None:
    office = Office()
    for name, hours in (("ends-soon", 3), ("ends-late", 48)):
        office.silences.save(
            Silence(
                id=name,
                match=AlertMatch(host=("web-1",)),
                owner="ada",
                reason=f"the disk of bob@example.com, {name}",
                created_at=BEFORE - timedelta(hours=1),
                expires_at=AFTER + timedelta(hours=hours),
            )
        )
    (said,) = office.look(BEFORE, AFTER)
    assert "No incident is open." in said
    assert "Silences that end in this shift\n• 12:00 ends-soon, ada: the disk of " in said
    assert "ends-late" not in said
    assert "bob@example.com" not in said


SHIFT = Shift("bob", NOW, NOW + timedelta(days=1), "rotation")
LIST = st.lists(st.tuples(st.integers(0, 40), st.sampled_from([None, "ada"])), max_size=45)


@given(LIST, st.integers(1, 60))
def test_a_hand_over_lists_each_open_incident_once_those_without_an_owner_first(drawn: Any, most: int) -> None:
    records = [record(number, acknowledged_by=owner, acknowledged_at=NOW if owner else None) for number, owner in drawn]
    incidents: Any = Instead(None, open_records=lambda: iter(records), closed_since=lambda since: iter(()))
    given_over = gather("platform", None, SHIFT, NOW, incidents=incidents, silences=lambda now: [])

    listed = [status.incident_id for status in given_over.open]
    assert sorted(listed) == sorted({each.incident.incident_id for each in records})
    unowned = [status.unowned for status in given_over.open]
    assert unowned == sorted(unowned, reverse=True)

    said = in_words(given_over, UTC, NOW, most)
    lines = [line for line in said.splitlines() if line.startswith("• ") and not line.startswith("• and ")]
    assert len(lines) == min(len(listed), most)
    assert all(sum(f"({identity[-8:]})" in line for line in lines) == 1 for identity in listed[:most])
    assert (f"and {len(listed) - most} more" in said) == (len(listed) > most)


@pytest.mark.parametrize("outcome", ["suppressed", "resolved"])
def test_a_hand_over_counts_the_suppressed_incidents_of_the_shift_and_no_others(outcome: str) -> None:
    closed = record(1, status="CLOSED", outcome=outcome, closed_at=NOW)
    incidents: Any = Instead(None, open_records=lambda: iter(()), closed_since=lambda since: iter([closed]))
    given_over = gather(
        "platform", Holding("ada", NOW - timedelta(days=1)), SHIFT, NOW, incidents=incidents, silences=lambda now: []
    )
    assert ("Suppressed since the last hand-over: 1 incident" in in_words(given_over, UTC, NOW)) == (
        outcome == "suppressed"
    )
