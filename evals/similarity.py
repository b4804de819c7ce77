"""Are the similar incidents that are found the right ones? Precision and recall at 5 on labelled incidents.

`evals/similar/incidents.tsv` has one incident a line. Each is looked for among all others with the real code: first the
two bounded reads (the same name, the same service), then the comparison. Half of the causes, by a hash of their names,
were out of sight while words and weights were set.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Literal, Protocol

from firstline.classification.similar import most_similar
from firstline.classification.templates import family, template_of, words_of
from firstline.errors import ConfigurationError
from firstline.models import EarlierIncident, NormalizedAlert, SimilarIncident
from firstline.sources.identity import digest

INCIDENTS = Path(__file__).parent / "similar" / "incidents.tsv"
AT = 5
MANY = 0.4

_NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
_COLUMNS = ["cause", "service", "name", "message"]

type PairKind = Literal["masked", "reworded", "other cause", "other cause, many words shared", "elsewhere"]
"""Similar: the same words with other numbers, or reworded. Not similar: another trouble of the same service, or of the
same words. `elsewhere`, the same alert of another service, is worth a look and no more: it counts neither way."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One incident and its cause: those of one cause are similar."""

    cause: str
    alert: NormalizedAlert
    earlier: EarlierIncident

    @property
    def in_sight(self) -> bool:
        """Words and weights were set while looking at this one."""
        return int(digest("similar", self.cause), 16) % 2 == 0


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for some incidents: means over those for which there was something to find, or something found."""

    incidents: int
    precision: float
    recall: float
    recall_of_reworded: float
    wrong: tuple[tuple[Labelled, Labelled, float], ...]
    missed: tuple[tuple[Labelled, Labelled], ...]


def read(path: Path = INCIDENTS) -> list[Labelled]:
    """The labelled incidents.

    Raises
    ------
    ConfigurationError
        A line has not four columns, or the columns have other names.
    """
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    if not lines or lines[0].split("\t") != _COLUMNS:
        raise ConfigurationError(f"{path}: the first line names the columns {', '.join(_COLUMNS)}, tabs between them")
    found = []
    for number, line in enumerate(lines[1:]):
        if line.count("\t") != len(_COLUMNS) - 1:
            raise ConfigurationError(f"{path}: {line!r:.80} has not four columns with tabs between them")
        found.append(_labelled(number, *line.split("\t")))
    return found


def pairs(incidents: Sequence[Labelled]) -> Counter[PairKind]:
    """How many pairs of each kind the look-up can meet."""
    counted: Counter[PairKind] = Counter()
    for one, other in combinations(incidents, 2):
        if one.cause == other.cause:
            counted["masked" if one.earlier.template == other.earlier.template else "reworded"] += 1
        elif _elsewhere(one, other):
            counted["elsewhere"] += 1
        elif _is_read(one, other):
            ours, theirs = (set(words_of(each.earlier.template)) for each in (one, other))
            many = len(ours & theirs) / min(len(ours), len(theirs)) >= MANY
            counted["other cause, many words shared" if many else "other cause"] += 1
    return counted


class Look(Protocol):
    """Something that finds similar incidents among candidates."""

    def __call__(self, one: "Labelled", candidates: list[EarlierIncident]) -> list[SimilarIncident]: ...


def with_words(one: Labelled, candidates: list[EarlierIncident]) -> list[SimilarIncident]:
    """What runs."""
    return most_similar(one.alert, candidates, group_key=one.alert.group_key, now=_NOW, limit=AT)


def by_name_only(one: Labelled, candidates: list[EarlierIncident]) -> list[SimilarIncident]:
    """What there would be without it: equal names."""
    named = [SimilarIncident(incident=each, score=1) for each in candidates if each.alert_name == one.alert.alert_name]
    return named[:AT]


def measure(incidents: Sequence[Labelled], among: Sequence[Labelled], look: Look = with_words) -> Found:
    """Look for each of the incidents among the others."""
    precisions, recalls, reworded = [], [], []
    wrong: list[tuple[Labelled, Labelled, float]] = []
    missed: list[tuple[Labelled, Labelled]] = []
    by_id = {one.earlier.incident_id: one for one in among}
    for one in incidents:
        right = {key for key, other in by_id.items() if other.cause == one.cause and other is not one}
        candidates = [other.earlier for other in among if other is not one and _is_read(one, other)]
        found = look(one, candidates)
        found = [each for each in found if not _elsewhere(one, by_id[each.incident.incident_id])]
        ids = {each.incident.incident_id for each in found}
        if found:
            precisions.append(len(ids & right) / len(ids))
        if right:
            recalls.append(len(ids & right) / min(AT, len(right)))
        others = {key for key in right if by_id[key].earlier.template != one.earlier.template}
        if others:
            reworded.append(len(ids & others) / min(AT, len(others)))
        wrong += [
            (one, by_id[each.incident.incident_id], each.score)
            for each in found
            if each.incident.incident_id not in right
        ]
        missed += [(one, by_id[key]) for key in sorted(right - ids)]
    return Found(len(incidents), fmean(precisions), fmean(recalls), fmean(reworded), tuple(wrong), tuple(missed))


def _is_read(one: Labelled, other: Labelled) -> bool:
    """Would one of the two reads bring it?"""
    return family(one.alert.alert_name) == family(other.alert.alert_name) or _same_service(one, other)


def _elsewhere(one: Labelled, other: Labelled) -> bool:
    same_name = family(one.alert.alert_name) == family(other.alert.alert_name)
    return same_name and None not in (one.alert.service, other.alert.service) and not _same_service(one, other)


def _same_service(one: Labelled, other: Labelled) -> bool:
    return one.alert.service is not None and one.alert.service == other.alert.service


def _labelled(number: int, cause: str, service: str, name: str, message: str) -> Labelled:
    alert = NormalizedAlert(
        source="eval",
        alert_name=name,
        severity="medium",
        message=message,
        labels={},
        timestamp=_NOW,
        raw_payload=None,
        status="firing",
        fingerprint=f"line-{number}",
        group_key=f"eval:{number}",
        service=service or None,
    )
    ended_at = _NOW - timedelta(hours=number + 1)
    earlier = EarlierIncident(
        incident_id=f"line-{number}",
        opened_at=ended_at - timedelta(minutes=20),
        closed_at=ended_at,
        severity="medium",
        outcome="resolved",
        group_key=alert.group_key,
        alert_name=name,
        service=alert.service,
        template=template_of(alert),
    )
    return Labelled(cause, alert, earlier)
