"""The guess at the severity of an alert whose source states none, by the usual meaning of its words.

The words answer the questions of a person on call. Is something gone, or slow? Is it data, a service, or one of many
hosts? How much is left, and how much time? Or is the alert only a notice?

The points of the words were chosen by hand and checked against published alerting rules; docs/evals.md has the results
and how to repeat them. The lexicon has no product names, because a word must mean the same for every product.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache

from firstline.models import NormalizedAlert, SourceSeverity
from firstline.policy.pattern import fits

_POINTS: tuple[tuple[int, str], ...] = (
    # The name states the severity.
    (10, "critical, critically, emergency, disaster, sev0, sev1"),
    (-6, "warning, warn"),
    # Data is gone, or about to be.
    (8, "data loss, data is lost, split brain, data corruption, ransomware, lost quorum, no quorum, no leader"),
    (4, "loss, is full, corrupt*, inconsistent, read only, readonly, more than one leader, too many leaders"),
    # It is gone.
    (4, "outage, page, fatal, panic, crashed, crashing, crashes, halted, dead, disappeared, gone"),
    (4, "down, unavailable, offline, absent, not running, not responding, unresponsive, no response"),
    (4, "not reachable, cannot be reached, cannot reach, out of service, not available, inaccessible"),
    (4, "no active, no healthy, no master, no primary, no endpoint*, no available, no ready"),
    (3, "lost, disconnected, not connected, no traffic, no data"),
    # It does not do its work.
    (4, "unable to, refus*, not being, will not, no longer, 5xx, has only, experiencing errors, at risk"),
    (2, "cannot, not working, not receiving, not sending, not processing, not delivering, insufficient"),
    (2, "reject*, missing, has not, not successful*, unsuccessful, no successful"),
    (2, "fault, broken, stopped, circuit breaker, tripped"),
    (2, "frozen, hung, hangs, hanging, constant, unchanged, has been the same, not advancing, not moving"),
    (1, "error, errors, no, not, failing, failed, failed to, fails, have not, exception*, empty"),
    (1, "unhealthy, not healthy, unreachable"),
    # It runs out.
    (4, "out of space, out of disk, out of memory, almost out, out of inodes, red, at capacity, run out"),
    (3, "fully used, reached the, hours left, under replicated"),
    (2, "full, inodes, exhausted, has expired, is expired, saturated, limit reached, filesystem"),
    # How much of it, and who notices.
    (4, "very, extremely, widespread, at least one"),
    (2, "all, global, users, customers, payment*, checkout, login, logins, too fast"),
    (2, "production, slo, burn, error budget, partition*, significant*, every, high error rate"),
    (1, "service, replication, any, filling up, almost full"),
    # The same in other languages. Scripts without spaces: as a part of a longer run of characters.
    (8, "datenverlust, perte de données, pérdida de datos, perda de dados, *データ損失*, *数据丢失*, *데이터 손실*"),
    (4, "ausfall, ausgefallen, nicht erreichbar, nicht verfügbar, indisponible, injoignable, hors service, en panne"),
    (4, "caído, caída, no disponible, no responde, fuera de servicio, fora do ar, indisponível, não responde"),
    (4, "*停止*, *応答していません*, *応答なし*, *障害*, *ダウン*, *宕机*, *不可用*, *无响应*, *중단*, *응답 없음*"),
    # It hurts already, but it goes on: a person looks at it by day.
    (-1, "more than, may, might, could, growing, too many, memory, heap, load, connections"),
    (-2, "slow, slower, slowing, spike, spikes, near, soon, old, stale, possibl*, pending, retry*, retries, drift"),
    (-2, "skew, clock, too long, cpu, throttl*, long, longer, waiting, quota, will be, queue*, backlog"),
    (-2, "duration, invalid, mismatch, restart*, reboot*, update, operation*, deadlock*, hit ratio, should, potential"),
    (-2, "interface, interfaces, container, containers, packets, volume, remaining ones"),
    (-3, "indicate*"),
    (-4, "4xx, client errors, degraded"),
    # The monitoring is blind; the service may be well.
    (1, "metric missing, metrics missing, metrics are missing, metrics absent, metrics are absent, scrape error"),
    # These phrases hold a word from above, and mean something else.
    (0, "missing label*, missing tag*, missing backup*, backup missing, full duplex, full sync, page fault*"),
    (0, "slowing down, slow down, scale down, scaled down, scaling down, non critical, no less"),
    (0, "dead letter*, up and down"),
)
_NOTICES: tuple[tuple[int, str], ...] = (
    # It asks for nothing. Counts only where nothing alarms.
    (8, "info, informational, informative, fyi, notice, no action, new version, always firing, always fires"),
    (3, "notification, succeeded, supported, consumed, underutili*, unused, the amount, count of, total number"),
    (2, "average, total, successful, successfully, success, completed, in progress"),
    (2, "restarted, rebooted, throttl*, orphan*, lint*"),
    (0, "more info, further info, success rate, not successful*, no successful, too often, too many"),
)
_FIGURE = re.compile(
    r" (?:the )?(?:(?:total|average|maximum|minimum|current|overall) )*"
    r"(?:number|count|amount|percentage|percent|size|rate|time|latency|sum|average|total|interval) "
)
_JUDGED = re.compile(
    r" (?:is|are|has|have|was|were|exceed\w*|above|below|over|under|too|more|less|greater|higher|lower) "
)
_LOST = re.compile(
    r" (data loss|data (?:is|was) lost|data corruption|data is corrupt\w*|split brain|ransomware|(?:lost|no) quorum) "
)
_NO_FACT = frozenset(
    {
        *("no", "not", "without", "avoid", "avoids", "prevent", "prevents", "against", "before", "if", "risk"),
        *("may", "might", "can", "could", "would", "will", "possible", "potential", "potentially"),
        *("cause", "causes", "lead", "leads", "leading", "result", "results", "resulting"),
        *("check", "checks", "test", "drill"),
    }
)
"""Words before a loss by which it did not happen: "no data loss", "may lead to data loss"."""

_NO_LOSS = frozenset(
    ["prevention", "protection", "protected", "prevented", "averted", "avoided", "unlikely", "resolved"]
)
"""Words after a loss by which it did not happen: "Data Loss Prevention", "the split brain was resolved"."""

_WORDS_BEFORE, _WORDS_BEHIND = 6, 2
_IN_NAME = 2
"""The factor for words in the alert's name, which the owner chose; a message may quote anybody."""

_CRITICAL, _HIGH = 7, 4
"""The points of alarming words from which an alert is critical, or high."""

_LOW, _INFO = 4, 6
"""The points of a notice's words from which an alert is low, or info."""

_MAX_CHARS = 2_000
_PLACES = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-z])(?=[45]xx)")
_WORD = re.compile(r"[^\W_]+")

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_NUMBERS = {word: count for count, word in enumerate(("an", "two", "three", "four", "five", "six", "seven"), 1)}

_SPAN = rf"([0-9]{{1,4}}|{'|'.join(_NUMBERS)}) ?(m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?|w(?:eeks?)?)\b"
_SHARE = r"([0-9]{1,3})(?:\.[0-9]+)? ?(?:%|percent\b)"
_LEFT = re.compile(
    rf"(?:less than|below|under|only|<) ?{_SHARE}(?: \w{{1,20}}){{0,3}} (?:left|free|available|remaining)\b"
)
_USED = re.compile(rf"(?<![0-9.]){_SHARE}")
_AHEAD = re.compile(rf"(?:\b(?:within|in|next|less than|under)|<) ?(?:the )?(?:next )?(?:less than )?{_SPAN}")
_FUTURE = re.compile(
    r"\b(?:will|shall|expir\w*|predict\w*|forecast\w*|runs? out|left|remain\w*|until|fill\w*|full|due)\b"
)
_LASTED = re.compile(rf"\bfor (?:the )?(?:(?:last|past|more than|longer than|over|at least) )?{_SPAN}")


@dataclass(frozen=True, slots=True)
class Guess:
    """A guessed severity, and the words of the alert that speak for it, the strongest first."""

    severity: SourceSeverity
    words: tuple[str, ...]

    @property
    def because(self) -> str:
        """The reason for the guessed severity, in a clause: `its words (down) usually mean critical`."""
        if not self.words:
            return "its words do not suggest one either, so it counts as medium"
        return f"its words ({', '.join(self.words)}) usually mean {self.severity}"


def guess(alert: NormalizedAlert) -> Guess:
    """Guess the severity from the alert's name and message.

    Example
    -------
    >>> guess(alert(alert_name="PostgresqlDown", message="Instance is down"))
    Guess(severity='critical', words=('down',))
    """
    return read(alert.alert_name, alert.message)


@lru_cache(maxsize=1_024)
def read(name: str, message: str) -> Guess:
    """Guess a severity from an alert's name and message."""
    name, message = name[:_MAX_CHARS], message[:_MAX_CHARS]
    found = {words: points * _IN_NAME for points, words in _alarms(name)}
    said = list(_alarms(message))
    # A message, or a person quoted in it, must not talk down an alarming name or lost data.
    firm = max(found.values(), default=0) > 0 or any(points >= _CRITICAL for points, _ in said)
    for points, words in said:
        if points > 0 or not firm:
            found.setdefault(words, points)
    total = sum(found.values())
    if total >= _HIGH:
        return Guess("critical" if total >= _CRITICAL else "high", _strongest(found, 1))
    if total <= 0:
        notices = {words: points for points, words in _notices(message)}
        notices |= {words: points * _IN_NAME for points, words in _notices(name)}
        told = sum(notices.values())
        if told >= _LOW:
            return Guess("info" if told >= _INFO else "low", _strongest(notices, 1))
    return Guess("medium", _strongest(found, 1 if total > 0 else -1))


def loss_stated(alert: NormalizedAlert) -> str | None:
    """Return the words by which the alert says that data is lost; None if it does not say so.

    Example
    -------
    >>> loss_stated(alert(message="3 objects are unreadable on all copies. Data loss."))
    'data loss'
    """
    for text in (alert.alert_name, alert.message):
        folded = _folded(text[:_MAX_CHARS])
        for found in _LOST.finditer(folded):
            before, behind = folded[: found.start()].split(), folded[found.end() :].split()
            if _NO_FACT.isdisjoint(before[-_WORDS_BEFORE:]) and _NO_LOSS.isdisjoint(behind[:_WORDS_BEHIND]):
                return found[1]
    return None


def _strongest(found: dict[str, int], sign: int) -> tuple[str, ...]:
    speaking = [words for words, points in found.items() if points * sign > 0]
    return tuple(sorted(speaking, key=lambda words: -abs(found[words]))[:3])


def _alarms(text: str) -> Iterator[tuple[int, str]]:
    yield from _phrases(text, _POINTS)
    yield from amounts(text)


def _notices(text: str) -> Iterator[tuple[int, str]]:
    yield from _phrases(text, _NOTICES)
    folded = _folded(text)
    # "Number of calls per minute" names a measurement, and no trouble.
    if _FIGURE.match(folded) and not _JUDGED.search(folded):
        yield 4, "only a figure"


def _phrases(text: str, known: tuple[tuple[int, str], ...]) -> Iterator[tuple[int, str]]:
    """Yield the points (how bad it sounds) and the words of each known phrase in a text; of overlaps, only the longest.

    `known` has pairs of points and the phrases that have them, separated by commas.
    """
    pattern, points_of = _compiled(known)
    for found in pattern.finditer(_folded(text)):
        words = found[0]
        if words not in points_of:  # "corrupted" is `corrupt*`
            words = next(phrase for phrase in points_of if "*" in phrase and fits([phrase], words))
        if points_of[words]:
            yield points_of[words], words.strip("*")


def _folded(text: str) -> str:
    """Return a text as words in lower case: `KubeAPIDown`, `kube-api_down` and "Kube API down" become the same."""
    return f" {' '.join(_WORD.findall(_PLACES.sub(' ', text)))} ".lower()


@cache
def _compiled(known: tuple[tuple[int, str], ...]) -> tuple[re.Pattern[str], Mapping[str, int]]:
    meanings = [(phrase, points) for points, phrases in known for phrase in phrases.split(", ")]
    meanings.sort(key=lambda pair: -len(pair[0]))
    # Without groups, the pattern skips other first letters at once.
    phrases = "|".join(phrase.replace("*", r"\w*") for phrase, _ in meanings)
    return re.compile(f"(?<= )(?:{phrases})(?= )"), dict(meanings)


def amounts(text: str) -> Iterator[tuple[int, str]]:
    """Yield points (the more urgent, the higher) and words of each amount in a text that shows how urgent the alert is.

    Urgent are a short time or a small rest ("within 4 hours", "less than 3 % left"). How long a condition lasted before
    the alert ("for 20 minutes") makes it less urgent. The yielded words repeat only numbers of the text.

    Example
    -------
    >>> list(amounts("Predicted to run out of space within the next 4 hours"))
    [(4, 'within 4 hours')]
    """
    text = " ".join(text.lower().replace("in the next hour", "in an hour").split())
    if left := _LEFT.search(text):
        if (share := int(left[1])) <= 5:
            yield 3, f"{share} % left"
    elif used := _USED.search(text):
        share = int(used[1])
        if 95 <= share <= 100:
            yield 3, f"{share} %"
        elif 70 <= share < 90:
            yield -2, f"{share} %"
    if (ahead := _AHEAD.search(text)) and _is_ahead(text, ahead):
        span, words = _span(ahead)
        yield (4 if span <= timedelta(hours=6) else -3), f"within {words}"
    if lasted := _LASTED.search(text):
        span, words = _span(lasted)
        if timedelta(minutes=15) <= span < timedelta(hours=1):
            yield -2, f"for {words}"


def _is_ahead(text: str, found: re.Match[str]) -> bool:
    """Return True if a time that was `found` in a text lies in the future, such as "full within 4 hours".

    False if it is the time within which something was counted, such as "10 errors in 5 minutes".
    """
    return "next" in found[0] or _span(found)[0] >= timedelta(hours=1) or _FUTURE.search(text) is not None


def _span(found: re.Match[str]) -> tuple[timedelta, str]:
    count, unit = _NUMBERS.get(found[1]) or int(found[1]), _UNITS[found[2][0]]
    return timedelta(**{unit: count}), f"{count} {unit if count != 1 else unit.removesuffix('s')}"
