"""The hand-over: said once at each change of shift, with each open incident once and what nobody has first."""

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
        """Look at these moments, and return what was said of it."""
        self.said.clear()
        for moment in moments:
            self.watch().look(moment)
        return self.said


BEFORE = datetime(2026, 3, 1, 8, 59, tzinfo=UTC)
AFTER = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LEAVES, COMES = ROSTER.who((), BEFORE)[0], ROSTER.who((), AFTER)[0]


def test_a_change_of_shift_is_said_once() -> None:
    office = Office(record(1))
    (said,) = office.look(BEFORE, AFTER, AFTER, AFTER + timedelta(minutes=1))
    assert said.startswith(f"On call: {LEAVES} hands platform over to {COMES} until ")
    assert "1 incident open, " in said
    assert "Alert1" in said


def test_the_first_look_hands_nothing_over() -> None:
    assert Office(record(1)).look(BEFORE) == []


def test_what_slack_does_not_take_is_said_once_it_does() -> None:
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


def test_what_slack_refused_as_the_table_failed_is_said_by_the_next_run() -> None:
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


def test_a_hand_over_that_nobody_can_be_told_is_given_up_after_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    office = Office()
    office.look(BEFORE)
    office.slack_is_down = True
    office.look(AFTER, AFTER + TRIED_FOR)
    assert "Slack took no hand-over message for an hour" in caplog.text
    office.slack_is_down = False
    assert office.look(AFTER + TRIED_FOR + timedelta(minutes=1)) == []


def test_of_two_runs_that_try_again_one_says_it() -> None:
    office = Office()
    office.look(BEFORE)
    office.slack_is_down = True
    office.look(AFTER)
    office.slack_is_down = False
    second = office.watch()

    def last(schedule: str) -> Any:
        seen = TableHandOvers(office.store.table).last(schedule)
        second.look(AFTER + timedelta(minutes=1))
        return seen

    office.watch(last=last).look(AFTER + timedelta(minutes=1))
    assert len(office.said) == 1


def test_of_two_runs_at_the_same_moment_one_says_it() -> None:
    office = Office()
    office.look(BEFORE)
    second = office.watch()

    # The first run claims after the second one has looked.
    def last(schedule: str) -> Any:
        seen = TableHandOvers(office.store.table).last(schedule)
        second.look(AFTER)
        return seen

    office.watch(last=last).look(AFTER)
    assert len(office.said) == 1


def test_who_takes_a_shift_over_is_handed_it() -> None:
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
    assert (f"{LEAVES} hands platform over to cem" in first, f"cem hands platform over to {COMES}" in second) == (
        True,
        True,
    )


def test_what_cannot_be_read_is_handed_over_by_the_next_run() -> None:
    office = Office()
    office.look(BEFORE)
    office.store.faults["open_records"] = HistoryUnavailable("throttled")
    assert office.look(AFTER) == []
    office.store.faults.clear()
    assert len(office.look(AFTER)) == 1


@pytest.mark.parametrize("failure", [HistoryUnavailable("throttled"), ValueError("an item of an odd shape")])
def test_one_schedule_that_fails_keeps_no_other(failure: Exception) -> None:
    office = Office()

    def of(schedule: str, since: datetime) -> Sequence[Override]:
        if schedule == "broken":
            raise failure
        return ()

    for moment in (BEFORE, AFTER):
        office.watch(schedules={"broken": ROSTER, "platform": ROSTER}, overrides_of=of).look(moment)
    assert len(office.said) == 1


def test_silences_that_end_in_the_shift_and_what_was_suppressed_are_told() -> None:
    office = Office(record(1, status="CLOSED", outcome="suppressed", closed_at=BEFORE + timedelta(seconds=20)))
    office.store.change(record(1).incident.incident_id, status="CLOSED", outcome="suppressed")
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
    assert ("ends-late" in said, "bob@example.com" in said) == (False, False)


SHIFT = Shift("bob", NOW, NOW + timedelta(days=1), "rotation")
LIST = st.lists(st.tuples(st.integers(0, 40), st.sampled_from([None, "ada"])), max_size=45)


@given(LIST, st.integers(1, 60))
def test_a_hand_over_says_each_open_incident_once_and_what_nobody_has_first(drawn: Any, most: int) -> None:
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
def test_only_what_nobody_was_told_of_counts_as_suppressed(outcome: str) -> None:
    closed = record(1, status="CLOSED", outcome=outcome, closed_at=NOW)
    incidents: Any = Instead(None, open_records=lambda: iter(()), closed_since=lambda since: iter([closed]))
    given_over = gather(
        "platform", Holding("ada", NOW - timedelta(days=1)), SHIFT, NOW, incidents=incidents, silences=lambda now: []
    )
    assert ("Suppressed since the last hand-over: 1 incident" in in_words(given_over, UTC, NOW)) == (
        outcome == "suppressed"
    )
