"""How bad is an alert whose source did not say? What its name and its message usually mean.

A guess, for alerts without a severity only: what a source said is never read again here. The points were set by thought
and checked against rules that people published with a severity; docs/evals.md has the numbers, and how to repeat them.
No product's name is in here: a word must mean the same wherever it is used.
"""

import re
from dataclasses import dataclass
from functools import cache

from firstline.models import NormalizedAlert, SourceSeverity

_POINTS: tuple[tuple[int, str], ...] = (
    # Something is gone, or data is.
    (8, "data loss, data is lost, split brain, data corruption, ransomware"),
    (4, "critical, critically, emergency, fatal, disaster, outage, page, panic, crashed"),
    (4, "down, unavailable, offline, disappeared, not running, not responding, not reachable, cannot be reached"),
    (4, "no leader, no active, no longer, no healthy, lost quorum, out of service"),
    (4, "loss, lost, corrupt*, inconsistent, has expired, is expired, will not, at least one, unable to"),
    (4, "missing, very, not being, no"),
    # One failure away, or people notice.
    (3, "unreachable, almost out, out of space, out of disk, not ready, unhealthy, not healthy, absent, read only"),
    (3, "risk, burn, budget, too fast, hours left, high error rate, partition*, replication"),
    (2, "expired, failed to, full, dead, error rate, exhausted, users, customers, hours, stopped"),
    (1, "all, degraded"),
    # Somebody looks at it by day.
    (-1, "warning, slow, spike, near, soon, old, stale, pending, retry*, drift, skew, indicate*, cpu, throttl*"),
    (-1, "long, longer, waiting, possible, possibly, might, minor, percentage, quota, will be, about to"),
    # It tells, and asks for nothing.
    (-2, "average, total, restarted, rebooted, successful, success, completed, in progress"),
    (-3, "the amount, count of, total number, succeeded, notification, supported, consumed"),
    (-6, "info, informational, informative, fyi, notice, heartbeat, no action, new version"),
)
_IN_NAME = 2
"""A name is chosen by whoever watches; a message may quote anybody. So words in the name count twice."""

_CRITICAL, _HIGH, _LOW = 8, 4, -4

_MAX_CHARS = 2_000
_PLACES = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Guess:
    """A severity for an alert without one, and the words that speak for it (the strongest first)."""

    severity: SourceSeverity
    words: tuple[str, ...]

    @property
    def because(self) -> str:
        """The guess as a sentence for the record."""
        if not self.words:
            return "its words say nothing about it either, so it counts as medium"
        return f"its words ({', '.join(self.words)}) usually mean {self.severity}"


def guess(alert: NormalizedAlert) -> Guess:
    """Read the name and the message.

    Example
    -------
    >>> guess(alert(alert_name="PostgresqlDown", message="Instance is down"))
    Guess(severity='critical', words=('down',))
    """
    return read(alert.alert_name, alert.message)


def read(name: str, message: str) -> Guess:
    """The same, from the two texts."""
    in_name, in_message = _folded(name), _folded(message)
    found = [(points * _IN_NAME, phrase) for points, phrase, pattern in _patterns() if pattern.search(in_name)]
    named = {phrase for _, phrase in found}
    alarming = any(points > 0 for points, _ in found)
    for points, phrase, pattern in _patterns():
        # Whoever writes a message must not talk down what the name says.
        if phrase not in named and (points > 0 or not alarming) and pattern.search(in_message):
            found.append((points, phrase))
    total = sum(points for points, _ in found)
    severity: SourceSeverity = (
        "critical" if total >= _CRITICAL else "high" if total >= _HIGH else "low" if total <= _LOW else "medium"
    )
    speaking = [(points, phrase) for points, phrase in found if (points > 0) == (total > 0)] if total else []
    speaking.sort(key=lambda pair: -abs(pair[0]))
    return Guess(severity, tuple(phrase for _, phrase in speaking[:3]))


def _folded(text: str) -> str:
    """`KubeAPIDown`, `kube-api_down` and "Kube API down" are the same words."""
    return f" {' '.join(_WORD.findall(_PLACES.sub(' ', text[:_MAX_CHARS]))).lower()} "


@cache
def _patterns() -> tuple[tuple[int, str, re.Pattern[str]], ...]:
    return tuple(
        (points, phrase.removesuffix("*"), re.compile(rf"(?<= ){phrase.replace('*', r'\w*')}(?= )"))
        for points, phrases in _POINTS
        for phrase in phrases.split(", ")
    )
