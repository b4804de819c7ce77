"""Earned say: which parts of a model's verdict count, by what they would have saved this organisation so far.

Beside the model's verdict stands the one without it. Where they differ and people or the outcome show which was right,
each kind of move (a page less, a page more, …) bets on what it would have saved. Its wealth begins at 1 and is a mean:
of what one would own who always stakes a quarter of it, one who stakes more, and one who stakes nearly all. A move that
saves nothing reaches 20 with a probability of at most 5 % (Ville's inequality), however often somebody looks: so it
counts from 20 on. From then on its opposite bets, too: the move is lost when that reaches 2, and must be earned anew.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from firstline.models import Lenient, Name, Severity, Stance
from firstline.policy.costs import MISSED_PAGE_COST, Reach, cost, reach

EARNED_AT = 20.0
LOST_AT = 2.0
BETS_OF_A_GROUP = 2
"""The most bets of one group that count.

More would let a single alert that comes each night earn a model its say on everything."""

STAKES = (0.25, 0.6, 0.95)
"""The shares of its wealth that a bettor stakes. None stakes all of it: one loss would end the betting for good."""

type Move = Literal[
    "page to tell",
    "page to drop",
    "tell to page",
    "tell to drop",
    "drop to page",
    "drop to tell",
    "within a class",
    "runbook",
    "deployment blame",
]
"""A kind of difference between a model's verdict and the one without it. A runbook that the model drops or exchanges is
a move, and so is a deployment that it no longer blames, or blames alone."""

WITHIN: Move = "within a class"
RUNBOOK: Move = "runbook"
BLAME: Move = "deployment blame"

_MOVES: Mapping[tuple[Reach, Reach], Move] = {
    ("page", "tell"): "page to tell",
    ("page", "drop"): "page to drop",
    ("tell", "page"): "tell to page",
    ("tell", "drop"): "tell to drop",
    ("drop", "page"): "drop to page",
    ("drop", "tell"): "drop to tell",
}
_ONE_OF_EACH: tuple[Severity, ...] = ("high", "medium", "noise")


class Label(NamedTuple):
    """The truth about an incident, as far as it turned out; None where nobody knows.

    `cured_by` is the runbook that cured the incident, `failed` one that ran and did not.
    """

    severity: Severity | None = None
    blame: bool | None = None
    cured_by: str | None = None
    failed: str | None = None


class Bet(NamedTuple):
    """A labelled disagreement: the saving by the model's verdict, between -1 and 1. `group` is its incident's group."""

    move: Move
    group: str
    saving: float


class Disagreement(Lenient):
    """A closed incident where a model would have judged otherwise than rules and history, and what was right.

    `decider` is the model with its prompt; `group` is the incident's group.
    """

    decider: Name
    group: str
    plain: Stance
    judged: Stance
    label: Label

    def bets(self, missed_page: float = MISSED_PAGE_COST) -> list[Bet]:
        """Return the bets that the label decides."""
        return bets_on(self.plain, self.judged, self.label, self.group, missed_page)


@dataclass(frozen=True, slots=True)
class Earnings:
    """The earnings of a move so far: its wealth now, its opposite's since it counts, and the number of bets."""

    counts: bool = False
    wealth: float = 1.0
    against: float = 1.0
    bets: int = 0


@dataclass(frozen=True, slots=True)
class Earned:
    """The moves that count for each decider, a model with a prompt; with `everything`, each of them counts."""

    moves: Mapping[str, Collection[Move]] = field(default_factory=dict)
    standings: Mapping[str, Mapping[Move, Earnings]] = field(default_factory=dict)
    everything: bool = False

    def counts(self, decider: str, move: Move) -> bool:
        """Return True if this move of this decider counts."""
        return self.everything or move in self.moves.get(decider, ())

    def wealth(self, decider: str, move: Move) -> float:
        """Return the wealth of this move of this decider; 1 before its first bet."""
        return self.standings.get(decider, {}).get(move, Earnings()).wealth


NOTHING_EARNED = Earned()
EVERYTHING = Earned(everything=True)
"""Every move of every model counts."""


def earned(bets: Mapping[str, Iterable[Bet]]) -> Earned:
    """Compute what each decider has earned by its bets, oldest first."""
    standings = {decider: _standings(made) for decider, made in bets.items()}
    moves = {
        decider: [move for move, standing in found.items() if standing.counts] for decider, found in standings.items()
    }
    return Earned(moves, standings)


def earned_by(found: Iterable[Disagreement], missed_page: float = MISSED_PAGE_COST) -> Earned:
    """Compute what each decider has earned by disagreements, oldest first."""
    bets: defaultdict[str, list[Bet]] = defaultdict(list)
    for each in found:
        bets[each.decider] += each.bets(missed_page)
    return earned(bets)


def severity_move(plain: Severity, judged: Severity) -> Move | None:
    """Return the kind of move from one severity to another; None if they are the same."""
    if plain == judged:
        return None
    return _MOVES.get((reach(plain), reach(judged)), WITHIN)


def bets_on(
    plain: Stance, judged: Stance, label: Label, group: str, missed_page: float = MISSED_PAGE_COST
) -> list[Bet]:
    """Return the bets that a labelled incident decides; none where the verdicts agree or nobody knows.

    Parameters
    ----------
    plain, judged
        The verdict without the model, and the model's.
    missed_page
        The cost of a missed page in needless ones.
    """
    savings = {
        severity_move(plain.severity, judged.severity): _saved_severity(plain, judged, label, missed_page),
        RUNBOOK: _saved_runbook(plain, judged, label),
        BLAME: _saved_blame(plain, judged, label),
    }
    return [Bet(move, group, saving) for move, saving in savings.items() if move is not None and saving]


def settled(plain: Stance, judged: Stance, counts: Callable[[Move], bool]) -> Stance:
    """Return the verdict without the model, with those moves of the model that count."""
    move = severity_move(plain.severity, judged.severity)
    severity = judged.severity if move is not None and counts(move) else plain.severity
    runbook_id = judged.runbook_id if counts(RUNBOOK) else plain.runbook_id
    related = judged.is_deployment_related if counts(BLAME) else plain.is_deployment_related
    return Stance(
        severity=severity,
        runbook_id=None if severity == "noise" else runbook_id,
        is_deployment_related=related,
    )


def _saved_severity(plain: Stance, judged: Stance, label: Label, missed_page: float) -> float:
    if label.severity is None or plain.severity == judged.severity:
        return 0.0

    def saved(truth: Severity) -> float:
        return cost(plain.severity, truth, missed_page) - cost(judged.severity, truth, missed_page)

    most = max(abs(saved(truth)) for truth in (*_ONE_OF_EACH, plain.severity, judged.severity))
    return max(-1.0, min(1.0, saved(label.severity) / most))


def _saved_runbook(plain: Stance, judged: Stance, label: Label) -> float:
    if plain.runbook_id is None or plain.runbook_id == judged.runbook_id:
        return 0.0
    if label.cured_by is not None:
        return float(label.cured_by == judged.runbook_id) - float(label.cured_by == plain.runbook_id)
    return float(label.failed == plain.runbook_id)


def _saved_blame(plain: Stance, judged: Stance, label: Label) -> float:
    if label.blame is None or plain.is_deployment_related == judged.is_deployment_related:
        return 0.0
    return 1.0 if judged.is_deployment_related == label.blame else -1.0


def _standings(bets: Iterable[Bet]) -> dict[Move, Earnings]:
    by_move: defaultdict[Move, list[Bet]] = defaultdict(list)
    for bet in bets:
        by_move[bet.move].append(bet)
    return {move: _standing(made) for move, made in by_move.items()}


def _standing(bets: Iterable[Bet]) -> Earnings:
    made, counts = list(_first_of_each_group(bets)), False
    bettor, against = Bettor(), Bettor()
    for saving in made:
        if not counts:
            bettor.settle(saving)
            counts = bettor.wealth >= EARNED_AT
            continue
        against.settle(-saving)
        if against.wealth >= LOST_AT:
            counts, bettor, against = False, Bettor(), Bettor()
    return Earnings(counts, bettor.wealth, against.wealth, len(made))


def _first_of_each_group(bets: Iterable[Bet]) -> Iterator[float]:
    seen: defaultdict[str, int] = defaultdict(int)
    for bet in bets:
        seen[bet.group] += 1
        if seen[bet.group] <= BETS_OF_A_GROUP:
            yield bet.saving


class Bettor:
    """One who stakes a share of the wealth on each disagreement: as many purses as there are shares, each of 1."""

    def __init__(self) -> None:
        self._purses = [1.0] * len(STAKES)

    def settle(self, saving: float) -> None:
        """Pay a bet out; `saving` is between -1 and 1."""
        self._purses = [purse * (1 + stake * saving) for purse, stake in zip(self._purses, STAKES, strict=True)]

    @property
    def wealth(self) -> float:
        """The mean of the purses."""
        return sum(self._purses) / len(self._purses)
