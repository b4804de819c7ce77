"""The holds on alerts, as the world knows them: silences, windows and inhibitions, whatever the stack says."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from firstline.policy.inhibition import Inhibition
from firstline.policy.rules import Rules
from tests.simulation.door import Key, Word

if TYPE_CHECKING:
    from tests.simulation.world import World

type Span = tuple[datetime, datetime]

NEXT = timedelta(seconds=75)
"""Another hold may begin so long after the end of one, and hold the alert on: reconcile looks each minute."""
FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class Holding:
    """The holds of a world."""

    world: "World"
    _sources: dict[Key, list[list[datetime]]] = field(default_factory=dict)
    """The times in which alerts that may inhibit others fired, by what was accepted: begin, and end if it is over."""

    def __post_init__(self) -> None:
        self.world.witness.accepted.append(self._accepted)

    def _accepted(self, word: Word, before: Word | None) -> None:
        key, at = word.said.key, word.at
        if not any(key.name in rule.source.alert_name for _, rules in self.world.rules for rule in rules.inhibit):
            return
        fired = self._sources.setdefault(key, [])
        if word.said.firing and not (fired and len(fired[-1]) == 1):
            fired.append([at])
        elif not word.said.firing and fired and self.world.witness.is_sure(key):
            fired[-1][1:] = [at]

    def over(self, word: Word) -> datetime:
        """Return until when an alert may be held without a gap, from the word about it on; at most now."""
        at, now = word.at, self.world.clock.now()
        while at < now:
            later = max((until for since, until in self._spans(word, at) if since <= at + NEXT), default=at)
            if later <= at:
                break
            at = later
        return min(at, now)

    def _spans(self, word: Word, at: datetime) -> Iterator[Span]:
        """Yield the times from and until which something holds the alert: of windows, those that matter at a time."""
        name, critical = word.said.key.name, word.said.severity == "critical"
        for silence in self.world.silenced:
            if name in silence.match.alert_name and (silence.even_critical or not critical):
                yield silence.created_at, silence.ended_at or silence.expires_at
        for since, until, rules in self._deployed():
            if until <= at:
                continue
            for window in rules.maintenance:
                if name in window.match.alert_name and window.suppress and (window.even_critical or not critical):
                    ons = [moment for moment in (at, at + NEXT) if window.on(moment)]
                    yield from ((max(since, moment), min(until, window.end(moment))) for moment in ons)
            for rule in rules.inhibit:
                if name in rule.target.alert_name:
                    yield from ((max(since, begin), min(until, end)) for begin, end in self._fired(rule, word.said.key))

    def _deployed(self) -> Iterator[tuple[datetime, datetime, Rules]]:
        """Yield each release of the rules: since when, until when, and what it declares."""
        ends = [*(at for at, _ in self.world.rules[1:]), FOREVER]
        for (since, rules), until in zip(self.world.rules, ends, strict=False):
            yield since, until, rules

    def _fired(self, rule: Inhibition, target: Key) -> Iterator[Span]:
        """Yield when the sources of an inhibition fired that are equal to the target."""
        for source, fired in self._sources.items():
            if source.name in rule.source.alert_name and (not rule.equal or source.host == target.host):
                yield from ((span[0], span[-1] if len(span) == 2 else FOREVER) for span in fired)
