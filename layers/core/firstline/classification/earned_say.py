"""Earned say: which kinds of changes that a model makes to the verdict of rules count, by how its earlier ones did.

Such a kind is called a move: `page to tell` tells people without a page, `runbook` chooses another runbook or none.
Each verdict of a model is kept beside the verdict without it. If the two differ, and people or the incident's end show
which was right, the move has made a bet. It wins up to 1 if the model was right, and loses up to 1 if it was wrong; for
a severity, the costlier the mistake that was avoided or made, the more.

A move's wealth decides whether it counts. It is the mean of three purses, which begin at 1 and stake 25, 60 and 95 % of
themselves on each bet. A move that wins nothing on average reaches 20 with a probability of at most 5 % (Ville's
inequality), however often one looks; so a move counts once its wealth is 20. From then on three other purses bet
against it: when their mean reaches 2, the move no longer counts, and must be earned again.
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
"""The most bets of one group of alerts that count, so that a single alert of every night cannot earn a move alone."""

STAKES = (0.25, 0.6, 0.95)
"""The share of the wealth that each of the three bettors stakes. A share of 1 would end with the first loss."""

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
"""A kind of difference between a model's verdict and the one without it: another severity, another runbook or none,
another answer to whether a deployment is to blame. Severities are grouped by their reach: page, tell or drop."""

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
    """The right verdict on an incident, as far as it turned out later; None for each part that nobody knows.

    `blame` is true if a deployment was to blame. `cured_by` is the runbook that cured the incident, `failed` a runbook
    that ran and did not cure it.
    """

    severity: Severity | None = None
    blame: bool | None = None
    cured_by: str | None = None
    failed: str | None = None


class Bet(NamedTuple):
    """One case in which a move, a kind of change that a model makes to verdicts, proved right or wrong.

    `saving` is what the change gained (up to 1, fully right) or lost (down to -1, fully wrong) against the verdict
    without the model. `group` is the group key of the incident.
    """

    move: Move
    group: str
    saving: float


class Disagreement(Lenient):
    """A closed incident on which a model's verdict differed from that of rules and history, with the right verdict.

    `plain` is the verdict without the model, `judged` the model's. `decider` names the model and its prompt.
    """

    decider: Name
    group: str
    plain: Stance
    judged: Stance
    label: Label

    def bets(self, missed_page: float = MISSED_PAGE_COST) -> list[Bet]:
        """Return the gain or loss by each change of the model to the verdict, as far as the label shows who was right.

        `missed_page` is the number of needless pages that cost as much as one missed page.
        """
        return bets_on(self.plain, self.judged, self.label, self.group, missed_page)


@dataclass(frozen=True, slots=True)
class Earnings:
    """The record of a move, a kind of change that a model makes to verdicts: whether it counts, and why.

    `wealth` is the result of its bets (at 20 it counts), `against` that of the bets against it since then (at 2 it no
    longer counts), and `bets` the number of all of them.
    """

    counts: bool = False
    wealth: float = 1.0
    against: float = 1.0
    bets: int = 0


@dataclass(frozen=True, slots=True)
class Earned:
    """The moves (kinds of changes to verdicts) that each decider, a model with its prompt, has earned by being right.

    With `everything`, every move of every decider counts.
    """

    moves: Mapping[str, Collection[Move]] = field(default_factory=dict)
    standings: Mapping[str, Mapping[Move, Earnings]] = field(default_factory=dict)
    everything: bool = False

    def counts(self, decider: str, move: Move) -> bool:
        """Return True if a decider, a model with its prompt, may make this kind of change (move) to verdicts."""
        return self.everything or move in self.moves.get(decider, ())

    def wealth(self, decider: str, move: Move) -> float:
        """Return the wealth that a decider's move has by its bets: 1 before the first one, 20 once the move counts."""
        return self.standings.get(decider, {}).get(move, Earnings()).wealth


NOTHING_EARNED = Earned()
EVERYTHING = Earned(everything=True)
"""Every move of every model counts."""


def earned(bets: Mapping[str, Iterable[Bet]]) -> Earned:
    """Compute which moves (kinds of changes to verdicts) each decider may make, by how its earlier ones turned out.

    `bets` maps the name of a decider, a model with its prompt, to its earlier moves (`Bet`: a move and whether it was
    right), oldest first.
    """
    standings = {decider: _standings(made) for decider, made in bets.items()}
    moves = {
        decider: [move for move, standing in found.items() if standing.counts] for decider, found in standings.items()
    }
    return Earned(moves, standings)


def earned_by(found: Iterable[Disagreement], missed_page: float = MISSED_PAGE_COST) -> Earned:
    """Compute which moves (kinds of changes to verdicts) each decider has earned, by its disagreements with rules.

    `found` must be oldest first. `missed_page` is the number of needless pages that cost as much as one missed page.
    """
    bets: defaultdict[str, list[Bet]] = defaultdict(list)
    for each in found:
        bets[each.decider] += each.bets(missed_page)
    return earned(bets)


def severity_move(plain: Severity, judged: Severity) -> Move | None:
    """Return the kind of change (move) from one severity to another, such as `page to tell` from high to medium.

    It is `within a class` if both page, both tell or both drop, and None if they are equal.
    """
    if plain == judged:
        return None
    return _MOVES.get((reach(plain), reach(judged)), WITHIN)


def bets_on(
    plain: Stance, judged: Stance, label: Label, group: str, missed_page: float = MISSED_PAGE_COST
) -> list[Bet]:
    """Return the gain or loss by each change (of severity, runbook or blame) that the model made to a verdict.

    A change is left out if the label does not show who was right.

    Parameters
    ----------
    plain, judged
        The verdict without the model, and the model's.
    label
        The right verdict, as far as it is known.
    group
        The group key of the incident.
    missed_page
        The number of needless pages that cost as much as one missed page.
    """
    savings = {
        severity_move(plain.severity, judged.severity): _saved_severity(plain, judged, label, missed_page),
        RUNBOOK: _saved_runbook(plain, judged, label),
        BLAME: _saved_blame(plain, judged, label),
    }
    return [Bet(move, group, saving) for move, saving in savings.items() if move is not None and saving]


def settled(plain: Stance, judged: Stance, counts: Callable[[Move], bool]) -> Stance:
    """Return the verdict without the model (`plain`), with those changes by the model (`judged`) that count.

    `counts` says whether a kind of change (a move) counts.
    """
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
    """Three purses that bet on a move, a kind of change that a model makes to verdicts; their mean is its wealth.

    Each begins at 1, and stakes its own share (`STAKES`) of what it has on every bet.
    """

    def __init__(self) -> None:
        self._purses = [1.0] * len(STAKES)

    def settle(self, saving: float) -> None:
        """Count one judged incident for or against a kind of change by the model: let each purse win or lose its stake.

        `saving` is what the change would have saved in that incident, from -1 (it cost all) to 1.
        """
        self._purses = [purse * (1 + stake * saving) for purse, stake in zip(self._purses, STAKES, strict=True)]

    @property
    def wealth(self) -> float:
        """The mean of the three purses."""
        return sum(self._purses) / len(self._purses)
