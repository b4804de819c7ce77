"""The state Classify: what holds an incident, and what ends the hold."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.errors import HistoryUnavailable
from firstline.observability import metrics
from firstline.policy.holds import Silence
from firstline.policy.match import AlertMatch
from tests.support.classification_fixtures import NOW, FakeModel
from tests.unit.classification.desk import INHIBITION, OTHER_HOST, Desk, rule, silence


@pytest.mark.parametrize(
    ("declared", "changes", "waits"),
    [
        ({"hold": "5m"}, {}, True),
        ({"hold": "5m", "at_least": "critical"}, {}, False),
        ({"hold": "5m"}, {"severity": "critical"}, False),
        ({"hold": "5m", "even_critical": True}, {"severity": "critical"}, True),
        ({"hold": "5m"}, {"storm": True}, False),
        ({"hold": "5m", "severity": "low"}, {}, True),
        ({"severity": "low"}, {}, False),
    ],
    ids=["high", "raised to critical", "critical", "critical too", "storm", "ruled and held", "no hold declared"],
)
def test_a_rule_holds_an_incident_unless_it_is_critical_or_a_storm(
    declared: dict[str, Any], changes: dict[str, Any], waits: bool, desk: Desk
) -> None:
    desk.rules = [rule(**declared)]
    desk.open(**changes)

    verdict = desk.assess()

    assert (verdict.hold is not None) is waits
    assert (desk.live.held_until is not None) is waits
    if verdict.hold is not None:
        assert (verdict.hold.by, verdict.hold.seconds) == ("rule", 300)
        assert verdict.hold.until == desk.live.held_until == NOW + timedelta(minutes=5)
        assert verdict.reasons[-1] == "Rule mine waits 5 minutes before it is real: We agreed so."


def test_a_rule_holds_an_incident_only_once(desk: Desk) -> None:
    desk.rules = [rule(hold="5m")]
    desk.open()
    waits = desk.assess()
    assert desk.assess(minutes=6) == waits, "the same verdict is returned after its hold"
    desk.join(severity="high", **OTHER_HOST)

    assert desk.assess(minutes=7).hold is None


def test_a_person_ends_the_hold_of_a_rule(desk: Desk) -> None:
    desk.rules = [rule(hold="5m")]
    desk.open()
    waits = desk.assess()
    desk.store.incidents.end_hold(desk.opened.incident_id, "Ana", NOW + timedelta(minutes=1))

    assert desk.assess(minutes=2) == waits.model_copy(update={"hold": None})


def test_an_incident_whose_hold_a_person_ended_is_not_held_by_a_rule(desk: Desk) -> None:
    desk.rules = [rule(hold="5m")]
    desk.open(held_by=silence().hold(NOW))
    desk.store.incidents.end_hold(desk.opened.incident_id, "Ana", NOW)

    assert desk.assess(minutes=1).hold is None


def test_a_rule_holds_an_incident_although_the_table_is_down(desk: Desk) -> None:
    desk.rules = [rule(hold="5m")]
    desk.store.down = True

    assert desk.assess(incident=desk.make()).hold is not None


@pytest.mark.parametrize("severity", ["low", "high"])
def test_a_rule_on_one_alert_holds_no_loud_alert_that_joined_and_cannot_be_read(severity: str, desk: Desk) -> None:
    desk.rules = [rule(hold="5m", match={"host": "web-1"})]
    desk.open(severity=severity, host="web-1")
    desk.join(severity="high", **OTHER_HOST)
    desk.store.faults["members"] = HistoryUnavailable("throttled")

    verdict = desk.assess()

    assert (verdict.severity, verdict.hold) == ("high", None)


def test_a_rule_may_hold_an_incident_that_was_noise_until_an_alert_joined(desk: Desk) -> None:
    desk.rules = [rule(severity="noise", match={"host": "web-1"}), rule(id="other", hold="5m")]
    desk.open(severity="low")
    assert desk.assess().severity == "noise"
    desk.join(severity="medium", **OTHER_HOST)

    assert desk.assess(minutes=2).hold is not None


def test_a_rule_gives_an_incident_its_route(desk: Desk) -> None:
    desk.rules = [rule(route="platform-team")]
    desk.open()

    verdict = desk.assess()

    assert verdict.route == "platform-team"
    assert verdict.reasons[-1] == "Rule mine gives it the route platform-team: We agreed so."


def test_no_model_is_asked_about_an_incident_that_a_silence_holds(desk: Desk, asking: FakeModel) -> None:
    metrics.clear_metrics()
    desk.open(held_by=silence(expires_at=NOW + timedelta(minutes=120)).hold(NOW))

    verdict = desk.assess(minutes=30)

    assert asking.asked == []
    assert metrics.metric_set["LlmCacheMiss"]["Value"][-1] == 0
    assert verdict.hold is not None
    assert (verdict.hold.id, verdict.hold.seconds) == ("s-1", (120 - 30) * 60)
    assert "it is not asked while the incident waits" in str(verdict.reasons)


def test_an_incident_that_another_silence_holds_now_keeps_its_name_when_a_held_alert_joins(desk: Desk) -> None:
    desk.open(held_by=silence().hold(NOW))
    desk.assess()
    left = silence(id="s-2", expires_at=NOW + timedelta(hours=1)).hold(NOW)
    desk.store.incidents.name_hold(desk.opened.incident_id, left)
    desk.join(held=True, **OTHER_HOST)

    hold = desk.assess(minutes=2).hold

    assert hold is not None
    assert (hold.id, hold.until) == ("s-2", left.until)


LATER_SILENCE = silence(id="s-2", expires_at=NOW + timedelta(hours=9))
SILENCE_OF_ANOTHER_HOST = silence(id="s-3", match=AlertMatch(host=("web-9",)))


@pytest.mark.parametrize(
    ("silences", "waits"),
    [
        pytest.param([], False, id="no other silence"),
        pytest.param([LATER_SILENCE], True, id="a later silence"),
        pytest.param([SILENCE_OF_ANOTHER_HOST], False, id="a silence of another host"),
    ],
)
def test_after_its_silence_an_incident_is_judged_unless_another_silence_holds_it(
    silences: list[Silence], waits: bool, desk: Desk, asking: FakeModel
) -> None:
    desk.open(held_by=silence().hold(NOW))
    desk.assess()
    desk.silences = silences

    verdict = desk.assess(minutes=120)

    assert (verdict.hold is not None) is waits
    assert bool(asking.asked) is not waits
    assert (desk.live.held_until is not None) is waits


@pytest.mark.parametrize(
    ("silenced", "waits"), [(("web-1", "web-2"), True), (("web-1",), False)], ids=["both hosts", "one of two hosts"]
)
def test_an_incident_waits_only_while_all_of_its_alerts_are_silenced(
    silenced: tuple[str, ...], waits: bool, desk: Desk
) -> None:
    desk.open(host="web-1", held_by=silence().hold(NOW))
    desk.assess()
    desk.join(held=True, **OTHER_HOST)
    desk.silences = [silence(id="s-2", match=AlertMatch(host=silenced), expires_at=NOW + timedelta(hours=9))]

    assert (desk.assess(minutes=120).hold is not None) is waits


@pytest.mark.parametrize(
    ("held", "severity", "waits"),
    [(True, "medium", True), (False, "medium", False), (False, "high", False)],
    ids=["silenced", "not silenced", "not silenced and loud"],
)
def test_an_alert_that_joins_unsilenced_ends_the_hold(held: bool, severity: str, waits: bool, desk: Desk) -> None:
    desk.open(severity="low", held_by=silence().hold(NOW))
    desk.assess()
    desk.join(severity=severity, held=held, **OTHER_HOST)

    verdict = desk.assess(minutes=2)

    assert (verdict.hold is not None) is waits
    assert verdict.severity == severity


def test_a_loud_alert_ends_the_hold_although_the_list_cannot_be_read(desk: Desk) -> None:
    desk.open(severity="low", held_by=silence().hold(NOW))
    desk.assess()
    desk.join(severity="high", **OTHER_HOST)
    desk.store.faults["members"] = HistoryUnavailable("throttled")

    verdict = desk.assess(minutes=2)

    assert (verdict.hold, verdict.severity) == (None, "high")


def test_of_the_holds_on_the_alerts_the_one_that_ends_first_counts(desk: Desk) -> None:
    desk.open(held_by=silence().hold(NOW))
    desk.join(held=True, **OTHER_HOST)
    desk.silences = [
        silence(id=f"s-{hours}", match=AlertMatch(host=(host,)), expires_at=NOW + timedelta(hours=hours))
        for host, hours in (("web-1", 9), ("web-2", 5))
    ]

    verdict = desk.assess(minutes=120)

    assert verdict.hold is not None
    assert verdict.hold.id == "s-5"


def test_a_silenced_alert_that_joined_counts_after_the_silence_although_the_list_cannot_be_read(desk: Desk) -> None:
    desk.open(severity="low", held_by=silence().hold(NOW))
    desk.assess()
    desk.join(severity="high", held=True, **OTHER_HOST)
    desk.store.faults["members"] = HistoryUnavailable("throttled")

    assert desk.assess(minutes=120).severity == "high"


def test_an_incident_whose_hold_a_person_ended_is_judged_despite_its_silence(desk: Desk, asking: FakeModel) -> None:
    desk.open(held_by=silence().hold(NOW))
    desk.assess()
    desk.silences = [silence()]
    desk.store.incidents.end_hold(desk.opened.incident_id, "Ana", NOW + timedelta(minutes=1))

    assert desk.assess(minutes=2).hold is None
    assert len(asking.asked) == 1


@pytest.mark.parametrize("firing", [0, 1], ids=["the inhibiting alert ended", "it fires"])
def test_an_inhibited_incident_waits_while_the_inhibiting_alert_fires(firing: int, desk: Desk) -> None:
    desk.inhibitions, desk.inhibitors = (INHIBITION,), firing
    desk.open(held_by=INHIBITION.hold(NOW))
    first = desk.assess()
    assert first.hold is not None

    verdict = desk.assess(minutes=4 * 60)

    assert (verdict.hold is not None) is bool(firing)
    if verdict.hold is not None:
        assert (verdict.hold.by, verdict.hold.until) == ("inhibition", NOW + timedelta(hours=8))


def test_an_incident_that_cannot_be_read_is_not_held(desk: Desk) -> None:
    desk.open(held_by=silence().hold(NOW))
    desk.assess()
    desk.store.faults["live"] = HistoryUnavailable("throttled")

    assert desk.assess(minutes=1).hold is None


def test_after_its_silence_an_incident_is_not_held_if_silences_cannot_be_read(desk: Desk) -> None:
    desk.open(held_by=silence().hold(NOW))
    desk.assess()
    desk.silences, desk.silences_fault = [LATER_SILENCE], HistoryUnavailable("throttled")

    assert desk.assess(minutes=120).hold is None
