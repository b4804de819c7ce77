"""Groups of alerts: what one transaction promises to ingest, whatever others write at the same moment."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from firstline.errors import GroupChanged
from firstline.incidents.groups import Groups, GroupView, Limits
from firstline.incidents.store import Incidents
from firstline.models import AlertCount, Counts, Hold, Incident, Live, StoredAlert
from firstline.models.live import STORM_PREFIX
from firstline.models.severity import SEVERITY_RANK
from tests.integration.ports.conftest import (
    Open,
    assert_holds_all,
    at_once,
    close,
    close_while_others_join,
    live_of,
    record_of,
)
from tests.support.builders import NOON, alert, at
from tests.support.changes import ending, joining, opened_by, stored

LIMITS = Limits(per_minute=3, per_minute_and_alert=2)
SILENCED_UNTIL = at(60)
SILENCE = Hold(by="silence", id="s-1", reason="maintenance", until=SILENCED_UNTIL, seconds=3_600)


def view(groups: Groups, group_key: str = "group-1", *fingerprints: str) -> GroupView:
    views, _ = groups.read({group_key: fingerprints})
    return views[group_key]


def firing(groups: Groups, incident: Incident, *fingerprints: str) -> list[StoredAlert]:
    alerts = view(groups, incident.group_key, *fingerprints).alerts
    return [alerts[fingerprint] for fingerprint in fingerprints]


# --- opening ---------------------------------------------------------------------------------------------------------


def test_a_group_that_was_never_written_is_empty(groups: Groups) -> None:
    assert groups.read({"nobody": ["fp-1"]}, ["rule#1"]) == ({"nobody": GroupView()}, {"rule#1": 0})


def test_an_opened_incident_is_open_counted_and_due(groups: Groups, incidents: Incidents) -> None:
    first, second = alert(severity="high"), alert(fingerprint="fp-2", severity="info")
    incident = opened_by(first, second, now=NOON)

    live = groups.open(joining(incident, first, second, now=NOON), incident, None, [NOON])

    assert live == incidents.live("group-1") == view(groups).live
    assert (live.open, live.generation, live.started, live.opened) == (True, 1, 0, (NOON,))
    one_info_and_one_high = (1, 0, 0, 1, 0)  # alerts of the ranks info, low, medium, high and critical
    assert live.counts == Counts(joined=2, firing=2, changes=1, ranks=one_info_and_one_high, loud_high=1)
    assert (live.loud_since, live.due_at) == (NOON, at(1))
    record = record_of(incidents, incident)
    assert (record.status, record.alert_count, record.incident, record.live) == ("OPEN", 2, incident, live)
    assert [record.incident.incident_id for record in incidents.open_records()] == [incident.incident_id]
    assert [found.fingerprint for found in incidents.members(incident.incident_id)] == ["fp-1", "fp-2"]


def test_a_group_reads_back_the_alerts_that_were_asked_for(groups: Groups, opened: Open) -> None:
    incident = opened(alert(fingerprint="fp-1"), alert(fingerprint="fp-2"))

    found = view(groups, "group-1", "fp-2", "unknown").alerts

    written = stored(alert(fingerprint="fp-2"), incident, NOON, number=1)
    assert dict(found) == {"fp-2": written}


def test_a_read_of_more_than_a_hundred_alerts_misses_none(groups: Groups, opened: Open) -> None:
    incident = opened(*(alert(fingerprint=f"fp-{number}") for number in range(80)))
    groups.apply(joining(incident, *(alert(fingerprint=f"fp-{number}") for number in range(80, 150)), now=at(1)))

    found = view(groups, "group-1", *(f"fp-{number}" for number in range(200))).alerts

    assert set(found) == {f"fp-{number}" for number in range(150)}


def test_the_second_open_of_a_group_is_refused_and_leaves_nothing(groups: Groups, incidents: Incidents) -> None:
    first, late = opened_by(alert(), now=NOON), opened_by(alert(fingerprint="fp-2"), now=at(1))
    groups.open(joining(first, alert(), now=NOON), first, None, [NOON])

    with pytest.raises(GroupChanged):
        groups.open(joining(late, alert(fingerprint="fp-2"), now=at(1)), late, None, [at(1)])

    assert incidents.record(late.incident_id) is None
    assert view(groups, "group-1", "fp-2").alerts == {}
    assert live_of(incidents, first).joined == 1


def test_of_many_who_open_the_same_group_at_once_one_succeeds(groups: Groups, incidents: Incidents, crowd: int) -> None:
    def try_to_open(number: int) -> str | None:
        new = alert(fingerprint=f"fp-{number}")
        incident = opened_by(new, now=NOON + timedelta(seconds=number))
        try:
            return groups.open(joining(incident, new, now=NOON), incident, None, [NOON]).incident_id
        except GroupChanged:
            return None

    won = [incident_id for incident_id in at_once(crowd, try_to_open) if incident_id]

    assert len(won) == 1
    assert [record.incident.incident_id for record in incidents.open_records()] == won


def test_an_open_that_is_repeated_after_a_lost_reply_changes_nothing(groups: Groups, incidents: Incidents) -> None:
    incident = opened_by(alert(), now=NOON)
    change = joining(incident, alert(), now=NOON)

    first = groups.open(change, incident, None, [NOON])
    again = groups.open(change, incident, None, [NOON])

    assert first == again
    assert live_of(incidents, incident).joined == 1


def test_a_group_opens_anew_after_its_incident_was_closed(groups: Groups, incidents: Incidents, opened: Open) -> None:
    first = opened(alert())
    close(incidents, first, 5)
    closed = record_of(incidents, first)

    second = opened(alert(fingerprint="fp-2", timestamp=at(9)))

    assert second.incident_id != first.incident_id
    assert live_of(incidents, second).incident_id == second.incident_id
    assert record_of(incidents, first) == closed
    assert (closed.alert_count, closed.live and closed.live.closed_at) == (1, at(5))


def test_an_incident_that_opens_on_hold_holds_what_joins_before_the_verdict(groups: Groups, opened: Open) -> None:
    incident = opened(alert(severity="high"), hold=SILENCE)

    live = groups.apply(joining(incident, alert(fingerprint="fp-2", severity="critical"), now=at(1), held=True))

    assert (live.held_until, live.joined, live.loud.critical, live.loud_since) == (SILENCED_UNTIL, 2, 0, None)


# --- limits ----------------------------------------------------------------------------------------------------------


def refused_by(
    groups: Groups, name: str, *, source: str = "generic", minutes: float = 0, paging: bool = False
) -> str | None:
    """Take a token to open an incident; return the limit that refuses it, or None if none does."""
    return groups.take_token(source, name, LIMITS, at(minutes), paging=paging)


def test_a_source_has_a_limit_for_each_alert_name_and_one_for_all_of_them_that_begin_anew_each_minute(
    groups: Groups,
) -> None:
    answers = [refused_by(groups, name) for name in ("A", "A", "A", "B", "C")]

    assert answers == [None, None, "2 a minute of one name", None, "3 a minute"]
    assert refused_by(groups, "A", minutes=0.9) == "3 a minute"
    assert refused_by(groups, "A", minutes=1) is None


def test_a_flood_of_one_sender_takes_no_tokens_from_others_nor_from_what_pages(groups: Groups) -> None:
    for name in "ABC":
        assert refused_by(groups, name) is None
    assert refused_by(groups, "D") == "3 a minute"
    assert refused_by(groups, "D", paging=True) is None
    assert refused_by(groups, "D", source="grafana") is None


def test_of_many_at_once_exactly_as_many_get_a_token_as_the_limit_allows(groups: Groups, crowd: int) -> None:
    answers = Counter(at_once(crowd, lambda number: refused_by(groups, f"name-{number}")))
    assert answers == {None: LIMITS.per_minute, "3 a minute": crowd - LIMITS.per_minute}


def test_all_that_open_the_same_incident_at_once_take_one_token_together(groups: Groups, crowd: int) -> None:
    def opening_refused_by(opening: str) -> str | None:
        return groups.take_token("generic", "A", LIMITS, at(0), paging=False, opening=opening)

    assert set(at_once(crowd, lambda _: opening_refused_by("group-1"))) == {None}
    assert opening_refused_by("group-2") is None
    assert opening_refused_by("group-3") == "2 a minute of one name"
    assert opening_refused_by("group-2") is None, "it has its token already"


# --- joining and ending ----------------------------------------------------------------------------------------------


def test_alerts_that_join_are_counted_by_rank_and_begin_the_wait_for_a_page(
    groups: Groups, incidents: Incidents, opened: Open
) -> None:
    incident = opened(alert(severity="medium"))

    critical, low = alert(fingerprint="fp-2", severity="critical"), alert(fingerprint="fp-3", severity="low")
    live = groups.apply(joining(incident, critical, low, now=at(2)))

    one_of_each = (0, 1, 1, 0, 1)  # low, medium and critical; none is an info or a high
    assert live.counts == Counts(joined=3, firing=3, changes=2, ranks=one_of_each, loud_critical=1)
    assert (live.last_alert_at, live.loud_since, live.due_at) == (at(2), at(2), at(3))
    assert live.worst == SEVERITY_RANK["critical"]
    assert live == incidents.live("group-1")


def test_alerts_that_join_are_evidence_from_the_moment_at_which_they_came(
    groups: Groups, incidents: Incidents, opened: Open
) -> None:
    incident = opened(alert(service="shop"))
    groups.apply(joining(incident, *(alert(fingerprint=f"fp-{n}", service="shop") for n in (2, 3)), now=at(2)))

    assert incidents.alerts_named("DiskFull", at(60)) == AlertCount(last_hour=3, last_day=3)
    after_an_hour = incidents.service_activity("shop", at(61)).alerts
    assert after_an_hour == AlertCount(last_hour=2, last_day=3), "the first came at noon, those that joined later"


def test_the_alerts_of_an_incident_are_listed_worst_first(groups: Groups, incidents: Incidents, opened: Open) -> None:
    incident = opened(alert(severity="medium"))
    critical, low = alert(fingerprint="fp-2", severity="critical"), alert(fingerprint="fp-3", severity="low")
    groups.apply(joining(incident, critical, low, now=at(2)))

    worst_first = [SEVERITY_RANK[severity] for severity in ("critical", "medium", "low")]
    assert [found.rank for found in incidents.members(incident.incident_id)] == worst_first
    assert [found.rank for found in incidents.members(incident.incident_id, limit=1)] == worst_first[:1]


def test_the_first_loud_alert_starts_the_time_until_a_page(groups: Groups, opened: Open) -> None:
    incident = opened(alert(severity="high"))
    live = groups.apply(joining(incident, alert(fingerprint="fp-2", severity="high"), now=at(3)))
    assert live.loud_since == NOON


def test_an_alert_that_ends_fires_no_more_and_stays_a_member(
    groups: Groups, incidents: Incidents, opened: Open
) -> None:
    incident = opened(alert())

    live = groups.apply(ending(incident, *firing(groups, incident, "fp-1"), now=at(4)))

    assert (live.joined, live.firing, live.last_end_at, live.last_alert_at) == (1, 0, at(4), NOON)
    record = record_of(incidents, incident)
    assert (record.status, record.resolved_at, record.resolved_by) == ("OPEN", at(4), None)
    (member,) = incidents.members(incident.incident_id)
    assert (member.firing, member.ended_at) == (False, at(4))


def test_of_many_that_end_the_last_alerts_at_once_one_sees_that_nothing_fires(
    groups: Groups, opened: Open, crowd: int
) -> None:
    incident = opened(*(alert(fingerprint=f"fp-{number}") for number in range(crowd)))
    alerts = firing(groups, incident, *(f"fp-{number}" for number in range(crowd)))

    seen = at_once(crowd, lambda number: groups.apply(ending(incident, alerts[number], now=at(1))).firing)

    assert 0 in seen
    live = view(groups).live
    assert live is not None
    assert (live.joined, live.firing) == (crowd, 0)


def test_a_change_of_an_alert_that_is_no_longer_as_it_was_read_is_refused(
    groups: Groups, incidents: Incidents, opened: Open
) -> None:
    incident = opened(alert())
    (before,) = firing(groups, incident, "fp-1")
    groups.apply(ending(incident, before, now=at(1)))

    with pytest.raises(GroupChanged):
        groups.apply(ending(incident, before, now=at(2)))
    with pytest.raises(GroupChanged):
        groups.apply(joining(incident, alert(), alert(fingerprint="fp-2"), now=at(2)))

    assert live_of(incidents, incident).counts.model_dump(include={"joined", "firing"}) == {"joined": 1, "firing": 0}
    assert set(view(groups, "group-1", "fp-1", "fp-2").alerts) == {"fp-1"}


def test_a_change_whose_reply_was_lost_is_counted_once(groups: Groups, opened: Open) -> None:
    incident = opened(alert())
    change = joining(incident, alert(fingerprint="fp-2"), now=at(1))
    end = ending(incident, *firing(groups, incident, "fp-1"), now=at(2))

    assert groups.apply(change).joined == groups.apply(change).joined == 2
    assert groups.apply(end).firing == groups.apply(end).firing == 1


def test_many_who_join_at_once_are_all_counted(groups: Groups, incidents: Incidents, opened: Open, crowd: int) -> None:
    incident = opened(alert())

    def join(number: int) -> Live:
        severity = ("low", "high", "critical")[number % 3]
        return groups.apply(joining(incident, alert(fingerprint=f"new-{number}", severity=severity), now=at(1)))

    at_once(crowd, join)

    counts = live_of(incidents, incident).counts
    assert (counts.joined, counts.firing, sum(counts.ranks)) == (crowd + 1, crowd + 1, crowd + 1)
    assert (counts.loud_high, counts.loud_critical) == (len(range(1, crowd, 3)), len(range(2, crowd, 3)))


def test_nothing_joins_a_closed_incident(groups: Groups, incidents: Incidents, opened: Open) -> None:
    incident = opened(alert())
    close(incidents, incident, 5)

    with pytest.raises(GroupChanged):
        groups.apply(joining(incident, alert(fingerprint="fp-2"), now=at(6)))

    assert live_of(incidents, incident).joined == 1


@pytest.mark.parametrize("ended", ["by time", "by a person"])
def test_an_alert_is_held_back_only_while_the_hold_lasts(
    groups: Groups, incidents: Incidents, opened: Open, ended: str
) -> None:
    incident = opened(alert(), hold=SILENCE)
    late = alert(fingerprint="fp-2", severity="critical")
    if ended == "by a person":
        incidents.end_hold(incident.incident_id, "ada", at(1))

    after_the_end = at(2) if ended == "by a person" else SILENCED_UNTIL

    with pytest.raises(GroupChanged):
        groups.apply(joining(incident, late, now=after_the_end, held=True))

    assert groups.apply(joining(incident, late, now=after_the_end)).loud.critical == 1


def test_close_against_join_loses_no_alert(groups: Groups, incidents: Incidents, opened: Open, crowd: int) -> None:
    incident = opened(alert())

    taken = close_while_others_join(groups, incidents, incident, crowd)

    assert_holds_all(incidents, incident, 1 + taken)


# --- alerts of other groups, and of none -----------------------------------------------------------------------------


def test_a_storm_counts_the_alerts_of_other_groups(groups: Groups, incidents: Incidents, opened: Open) -> None:
    storm = opened(alert(group_key=f"{STORM_PREFIX}generic", source="firstline"), storm=True)
    for number in range(3):
        groups.apply(joining(storm, alert(group_key=f"g-{number}", fingerprint=f"fp-{number}"), now=at(1)))

    (member,) = view(groups, "g-1", "fp-1").alerts.values()
    live = groups.apply(ending(storm, member, now=at(2)))

    assert (live.is_storm, live.joined, live.firing) == (True, 4, 3)
    assert view(groups, "g-1").live is None
    assert (member.live_key, member.incident_id) == (f"{STORM_PREFIX}generic", storm.incident_id)
    assert len(incidents.members(storm.incident_id)) == 4


def test_a_change_counts_the_alerts_that_inhibit_for_each_rule(groups: Groups, opened: Open) -> None:
    incident = opened(alert())
    change = joining(incident, alert(fingerprint="fp-2"), now=at(1))
    groups.apply(replace(change, inhibits={"rule-1#a": 1, "rule-1#b": 2, "rule-2": 0}))
    end = ending(incident, *firing(groups, incident, "fp-2"), now=at(2))
    groups.apply(replace(end, inhibits={"rule-1#b": -1}))

    assert groups.read({}, ["rule-1#a", "rule-1#b", "rule-2"])[1] == {"rule-1#a": 1, "rule-1#b": 1, "rule-2": 0}


def ended(incident: Incident, minutes: float) -> StoredAlert:
    known = stored(alert(), incident, at(minutes), incident_id=None, live_key=None)
    return known.model_copy(update={"firing": False, "ended_at": at(minutes)})


def test_an_end_that_came_before_its_firing_is_remembered(groups: Groups) -> None:
    incident = opened_by(alert(), now=NOON)
    groups.put_alone(ended(incident, 1), "group-1")

    assert view(groups, "group-1", "fp-1").alerts == {"fp-1": ended(incident, 1)}
    assert view(groups).live is None


def test_an_end_does_not_overwrite_an_alert_that_fires_by_now(groups: Groups, opened: Open) -> None:
    incident = opened(alert())
    with pytest.raises(GroupChanged):
        groups.put_alone(ended(incident, 1), "group-1")
    assert firing(groups, incident, "fp-1")[0].firing
