"""The state Classify: what joined is judged, what holds the incident, and what is stored of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from firstline.classification.classify import assess
from firstline.classification.hold import Declared
from firstline.classification.say import FULL_SAY
from firstline.errors import HistoryUnavailable
from firstline.models import (
    AlertWrite,
    Change,
    Classification,
    Hold,
    Incident,
    Live,
    NormalizedAlert,
    StoredAlert,
    Word,
    kind_of,
)
from firstline.observability import metrics
from firstline.policy.holds import Silence
from firstline.policy.inhibition import Inhibition
from firstline.policy.match import AlertMatch
from firstline.policy.rules import Rules
from tests.support.changes import counts_for, ending, stored
from tests.support.classification_fixtures import NOW, FakeModel
from tests.support.memory import MemoryStore

UNTIL = NOW + timedelta(hours=2)
OTHER_HOST: dict[str, Any] = {"host": "web-2", "fingerprint": "f2"}


def silence(**what: Any) -> Silence:
    fields: dict[str, Any] = {
        "id": "s-1",
        "match": AlertMatch(alert_name=("HighMemory",)),
        "owner": "ada",
        "reason": "Memory is added.",
        "created_at": NOW,
        "expires_at": UNTIL,
    }
    return Silence(**(fields | what))


def rule(**decision: Any) -> dict[str, Any]:
    return {"id": "mine", "reason": "We agreed so.", "match": {"alert_name": "HighMemory"}} | decision


INHIBITION = Inhibition(
    id="the-switch",
    source=AlertMatch(alert_name=("SwitchDown",)),
    target=AlertMatch(alert_name=("HighMemory",)),
    reason="No host answers without it.",
)


@dataclass
class Desk:
    """A stack with one incident, which Classify judges as often as a test likes."""

    make: Callable[..., Incident]
    store: MemoryStore = field(default_factory=MemoryStore)
    rules: list[dict[str, Any]] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    inhibitions: tuple[Inhibition, ...] = ()
    inhibitors: int = 0
    model: FakeModel | None = None
    incident: Incident | None = None
    asked_for: list[NormalizedAlert] = field(default_factory=list)

    @property
    def opened(self) -> Incident:
        assert self.incident is not None
        return self.incident

    @property
    def live(self) -> Live:
        live = self.store.incidents.live(self.opened.group_key)
        assert live is not None
        return live

    def alert(self, **what: Any) -> NormalizedAlert:
        return self.make(**what).alert

    def open(self, *, held_by: Hold | None = None, rank: int | None = None, **what: Any) -> Incident:
        """Open an incident, as ingest does."""
        self.incident = self.make(hold=held_by, **what)
        known = {"held": held_by is not None, "rank": rank} if rank is not None else {"held": held_by is not None}
        first = stored(self.incident.alert, self.incident, NOW, **known)
        counts = counts_for(first.rank, held=held_by is not None)
        change = Change(
            self.incident.group_key,
            self.incident.group_key,
            self.incident.incident_id,
            (AlertWrite(None, first),),
            counts,
            NOW,
        )
        self.store.groups.open(change, self.incident, None, [NOW])
        return self.incident

    def join(self, *, minutes: float = 1, held: bool = False, rank: int | None = None, **what: Any) -> StoredAlert:
        """Let an alert join it, as ingest does."""
        now = NOW + timedelta(minutes=minutes)
        known = {"rank": rank} if rank is not None else {}
        new = stored(self.alert(**what), self.live, now, held=held, number=self.live.joined, **known)
        adds = counts_for(new.rank, held=held)
        group, incident_id = self.opened.group_key, self.opened.incident_id
        self.store.groups.apply(Change(group, group, incident_id, (AlertWrite(None, new),), adds, now, needs_hold=held))
        return new

    def end(self, alert: StoredAlert, *, minutes: float = 2) -> None:
        """Let an alert of it end."""
        self.store.groups.apply(ending(self.live, alert, now=NOW + timedelta(minutes=minutes)))

    def assess(self, *, minutes: float = 0, generation: int = 1, incident: Incident | None = None) -> Classification:
        """Serve the state `Classify`."""
        rules = Rules.model_validate({"rules": self.rules, "inhibit": [each.model_dump() for each in self.inhibitions]})
        return assess(
            incident or self.opened,
            generation,
            incidents=self.store.incidents,
            declared=Declared(rules, silences=lambda: self.silences, inhibitors=self.count),
            offered=self.offer,
            model=self.model,
            time_zone="UTC",
            now=NOW + timedelta(minutes=minutes),
            say=FULL_SAY,
        ).classification

    def count(self, keys: Iterable[str]) -> Mapping[str, int]:
        return dict.fromkeys(keys, self.inhibitors)

    def offer(self, alert: NormalizedAlert) -> Sequence[Any]:
        self.asked_for.append(alert)
        return ()


@pytest.fixture
def desk(incident: Callable[..., Incident]) -> Desk:
    return Desk(incident)


# --- what is stored ---------------------------------------------------------------------------------------------------


def test_a_verdict_is_stored_with_what_it_knew_of(desk: Desk) -> None:
    desk.open()

    verdict = desk.assess()

    assert desk.store.only.classification == verdict
    assert (desk.live.decided, desk.live.judged, desk.live.judged_loud.high) == (3, 1, 1)
    assert desk.live.started == 1


def test_what_joins_while_it_is_judged_is_not_covered(desk: Desk) -> None:
    desk.open(severity="low")
    desk.store.meanwhile["judge"] = lambda: desk.join(severity="critical", **OTHER_HOST)

    desk.assess()

    assert (desk.live.joined, desk.live.judged, desk.live.judged_loud.critical) == (2, 1, 0)
    assert desk.live.rank == 4


def test_a_broken_table_costs_evidence_and_not_the_verdict(desk: Desk) -> None:
    desk.store.down = True

    verdict = desk.assess(incident=desk.make())

    assert verdict.severity == "high"
    assert sum("could not be read: the table is down" in reason for reason in verdict.reasons) == 5


def test_a_verdict_that_cannot_be_written_is_given_all_the_same(desk: Desk) -> None:
    desk.open()
    desk.store.faults["judge"] = HistoryUnavailable("throttled")

    assert desk.assess().severity == "high"
    assert desk.live.decided is None


# --- what is judged ---------------------------------------------------------------------------------------------------


@pytest.fixture
def asking(desk: Desk, judged: Any) -> FakeModel:
    desk.model = FakeModel(judged(severity="medium", confidence=0.9))
    return desk.model


def test_a_successor_gets_the_stored_verdict_for_nothing(desk: Desk, asking: FakeModel) -> None:
    desk.open(severity="medium")
    first = desk.assess()
    successor = desk.store.incidents.begin_generation(desk.live, NOW)
    assert successor is not None

    assert desk.assess(generation=2, minutes=30) == first
    assert len(asking.asked) == 1
    assert desk.live.started == 2, "reconcile would start it again"


def test_what_joined_is_judged_anew(desk: Desk, asking: FakeModel) -> None:
    desk.open(severity="low")
    desk.assess()
    desk.join(severity="critical", **OTHER_HOST)

    verdict = desk.assess(minutes=2)

    assert verdict.severity == "high", "the model may not take it lower"
    assert len(asking.asked) == 2
    assert desk.asked_for[-1].host == "web-2"
    assert (desk.live.judged, desk.live.judged_loud.critical) == (2, 1)


@pytest.mark.parametrize(("said", "severity"), [("noise", "medium"), ("low", "medium"), ("critical", "critical")])
def test_a_word_on_one_alert_hides_no_other_of_its_incident(desk: Desk, said: Any, severity: str) -> None:
    """Both came in one delivery. Nobody stated a severity; the one that people spoke of is guessed to be the worse."""
    guessed: dict[str, Any] = {"severity_stated": False, "message": "-"}
    desk.open(alert_name="NightlyExport", severity="high", rank=3, **guessed)
    desk.join(alert_name="OrdersQueueGrows", severity="medium", rank=2, fingerprint="f2", **guessed)
    desk.store.incidents.save_word(
        Word(subject=kind_of(desk.opened.alert), severity=said, by="ada", person="U0ADA", at=NOW)
    )

    assert desk.assess(minutes=2).severity == severity


def test_the_deciding_rule_must_match_what_joined(desk: Desk) -> None:
    """A rule makes alerts of one host low; another host of its group is judged by itself."""
    desk.rules = [rule(severity="low", match={"alert_name": "HighMemory", "host": "test-*"})]
    desk.open(severity="critical", host="test-1", rank=1)
    assert desk.assess().severity == "low"
    desk.join(severity="critical", **OTHER_HOST)

    assert desk.assess(minutes=2).severity == "critical"


@pytest.mark.parametrize("severity", ["low", "high"])
def test_the_worst_that_fires_is_judged(desk: Desk, severity: str) -> None:
    desk.open(severity=severity)
    desk.assess()
    critical = desk.join(severity="critical", **OTHER_HOST)
    desk.join(severity="medium", fingerprint="f3", host="web-3")
    desk.end(critical)

    verdict = desk.assess(minutes=3)

    assert verdict.severity == {"low": "medium", "high": "high"}[severity]
    assert desk.asked_for[-1].host == {"low": "web-3", "high": "web-1"}[severity]


def test_of_equal_ones_the_newcomer_is_judged(desk: Desk) -> None:
    desk.rules = [rule(at_most="low", match={"host": "web-1"})]
    desk.open(severity="high")
    assert desk.assess().severity == "low"
    desk.join(severity="high", **OTHER_HOST)

    assert desk.assess(minutes=2).severity == "high"


def test_the_hosts_of_what_fires_are_named(desk: Desk) -> None:
    desk.open(severity="low")
    desk.join(severity="medium", **OTHER_HOST)

    assert "on web-2 and web-1" in desk.assess(minutes=2).summary or "web-2, web-1" in desk.assess(minutes=2).summary


def test_what_is_counted_and_not_listed_is_not_taken_for_harmless(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index of an incident's alerts may be a moment behind."""
    desk.rules = [rule(severity="noise", match={"host": "web-1"}, even_critical=True)]
    desk.open(severity="high", rank=0)
    assert desk.assess().severity == "noise"
    listed = desk.store.incidents.members(desk.opened.incident_id)
    desk.join(severity="critical", **OTHER_HOST)
    monkeypatch.setattr(desk.store.incidents, "members", lambda *_: listed, raising=False)

    verdict = desk.assess(minutes=2)

    assert verdict.severity == "critical"
    assert verdict.reasons[-1] == (
        "Raised from noise to critical: an alert of that severity joined and is not among those that were judged."
    )


def test_a_list_that_cannot_be_read_hides_nothing(desk: Desk) -> None:
    desk.rules = [rule(severity="low")]
    desk.open(severity="low")
    desk.assess()
    desk.join(severity="high", **OTHER_HOST)
    desk.store.faults["members"] = HistoryUnavailable("throttled")

    assert desk.assess(minutes=2).severity == "high"


def test_what_a_rule_lowered_is_not_raised_again(desk: Desk) -> None:
    desk.rules = [rule(severity="low")]
    desk.open(severity="critical", rank=1)
    desk.join(severity="critical", rank=1, **OTHER_HOST)

    assert desk.assess(minutes=2).severity == "low"


def test_a_critical_of_a_storm_makes_it_critical(desk: Desk) -> None:
    desk.open(severity="low", storm=True)
    assert desk.assess().severity == "high"
    desk.join(severity="critical", **OTHER_HOST)

    assert desk.assess(minutes=2).severity == "critical"


# --- what waits -------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("declared", "asked"),
    [([], 1), ([rule(at_least="low")], 1), ([rule(severity="low")], 0)],
    ids=["no rule", "bounds", "ruled"],
)
def test_the_metric_counts_the_questions_to_the_model(
    declared: list[dict[str, Any]], asked: int, desk: Desk, asking: FakeModel
) -> None:
    metrics.clear_metrics()
    desk.rules = declared
    desk.open()

    desk.assess()

    assert metrics.metric_set["LlmCacheMiss"]["Value"] == [len(asking.asked)] == [asked]
