"""The state Classify: what holds the incident, and what ends that."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from firstline.classification.classify import assess
from firstline.classification.hold import Declared
from firstline.errors import HistoryUnavailable
from firstline.observability import metrics
from firstline.policy.holds import Silence
from firstline.policy.match import AlertMatch
from firstline.policy.rules import Rules
from tests.support.classification_fixtures import NOW, FakeModel
from tests.unit.classification.desk import INHIBITION, OTHER_HOST, UNTIL, Desk, rule, silence


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
)
def test_a_rule_makes_what_is_not_critical_wait(
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


def test_a_rule_makes_it_wait_once(desk: Desk) -> None:
    desk.rules = [rule(hold="5m")]
    desk.open()
    waits = desk.assess()
    assert desk.assess(minutes=6) == waits, "the verdict stands when the time is over"
    desk.join(severity="critical", **OTHER_HOST)

    assert desk.assess(minutes=7).hold is None


def test_a_person_ends_what_a_rule_waits_for(desk: Desk) -> None:
    desk.rules = [rule(hold="5m")]
    desk.open()
    waits = desk.assess()
    desk.store.incidents.end_hold(desk.opened.incident_id, "Ana", NOW + timedelta(minutes=1))

    assert desk.assess(minutes=2) == waits.model_copy(update={"hold": None})


def test_what_a_person_released_does_not_wait_for_a_rule(desk: Desk) -> None:
    desk.rules = [rule(hold="5m")]
    desk.open(held_by=silence().hold(NOW))
    desk.store.incidents.end_hold(desk.opened.incident_id, "Ana", NOW)

    assert desk.assess(minutes=1).hold is None


def test_without_the_table_a_rule_holds_all_the_same(desk: Desk) -> None:
    desk.rules = [rule(hold="5m")]
    desk.store.down = True

    assert desk.assess(incident=desk.make()).hold is not None


def test_noise_that_gets_company_may_wait_for_its_rule(desk: Desk) -> None:
    desk.rules = [rule(severity="noise", match={"host": "web-1"}), rule(id="other", hold="5m")]
    desk.open(severity="low")
    assert desk.assess().severity == "noise"
    desk.join(severity="medium", **OTHER_HOST)

    assert desk.assess(minutes=2).hold is not None


def test_a_rule_gives_it_a_route(desk: Desk) -> None:
    desk.rules = [rule(route="platform-team")]
    desk.open()

    verdict = desk.assess()

    assert verdict.route == "platform-team"
    assert verdict.reasons[-1] == "Rule mine gives it the route platform-team: We agreed so."


def test_nothing_is_paid_for_what_a_silence_holds(desk: Desk, asking: FakeModel) -> None:
    metrics.clear_metrics()
    desk.open(held_by=silence().hold(NOW))

    verdict = desk.assess(minutes=30)

    assert asking.asked == []
    assert metrics.metric_set["LlmCacheMiss"]["Value"][-1] == 0
    assert verdict.hold is not None
    assert (verdict.hold.id, verdict.hold.seconds) == ("s-1", 90 * 60)
    assert "it is not asked while the incident waits" in str(verdict.reasons)


MORE = silence(id="s-2", expires_at=NOW + timedelta(hours=9))


@pytest.mark.parametrize(
    ("silences", "waits"),
    [
        pytest.param([], False, id="the silence is over"),
        pytest.param([MORE], True, id="another one has begun"),
        pytest.param([silence(id="s-3", match=AlertMatch(host=("web-9",)))], False, id="another one is about another"),
    ],
)
def test_after_its_silence_it_is_judged_anew(
    silences: list[Silence], waits: bool, desk: Desk, asking: FakeModel
) -> None:
    desk.open(held_by=silence().hold(NOW))
    desk.assess()
    desk.silences = silences

    verdict = desk.assess(minutes=120)

    assert (verdict.hold is not None) is waits
    assert bool(asking.asked) is not waits
    assert (desk.live.held_until is not None) is waits


@pytest.mark.parametrize("host", ["web-2", "web-1"])
def test_it_waits_on_while_everything_in_it_is_silenced(host: str, desk: Desk) -> None:
    desk.open(held_by=silence().hold(NOW))
    desk.assess()
    desk.join(held=True, **OTHER_HOST)
    desk.silences = [silence(id="s-2", match=AlertMatch(host=(host, "web-1")), expires_at=NOW + timedelta(hours=9))]

    assert (desk.assess(minutes=120).hold is not None) is (host == "web-2")


@pytest.mark.parametrize(
    ("held", "severity", "waits"), [(True, "medium", True), (False, "medium", False), (False, "high", False)]
)
def test_what_joins_and_is_not_silenced_ends_the_wait(held: bool, severity: str, waits: bool, desk: Desk) -> None:
    desk.open(severity="low", held_by=silence().hold(NOW))
    desk.assess()
    desk.join(severity=severity, held=held, **OTHER_HOST)

    verdict = desk.assess(minutes=2)

    assert (verdict.hold is not None) is waits
    assert verdict.severity == severity


def test_what_is_loud_ends_the_wait_although_it_is_not_listed(desk: Desk) -> None:
    desk.open(severity="low", held_by=silence().hold(NOW))
    desk.assess()
    desk.join(severity="high", **OTHER_HOST)
    desk.store.faults["members"] = HistoryUnavailable("throttled")

    verdict = desk.assess(minutes=2)

    assert (verdict.hold, verdict.severity) == (None, "high")


def test_the_hold_that_ends_first_counts(desk: Desk) -> None:
    desk.open(held_by=silence().hold(NOW))
    desk.join(held=True, **OTHER_HOST)
    desk.silences = [
        silence(id=f"s-{hours}", match=AlertMatch(host=(host,)), expires_at=NOW + timedelta(hours=hours))
        for host, hours in (("web-1", 9), ("web-2", 5))
    ]

    verdict = desk.assess(minutes=120)

    assert verdict.hold is not None
    assert verdict.hold.id == "s-5"


def test_a_silenced_one_that_joined_is_not_forgotten(desk: Desk) -> None:
    desk.open(severity="low", held_by=silence().hold(NOW))
    desk.assess()
    desk.join(severity="high", held=True, **OTHER_HOST)
    desk.store.faults["members"] = HistoryUnavailable("throttled")

    assert desk.assess(minutes=120).severity == "high"


def test_somebody_ends_the_silence_for_it(desk: Desk, asking: FakeModel) -> None:
    desk.open(held_by=silence().hold(NOW))
    desk.assess()
    desk.silences = [silence()]
    desk.store.incidents.end_hold(desk.opened.incident_id, "Ana", NOW + timedelta(minutes=1))

    assert desk.assess(minutes=2).hold is None
    assert len(asking.asked) == 1


@pytest.mark.parametrize("firing", [0, 1])
def test_an_inhibited_one_waits_while_the_source_fires(firing: int, desk: Desk) -> None:
    desk.inhibitions, desk.inhibitors = (INHIBITION,), firing
    desk.open(held_by=INHIBITION.hold(NOW))
    first = desk.assess()
    assert first.hold is not None

    verdict = desk.assess(minutes=4 * 60)

    assert (verdict.hold is not None) is bool(firing)
    if verdict.hold is not None:
        assert (verdict.hold.by, verdict.hold.until) == ("inhibition", NOW + timedelta(hours=8))


@pytest.mark.parametrize("what", ["live", "since"])
def test_what_cannot_be_read_holds_nothing(what: str, desk: Desk) -> None:
    desk.open(held_by=silence().hold(NOW))
    desk.assess()

    def unreadable(now: datetime) -> Sequence[Silence]:
        raise HistoryUnavailable("throttled")

    if what == "live":
        desk.store.faults["live"] = HistoryUnavailable("throttled")
        assert desk.assess(minutes=1).hold is None
    else:
        declared = Declared(Rules(rules=()), silences=lambda: unreadable(NOW), inhibitors=desk.count)
        assessed = assess(
            desk.opened,
            incidents=desk.store.incidents,
            declared=declared,
            offered=desk.offer,
            model=None,
            time_zone="UTC",
            now=UNTIL,
        )
        assert assessed.classification.hold is None
