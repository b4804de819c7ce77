"""TableGroups and incidents against DynamoDB: moto, and Amazon's own DynamoDB Local where it is there."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from firstline.errors import GroupChanged, RateLimited
from firstline.incidents.store import Groups, Incidents
from firstline.ingest.fold import STORM_GROUP_KEY, Fold, GroupState, Limits, fold, open_incident, storm_alert
from firstline.models import AlertCount, Incident, NormalizedAlert
from tests.support.builders import NOON, alert, at, open_for

PLENTY = Limits(per_minute=1_000, per_minute_and_alert=1_000)


def write(groups: Groups, *alerts: NormalizedAlert, minutes: float) -> Fold:
    before = groups.read(alerts[0].group_key)
    folded = fold(before, alerts, at(minutes))
    groups.write(before, folded.group, folded.new_alerts, at(minutes))
    return folded


# --- opening ---------------------------------------------------------------------------------------------------------


def test_a_group_that_was_never_written_is_new(groups: Groups) -> None:
    assert groups.read("nobody") == GroupState(group_key="nobody")


def test_an_opened_incident_is_pending_and_its_group_points_to_it(groups: Groups, incidents: Incidents) -> None:
    incident = open_for(groups, alert())

    group = groups.read("group-1")
    record = incidents.record(incident.incident_id)

    assert (group.incident_id, group.open, group.pending, group.version) == (incident.incident_id, True, True, 1)
    assert record is not None
    assert (record.status, record.alert_count, record.incident) == ("PENDING", 1, incident)


def test_the_input_of_the_execution_is_kept_byte_for_byte(groups: Groups) -> None:
    before = groups.read("group-1")
    folded = fold(before, [alert(message='naïve ☃ "quoted"')], NOON)
    after, incident = open_incident(folded, NOON)

    written = groups.open_incident(
        before, after, incident, folded.new_alerts, NOON, limits=PLENTY, member=after.group_key
    )

    assert groups.execution_input(incident.incident_id) == written
    assert Incident.model_validate_json(written) == incident


def test_who_writes_a_group_second_is_told_so(groups: Groups) -> None:
    stale = groups.read("group-1")
    open_for(groups, alert())

    folded = fold(stale, [alert(fingerprint="fp-2")], NOON)
    after, incident = open_incident(folded, NOON)

    with pytest.raises(GroupChanged):
        groups.open_incident(stale, after, incident, folded.new_alerts, NOON, limits=PLENTY, member=after.group_key)
    with pytest.raises(GroupChanged):
        groups.write(stale, folded.group, folded.new_alerts, NOON)


def test_of_many_who_open_the_same_group_at_once_one_succeeds(groups: Groups, incidents: Incidents) -> None:
    before = groups.read("group-1")

    def try_to_open(number: int) -> str | None:
        folded = fold(before, [alert(fingerprint=f"fp-{number}", timestamp=at(number / 60))], NOON)
        after, incident = open_incident(folded, NOON)
        try:
            groups.open_incident(
                before, after, incident, folded.new_alerts, NOON, limits=PLENTY, member=after.group_key
            )
        except GroupChanged:
            return None
        return incident.incident_id

    with ThreadPoolExecutor(8) as pool:
        opened = [incident_id for incident_id in pool.map(try_to_open, range(16)) if incident_id]

    assert len(opened) == 1
    assert [record.incident.incident_id for record in incidents.open_records()] == opened


# --- limits ----------------------------------------------------------------------------------------------------------


def test_the_limits_count_by_alert_name_and_in_all_and_are_full_again_each_minute(groups: Groups) -> None:
    limits = Limits(per_minute=3, per_minute_and_alert=2)
    for number in range(2):
        open_for(groups, alert(group_key=f"a-{number}"), limits=limits)

    with pytest.raises(RateLimited) as of_the_name:
        open_for(groups, alert(group_key="a-2"), limits=limits)
    open_for(groups, alert(group_key="b-0", alert_name="Other"), limits=limits)
    with pytest.raises(RateLimited) as of_all:
        open_for(groups, alert(group_key="c-0", alert_name="Third"), limits=limits)

    assert of_the_name.value.alert_name == "DiskFull"
    assert of_all.value.alert_name is None
    assert groups.read("a-2").version == 0
    open_for(groups, alert(group_key="a-2"), limits=limits, now=at(1))


def test_while_a_storm_lasts_no_minute_brings_new_tokens_but_other_alerts_are_not_held_back(
    groups: Groups,
) -> None:
    limits = Limits(per_minute=10, per_minute_and_alert=1)
    groups.remember_storm("DiskFull", NOON)

    with pytest.raises(RateLimited):
        open_for(groups, alert(group_key="a-1"), limits=limits, now=at(3))
    open_for(groups, alert(group_key="b-1", alert_name="Other"), limits=limits, now=at(3))
    open_for(groups, alert(group_key="a-1"), limits=limits, now=at(6))


# --- joining and leaving ---------------------------------------------------------------------------------------------


def test_alerts_that_join_are_counted_on_the_incident(groups: Groups, incidents: Incidents) -> None:
    incident = open_for(groups, alert())

    write(groups, alert(fingerprint="fp-2"), alert(fingerprint="fp-3"), minutes=2)

    record = incidents.record(incident.incident_id)
    assert record is not None
    assert record.alert_count == 3
    assert record.last_alert_at == at(2)
    assert incidents.alerts_named("DiskFull", at(60)) == AlertCount(last_hour=3, last_day=3)
    assert incidents.alerts_named("DiskFull", at(61)) == AlertCount(last_hour=2, last_day=3)
    assert incidents.alerts_named("DiskFull", at(26 * 60)) == AlertCount(last_hour=0, last_day=0)


def test_the_last_group_that_leaves_resolves_the_incident_once(groups: Groups) -> None:
    incident = open_for(groups, alert())

    first = groups.leave(incident.incident_id, "group-1", "prometheus", at(3))
    second = groups.leave(incident.incident_id, "group-1", "prometheus", at(4))

    assert first is not None
    assert (first.resolved_at, first.resolved_by) == (at(3), "prometheus")
    assert second is None


def test_a_storm_is_resolved_when_the_last_of_its_groups_left(groups: Groups) -> None:
    before = groups.read(STORM_GROUP_KEY)
    first = alert(group_key="g-0")
    alarm = storm_alert(first, "5 a minute", NOON)
    storm = Fold(group=before, changed=True, new_alerts=[alarm], opens=True)
    after, incident = open_incident(storm, NOON)
    groups.open_incident(before, after, incident, [alarm], NOON, limits=None, member="g-0")
    for number in range(1, 4):
        assert groups.join_storm(incident.incident_id, f"g-{number}", 1, at(1))

    left = [groups.leave(incident.incident_id, f"g-{number}", "generic", at(2)) for number in range(4)]

    assert [record is not None for record in left] == [False, False, False, True]
    assert not groups.join_storm(incident.incident_id, "g-9", 1, at(3))


def test_when_all_groups_of_a_storm_leave_at_once_it_is_resolved_exactly_once(groups: Groups) -> None:
    incident = open_for(groups, alert())
    keys = ["group-1", *(f"g-{number}" for number in range(7))]
    for key in keys[1:]:
        assert groups.join_storm(incident.incident_id, key, 1, NOON)

    with ThreadPoolExecutor(8) as pool:
        left = list(pool.map(lambda key: groups.leave(incident.incident_id, key, "generic", at(1)), keys))

    assert sum(record is not None for record in left) == 1


def test_alerts_that_a_storm_has_counted_are_not_counted_again(groups: Groups, incidents: Incidents) -> None:
    incident = open_for(groups, alert())
    before = groups.read("group-1")
    folded = fold(before, [alert(fingerprint="fp-2")], at(1))

    groups.write(before, folded.group, folded.new_alerts, at(1), counted=True)

    record = incidents.record(incident.incident_id)
    assert record is not None
    assert record.alert_count == 1


def test_a_flapping_incident_is_quiet_until_an_alert_joins(groups: Groups, incidents: Incidents) -> None:
    incident = open_for(groups, alert())

    groups.mark_quiet_since(incident.incident_id, at(1))
    quiet = incidents.record(incident.incident_id)
    write(groups, alert(fingerprint="fp-2"), minutes=2)
    loud = incidents.record(incident.incident_id)

    assert quiet is not None
    assert loud is not None
    assert (quiet.quiet_since, loud.quiet_since) == (at(1), None)


def test_an_incident_that_worsens_says_how_bad_it_is(groups: Groups) -> None:
    incident = open_for(groups, alert())

    worse = groups.worsen(incident.incident_id, "critical")

    assert worse is not None
    assert worse.worsened_to == "critical"
    assert groups.worsen("nobody", "critical") is None


# --- started ---------------------------------------------------------------------------------------------------------


def test_a_started_incident_is_not_pending_any_more(groups: Groups, incidents: Incidents) -> None:
    incident = open_for(groups, alert())

    groups.mark_started(incident.incident_id, "group-1")
    groups.mark_started(incident.incident_id, "group-1")

    record = incidents.record(incident.incident_id)
    assert record is not None
    assert record.status == "STARTED"
    assert not groups.read("group-1").pending


def test_marking_an_incident_started_does_not_lose_an_alert_that_joins_meanwhile(groups: Groups) -> None:
    incident = open_for(groups, alert())
    before = groups.read("group-1")
    folded = fold(before, [alert(fingerprint="fp-2")], at(1))
    groups.mark_started(incident.incident_id, "group-1")

    with pytest.raises(GroupChanged):
        groups.write(before, folded.group, folded.new_alerts, at(1))
    write(groups, alert(fingerprint="fp-2"), minutes=1)

    assert set(groups.read("group-1").firing) == {"fp-1", "fp-2"}


# --- closed ----------------------------------------------------------------------------------------------------------


def test_a_group_learns_that_its_incident_was_closed_over_a_firing_alert(groups: Groups, incidents: Incidents) -> None:
    incident = open_for(groups, alert())

    incidents.close(incident.incident_id, "resolved", "a human said so", [], at(5))

    group = groups.read("group-1")
    assert (group.open, group.settled_at, group.pending) == (False, at(5), False)
    assert not fold(group, [alert()], at(6)).opens
    assert open_for(groups, alert(timestamp=at(7), severity="critical"), now=at(7)).incident_id != incident.incident_id
    assert groups.read("group-1").settled_at is None
