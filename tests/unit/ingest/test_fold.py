"""Folding alerts into their group."""

import re
from collections.abc import Callable
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from firstline.ingest.fold import (
    FLAP_OPENINGS,
    REOPEN_AFTER,
    TOMBSTONES,
    GroupState,
    fold,
    open_incident,
    storm_alert,
)
from firstline.models import Hold, NormalizedAlert
from tests.support.builders import NOON, alert, at

EMPTY = GroupState(group_key="group-1")


def opened(*alerts: NormalizedAlert, state: GroupState = EMPTY, minutes: float = 0) -> GroupState:
    """The group after these alerts opened an incident."""
    folded = fold(state, alerts, at(minutes))
    assert folded.opens
    return open_incident(folded, at(minutes))[0]


def resolved(minutes: float, **what: object) -> NormalizedAlert:
    return alert(status="resolved", ends_at=at(minutes), **what)


# --- one alert's life ------------------------------------------------------------------------------------------------


def test_the_first_firing_alert_opens_an_incident() -> None:
    folded = fold(EMPTY, [alert()], NOON)

    assert folded.opens
    assert not folded.joins
    assert [one.fingerprint for one in folded.new_alerts] == ["fp-1"]


def test_the_same_alert_again_changes_nothing() -> None:
    state = opened(alert())

    folded = fold(state, [alert(), alert()], at(1))

    assert not folded.changed
    assert folded.new_alerts == []
    assert folded.group == state


def test_another_alert_of_the_group_joins_its_incident() -> None:
    folded = fold(opened(alert()), [alert(), alert(fingerprint="fp-2")], at(1))

    assert folded.joins
    assert not folded.opens
    assert [one.fingerprint for one in folded.new_alerts] == ["fp-2"]


def test_the_incident_is_resolved_when_the_last_alert_is() -> None:
    state = opened(alert(), alert(fingerprint="fp-2"))

    one_left = fold(state, [resolved(2)], at(2))
    none_left = fold(one_left.group, [resolved(3, fingerprint="fp-2")], at(3))

    assert not one_left.resolves
    assert none_left.resolves
    assert not none_left.group.open


def test_an_alert_that_fires_again_after_its_end_opens_a_new_incident_with_another_id() -> None:
    first = opened(alert())
    over = fold(first, [resolved(2)], at(2)).group

    second = opened(alert(timestamp=at(5)), state=over, minutes=5)

    assert second.incident_id != first.incident_id


# --- out of order ----------------------------------------------------------------------------------------------------


def test_a_resolve_that_comes_before_its_firing_keeps_the_firing_from_opening_anything() -> None:
    before = fold(EMPTY, [resolved(2)], at(2))

    late = fold(before.group, [alert()], at(3))

    assert before.changed
    assert not late.opens
    assert not late.changed


def test_the_late_end_of_an_earlier_episode_does_not_end_the_present_one() -> None:
    over = fold(opened(alert()), [resolved(2)], at(2)).group
    again = opened(alert(timestamp=at(5)), state=over, minutes=5)

    late = fold(again, [resolved(2)], at(6))

    assert not late.resolves
    assert "fp-1" in late.group.firing


def test_firing_and_resolved_in_one_batch_leave_nothing_open() -> None:
    folded = fold(EMPTY, [resolved(1), alert()], at(1))

    assert not folded.opens
    assert folded.group.firing == {}


@st.composite
def _deliveries(draw: st.DrawFn) -> tuple[list[NormalizedAlert], list[int], list[int]]:
    """Episodes of a few alerts, then two orders in which their messages arrive, with repetitions."""
    messages: list[NormalizedAlert] = []
    for number in range(draw(st.integers(1, 3))):
        fingerprint = f"fp-{number}"
        for episode in range(draw(st.integers(1, 3))):
            begins = episode * 10
            messages.append(alert(fingerprint=fingerprint, timestamp=at(begins)))
            if draw(st.booleans()) or episode < 2:
                ends = at(begins + 5)
                messages.append(
                    alert(fingerprint=fingerprint, status="resolved", timestamp=at(begins), ends_at=ends),
                )
    indices = st.lists(st.integers(0, len(messages) - 1), max_size=6)
    return messages, draw(indices), draw(st.permutations(range(len(messages))))


@given(_deliveries())
def test_whatever_the_order_and_the_repetitions_the_same_alerts_fire_in_the_end(
    deliveries: tuple[list[NormalizedAlert], list[int], list[int]],
) -> None:
    messages, repeated, order = deliveries

    def replay(sequence: list[NormalizedAlert]) -> GroupState:
        state = EMPTY
        for step, message in enumerate(sequence):
            folded = fold(state, [message], at(100 + step / 100))
            state = open_incident(folded, at(100 + step / 100))[0] if folded.opens else folded.group
        return state

    in_order = replay(messages)
    shuffled = replay([messages[i] for i in order] + [messages[i] for i in repeated])
    at_once = fold(EMPTY, messages, at(100)).group

    assert set(shuffled.firing) == set(in_order.firing) == set(at_once.firing)
    assert shuffled.open or not shuffled.firing


# --- severity --------------------------------------------------------------------------------------------------------


def test_a_paging_alert_that_joins_a_lesser_incident_worsens_it_once() -> None:
    state = opened(alert())

    worse = fold(state, [alert(fingerprint="fp-2", severity="critical")], at(1))
    again = fold(worse.group, [alert(fingerprint="fp-3", severity="critical")], at(2))

    assert worse.worsened_to == "critical"
    assert again.worsened_to is None


def test_the_same_alert_at_a_higher_severity_is_no_duplicate() -> None:
    folded = fold(opened(alert()), [alert(severity="critical", timestamp=at(1))], at(1))

    assert folded.worsened_to == "critical"
    assert len(folded.new_alerts) == 1


# --- after an incident was closed over firing alerts -----------------------------------------------------------------


def test_an_alert_that_still_fires_after_its_incident_was_closed_is_left_alone_for_a_while_then_opens_another() -> None:
    closed = opened(alert()).model_copy(update={"open": False, "settled_at": NOON})

    soon = fold(closed, [alert()], NOON + REOPEN_AFTER - timedelta(seconds=1))
    later = fold(closed, [alert()], NOON + REOPEN_AFTER)

    assert not soon.opens
    assert not soon.changed
    assert later.opens
    assert [one.fingerprint for one in later.new_alerts] == ["fp-1"]


def test_a_worse_alert_opens_at_once_even_though_the_incident_was_just_closed() -> None:
    closed = opened(alert()).model_copy(update={"open": False, "settled_at": NOON})

    assert fold(closed, [alert(severity="critical", timestamp=at(1))], at(1)).opens


def test_alerts_whose_end_was_lost_do_not_keep_the_next_incident_open() -> None:
    closed = opened(alert(), alert(fingerprint="lost")).model_copy(update={"open": False, "settled_at": NOON})
    state = opened(alert(fingerprint="fp-3", timestamp=at(60)), state=closed, minutes=60)

    assert fold(state, [resolved(61, fingerprint="fp-3")], at(61)).resolves


# --- flapping --------------------------------------------------------------------------------------------------------


def test_a_group_that_opens_too_often_flaps_and_then_goes_quiet_instead_of_resolving() -> None:
    state = EMPTY
    for turn in range(FLAP_OPENINGS):
        state = opened(alert(timestamp=at(turn * 5)), state=state, minutes=turn * 5)
        assert not state.flapping
        state = fold(state, [resolved(turn * 5 + 1)], at(turn * 5 + 1)).group

    state = opened(alert(timestamp=at(50)), state=state, minutes=50)
    quiet = fold(state, [resolved(51)], at(51))
    again = fold(quiet.group, [alert(timestamp=at(52))], at(52))

    assert state.flapping
    assert quiet.quiets
    assert not quiet.resolves
    assert again.joins
    assert not again.opens


def test_openings_of_another_hour_do_not_count_as_flapping() -> None:
    state = EMPTY
    for turn in range(FLAP_OPENINGS + 2):
        state = opened(alert(timestamp=at(turn * 61)), state=state, minutes=turn * 61)
        state = fold(state, [resolved(turn * 61 + 1)], at(turn * 61 + 1)).group

    assert not state.flapping


# --- the incident ----------------------------------------------------------------------------------------------------


def test_the_worst_alert_leads_and_its_body_stays_behind() -> None:
    folded = fold(EMPTY, [alert(), alert(fingerprint="fp-2", severity="critical", host="web-2")], NOON)

    _, incident = open_incident(folded, NOON)

    assert incident.alert.severity == "critical"
    assert incident.alert.raw_payload is None
    assert incident.hosts == ["web-1", "web-2"]
    assert incident.alert_count == 2


def test_the_id_reads_like_a_headline_and_is_the_same_for_a_retry() -> None:
    folded = fold(EMPTY, [alert(alert_name="Disk almost full! /data", host="web-1.prod.example.com")], NOON)

    first, again = (open_incident(folded, at(minutes))[1].incident_id for minutes in (0, 3))

    assert first == again
    assert re.fullmatch(r"Disk-almost-full-data-web-1-prod-example-c-20260302T120000Z-[0-9a-f]{8}", first)


@given(st.text(min_size=1, max_size=256), st.one_of(st.none(), st.text(min_size=1, max_size=256)))
def test_any_name_and_host_give_a_valid_execution_name(name: str, host: str | None) -> None:
    _, incident = open_incident(fold(EMPTY, [alert(alert_name=name, host=host)], NOON), NOON)

    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", incident.incident_id)


def test_tombstones_do_not_grow_without_end() -> None:
    ends = [resolved(n, fingerprint=f"fp-{n}") for n in range(TOMBSTONES + 50)]

    ended = fold(EMPTY, ends, NOON).group.ended

    assert len(ended) == TOMBSTONES
    assert "fp-0" not in ended
    assert f"fp-{TOMBSTONES + 49}" in ended


def test_a_storm_always_pages() -> None:
    assert storm_alert(alert(severity="low"), "5 a minute", NOON).severity == "high"
    assert storm_alert(alert(severity="critical"), "5 a minute", NOON).severity == "critical"


def test_a_storm_is_known_by_its_first_alert() -> None:
    storm = storm_alert(alert(alert_name="TargetDown"), "5 a minute", NOON)
    _, incident = open_incident(fold(GroupState(group_key=storm.group_key), [storm], NOON), NOON)

    assert (incident.alert.alert_name, incident.first_alert) == ("Alert storm", "TargetDown")


def test_a_label_first_alert_does_not_make_an_incident_a_storm() -> None:
    _, incident = open_incident(fold(EMPTY, [alert(labels={"first_alert": "AllIsWell"})], NOON), NOON)

    assert incident.first_alert == incident.alert.alert_name


# --- what is kept back -----------------------------------------------------------------------------------------------


def hold(minutes: float) -> Hold:
    return Hold(by="silence", id="s-1", reason="because", until=at(minutes), seconds=60)


def silent(*hosts: str, minutes: float = 60) -> Callable[[NormalizedAlert], Hold | None]:
    """A silence for these hosts."""
    return lambda one: hold(minutes) if one.host in hosts else None


def held_group() -> GroupState:
    """An open incident of web-1, which waits for an hour."""
    folded = fold(EMPTY, [alert(host="web-1")], NOON, silent("web-1"))
    return open_incident(folded, NOON)[0]


def test_an_incident_is_held_when_every_alert_in_it_is_held() -> None:
    alerts = [alert(fingerprint="fp-1", host="web-1"), alert(fingerprint="fp-2", host="web-2")]

    group, incident = open_incident(fold(EMPTY, alerts, NOON, silent("web-1", "web-2")), NOON)
    loud = open_incident(fold(EMPTY, alerts, NOON, silent("web-1")), NOON)

    assert incident.hold == hold(60)
    assert group.held_until == at(60)
    assert loud[1].hold is None
    assert loud[0].held_until is None


def test_an_incident_is_held_only_until_its_first_hold_ends() -> None:
    lasts = {"web-1": hold(60), "web-2": hold(10)}
    alerts = [alert(fingerprint="fp-1", host="web-1"), alert(fingerprint="fp-2", host="web-2")]

    assert fold(EMPTY, alerts, NOON, lambda one: lasts[str(one.host)]).hold == hold(10)


def test_a_paging_alert_that_is_not_held_ends_the_hold() -> None:
    loud = alert(fingerprint="fp-2", host="web-2", severity="high")
    soft = alert(fingerprint="fp-2", host="web-2", severity="medium")
    too = alert(fingerprint="fp-2", host="web-1", severity="high")

    assert fold(held_group(), [loud], at(1), silent("web-1")).worsened_to == "high"
    assert fold(held_group(), [loud], at(1), silent("web-1")).ends_hold
    assert not fold(held_group(), [soft], at(1), silent("web-1")).ends_hold
    kept = fold(held_group(), [too], at(1), silent("web-1"))
    assert (kept.ends_hold, kept.worsened_to, kept.held_back) == (False, None, "high")


def test_after_the_hold_a_silenced_worse_alert_worsens_the_incident() -> None:
    late = fold(held_group(), [alert(fingerprint="fp-2", severity="high")], at(60), silent("web-1", minutes=90))

    assert late.worsened_to == "high"


# --- how often it flaps ----------------------------------------------------------------------------------------------


def test_an_incident_knows_how_often_its_group_flapped() -> None:
    state, openings = EMPTY, []
    for number in range(FLAP_OPENINGS + 2):
        minutes = number * 5
        folded = fold(state, [alert(timestamp=at(minutes))], at(minutes))
        state, incident = open_incident(folded, at(minutes))
        openings.append((incident.opened_last_hour, incident.flapping))
        state = state.model_copy(update={"open": False, "firing": {}})

    assert openings == [(1, False), (2, False), (3, False), (4, True), (5, True)]


def test_a_critical_alert_that_joins_what_flaps_makes_it_worse() -> None:
    flapping = opened(alert()).model_copy(update={"flapping": True})

    assert fold(flapping, [alert(fingerprint="fp-2", severity="critical")], at(1)).worsened_to == "critical"
