"""Is it as sure as it is right? What confidence was worth before, and what it is therefore worth now.

Verdicts are counted by who decided and by how sure it was, in ten bins of confidence. What people say of a verdict
decides whether it was right; where nobody spoke, how the incident ended, as far as that says anything. From the counts
a confidence becomes the share that was right: smoothed towards what was claimed while there is little to go by (a Beta
prior), and never falling where the claim rises (isotonic regression).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from firstline.models import PAGING_RANK, SEVERITY_RANK, Classification, IncidentRecord
from firstline.people.feedback import last_words, was_right

BINS = 10
ENOUGH = 20
"""With fewer outcomes of one decider, its confidence is taken as it is claimed."""

PRIOR_STRENGTH = 4
"""What was claimed weighs as much as this many outcomes of a bin."""

_HARDLY_ANYTHING = 0.01


@dataclass(frozen=True, slots=True)
class ConfidenceTally:
    """One decider's outcomes: of how many verdicts of each bin, how many were right."""

    right: tuple[int, ...] = (0,) * BINS
    count: tuple[int, ...] = (0,) * BINS

    @property
    def outcomes(self) -> int:
        return sum(self.count)

    def __add__(self, other: "ConfidenceTally") -> "ConfidenceTally":
        return ConfidenceTally(
            tuple(a + b for a, b in zip(self.right, other.right, strict=True)),
            tuple(a + b for a, b in zip(self.count, other.count, strict=True)),
        )

    def curve(self) -> tuple[float, ...]:
        """What a confidence of each bin is worth: between 0 and 1, and never less than in the bin below."""
        blocks: list[tuple[float, float, int]] = []  # sum of shares times weights, weights, bins
        for number, (right, count) in enumerate(zip(self.right, self.count, strict=True)):
            claimed = (number + 0.5) / BINS
            share = (right + PRIOR_STRENGTH * claimed) / (count + PRIOR_STRENGTH)
            weight = count + _HARDLY_ANYTHING  # a bin without outcomes gives way to its neighbours
            block = (share * weight, weight, 1)
            while blocks and blocks[-1][0] / blocks[-1][1] > block[0] / block[1]:
                before = blocks.pop()
                block = (before[0] + block[0], before[1] + block[1], before[2] + block[2])
            blocks.append(block)
        return tuple(total / weight for total, weight, width in blocks for _ in range(width))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What each decider's confidence is worth."""

    tallies: Mapping[str, ConfidenceTally] = field(default_factory=dict)

    def worth(self, decider: str, claimed: float) -> float:
        """The share of such verdicts that were right; what is claimed, while there are too few to tell."""
        tally = self.tallies.get(decider)
        if tally is None or tally.outcomes < ENOUGH:
            return claimed
        return tally.curve()[bin_of(claimed)]

    def trust(self, decider: str, claimed: float) -> float:
        """How sure a decider may count as where that gives it power: outcomes can take some away, never add any."""
        return min(claimed, self.worth(decider, claimed))

    def applied(self, verdict: Classification) -> Classification:
        """The verdict with its confidence as it is worth; what was claimed is kept beside it."""
        claimed = verdict.confidence
        return verdict.model_copy(
            update={"confidence": self.worth(decider_of(verdict), claimed), "raw_confidence": claimed}
        )


UNCALIBRATED = Calibration()


def bin_of(confidence: float) -> int:
    """Which of the ten a confidence is in; 1.0 is in the last."""
    return min(BINS - 1, int(confidence * BINS))


def decider_of(verdict: Classification) -> str:
    """Who is measured: another model, or another prompt, starts anew."""
    if verdict.decided_by != "llm":
        return verdict.decided_by
    return llm(verdict.model or "unknown", verdict.prompt_version or "unknown")


def llm(model: str, prompt_version: str) -> str:
    """A model with a prompt, as a decider."""
    return f"llm:{model}:{prompt_version}"


def outcome(record: IncidentRecord) -> bool | None:
    """Was the verdict right? People say, else how it ended; None when neither says anything about it.

    What was suppressed nobody looked at, and what expired nobody looked after: both prove nothing by themselves.
    """
    verdict = record.classification
    if verdict is None or record.outcome is None:
        return None
    said = was_right(verdict.severity, last_words(record.feedback))
    if said is not None:
        return said
    rank = SEVERITY_RANK[verdict.severity]
    if record.worsened_to is not None and SEVERITY_RANK[record.worsened_to] > rank:
        return False
    match record.outcome:
        case "resolved" if rank >= PAGING_RANK:
            return True if record.acknowledged_at else None
        case "resolved" | "auto_resolved":
            return rank >= SEVERITY_RANK["medium"] or None
        case "self_cleared" if verdict.severity == "low":
            return True
    return None


def tallied(outcomes: Iterable[tuple[str, float, bool]]) -> Calibration:
    """The calibration that (decider, claimed confidence, was it right) amount to."""
    right: dict[str, list[int]] = {}
    count: dict[str, list[int]] = {}
    for decider, claimed, was in outcomes:
        number = bin_of(claimed)
        right.setdefault(decider, [0] * BINS)[number] += was
        count.setdefault(decider, [0] * BINS)[number] += 1
    return Calibration({decider: ConfidenceTally(tuple(right[decider]), tuple(count[decider])) for decider in count})
