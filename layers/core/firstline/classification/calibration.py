"""The calibration of confidence: the share of verdicts that were right, for each decider and level of confidence.

Verdicts are counted by decider, in ten bins of confidence. People's answers decide whether a verdict was right; without
answers, the incident's outcome decides, as far as it proves anything. From the counts a confidence becomes the share
that was right: smoothed towards the claim while there are few outcomes (a Beta prior), and never falling where the
claim rises (isotonic regression).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import add

from firstline.models import PAGING_RANK, SEVERITY_RANK, Classification, IncidentRecord
from firstline.models.live import loudest_since
from firstline.people.feedback import last_words, was_right

BINS = 10
ENOUGH = 20
"""With fewer outcomes, a decider's confidence is taken as claimed."""

PRIOR_STRENGTH = 4
"""The claim weighs as much as this many outcomes of a bin."""

_HARDLY_ANYTHING = 0.01


@dataclass(frozen=True, slots=True)
class ConfidenceTally:
    """One decider's outcomes in each bin: the number of verdicts, and of those that were right."""

    right: tuple[int, ...] = (0,) * BINS
    count: tuple[int, ...] = (0,) * BINS

    @property
    def outcomes(self) -> int:
        return sum(self.count)

    def __add__(self, other: "ConfidenceTally") -> "ConfidenceTally":
        return ConfidenceTally(tuple(map(add, self.right, other.right)), tuple(map(add, self.count, other.count)))

    def curve(self) -> tuple[float, ...]:
        """Return the calibrated confidence of each bin: between 0 and 1, and never less than in the bin below."""
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
    """The tallies of every decider, which turn its claimed confidence into a calibrated one."""

    tallies: Mapping[str, ConfidenceTally] = field(default_factory=dict)

    def worth(self, decider: str, claimed: float) -> float:
        """Return the share of verdicts of this confidence that were right; without enough outcomes, the claimed one."""
        tally = self.tallies.get(decider)
        if tally is None or tally.outcomes < ENOUGH:
            return claimed
        return tally.curve()[bin_of(claimed)]

    def trust(self, decider: str, claimed: float) -> float:
        """Return the confidence to act on: outcomes can lower the claimed confidence, never raise it."""
        return min(claimed, self.worth(decider, claimed))

    def applied(self, verdict: Classification) -> Classification:
        """Return the verdict with calibrated confidence; the claimed one goes to `raw_confidence`."""
        worth = self.worth(decider_of(verdict), verdict.confidence)
        return verdict.model_copy(update={"confidence": worth, "raw_confidence": verdict.confidence})


UNCALIBRATED = Calibration()


def bin_of(confidence: float) -> int:
    """Return the bin (0 to 9) of a confidence."""
    return min(BINS - 1, int(confidence * BINS))


def decider_of(verdict: Classification) -> str:
    """Return the name under which a verdict's decider is measured. Each model and prompt has its own."""
    if verdict.decided_by != "llm":
        return verdict.decided_by
    return llm_decider(verdict.model or "unknown", verdict.prompt_version or "unknown")


def llm_decider(model: str, prompt_version: str) -> str:
    """Return the name under which a model with a prompt is measured."""
    return f"llm:{model}:{prompt_version}"


def outcome(record: IncidentRecord) -> bool | None:
    """Return whether the verdict was right, by people's answers, else by the incident's end; None if neither tells.

    A suppressed or expired incident proves nothing by itself, as nobody looked at it.
    """
    verdict = record.classification
    if verdict is None or record.outcome is None:
        return None
    said = was_right(verdict.severity, last_words(record.feedback))
    if said is not None:
        return said
    rank = SEVERITY_RANK[verdict.severity]
    if record.live is not None and loudest_since(record.live, record.live.judged_loud) > rank:
        return False  # something worse joined that the verdict did not know of
    match record.outcome:
        case "resolved" if rank >= PAGING_RANK:
            return True if record.acknowledged_at else None
        case "resolved" | "auto_resolved":
            return rank >= SEVERITY_RANK["medium"] or None
        case "self_cleared" if verdict.severity == "low":
            return True
    return None


def tallied(outcomes: Iterable[tuple[str, float, bool]]) -> Calibration:
    """Compute the calibration from outcomes: the decider, the claimed confidence, and True if it was right."""
    tallies: defaultdict[str, ConfidenceTally] = defaultdict(ConfidenceTally)
    for decider, claimed, right in outcomes:
        one = tuple(int(number == bin_of(claimed)) for number in range(BINS))
        tallies[decider] += ConfidenceTally(one if right else (0,) * BINS, one)
    return Calibration(dict(tallies))
