"""A stack with one incident for tests of Classify, with the rules, silences and models that a test declares."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from firstline.classification.classify import assess
from firstline.classification.hold import Declared
from firstline.classification.model_say import FULL_SAY
from firstline.errors import HistoryUnavailable
from firstline.models import (
    SEVERITY_RANK,
    AlertWrite,
    Change,
    Classification,
    Hold,
    Incident,
    Live,
    NormalizedAlert,
    Severity,
    StoredAlert,
)
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
    """A stack with one incident, which a test can let Classify judge several times.

    `inhibitors` is how many inhibiting alerts fire; `asked_for` has the alerts for which runbooks were looked up.
    """

    make: Callable[..., Incident]
    store: MemoryStore = field(default_factory=MemoryStore)
    rules: list[dict[str, Any]] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    silences_fault: HistoryUnavailable | None = None
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

    def open(self, *, held_by: Hold | None = None, declared: Severity | None = None, **what: Any) -> Incident:
        """Open an incident, as ingest does, which ranks an alert by the severity that a rule declared for it."""
        self.incident = self.make(hold=held_by, **what)
        known = {"held": held_by is not None} | ({"rank": SEVERITY_RANK[declared]} if declared else {})
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

    def join(
        self, *, minutes: float = 1, held: bool = False, declared: Severity | None = None, **what: Any
    ) -> StoredAlert:
        """Let another alert join the incident, as ingest does, and return it."""
        now = NOW + timedelta(minutes=minutes)
        known = {"rank": SEVERITY_RANK[declared]} if declared else {}
        new = stored(self.alert(**what), self.live, now, held=held, number=self.live.joined, **known)
        adds = counts_for(new.rank, held=held)
        group, incident_id = self.opened.group_key, self.opened.incident_id
        self.store.groups.apply(Change(group, group, incident_id, (AlertWrite(None, new),), adds, now, needs_hold=held))
        return new

    def end(self, alert: StoredAlert, *, minutes: float = 2) -> None:
        """Let an alert of the incident resolve."""
        self.store.groups.apply(ending(self.live, alert, now=NOW + timedelta(minutes=minutes)))

    def assess(self, *, minutes: float = 0, generation: int = 1, incident: Incident | None = None) -> Classification:
        """Classify the incident, as the state machine's state `Classify` does."""
        rules = Rules.model_validate({"rules": self.rules, "inhibit": [each.model_dump() for each in self.inhibitions]})
        return assess(
            incident or self.opened,
            generation,
            incidents=self.store.incidents,
            declared=Declared(rules, silences=self.read_silences, inhibitors=self.count),
            offered=self.offer,
            model=self.model,
            time_zone="UTC",
            now=NOW + timedelta(minutes=minutes),
            say=FULL_SAY,
        ).classification

    def read_silences(self) -> Sequence[Silence]:
        if self.silences_fault is not None:
            raise self.silences_fault
        return self.silences

    def count(self, keys: Iterable[str]) -> Mapping[str, int]:
        return dict.fromkeys(keys, self.inhibitors)

    def offer(self, alert: NormalizedAlert) -> Sequence[Any]:
        self.asked_for.append(alert)
        return ()
