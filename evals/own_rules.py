"""Measurement of how well the severities that people gave an organisation's rules predict those of its new rules.

The rules of a repository count as one organisation's. A rule is judged by the severity that a person gave to the most
similar rule of its repository. Rules in its own file are left out, because similar rules stand together, and so are
rules of its own name.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from evals.asking import Named, judge, level, word_on
from evals.scoring import macro_f1, per_class

LABELS = (0, 100, 300)
LEVELS = ("page", "tell", "quiet")
_TESTED = 150
"""The most rules of one organisation that are judged, so that none with many files outweighs the others."""


@dataclass(frozen=True, slots=True)
class Learned:
    """The scores of judging `rules` rules by the severities that people gave to `labels` other rules each.

    The other rules are of the same organisation. `pages_found` is the share of the rules that need a page and were
    judged so. The scores that end in `_without` are of the same rules, judged without any severity from people.
    """

    labels: int
    rules: int
    macro_f1: float
    pages_found: float
    macro_f1_without: float
    pages_found_without: float


def leave_file_out(named: Sequence[Named], *, labels: Sequence[int] = LABELS, runs: int = 3) -> list[Learned]:
    """Measure how well a rule is judged by the severities that people gave to other rules of its organisation.

    Return one result for each number in `labels`: the scores when so many other rules have a severity, drawn at random
    `runs` times. Other rules in the same file or of the same name are never drawn. A number is left out if no
    organisation has so many others.
    """
    return [found for number in labels if (found := _measured(named, number, runs)) is not None]


def _measured(named: Sequence[Named], labels: int, runs: int) -> Learned | None:
    organisations: dict[str, list[Named]] = {}
    for rule in named:
        organisations.setdefault(rule.organisation, []).append(rule)
    with_words, without = [], []
    for run in range(runs):
        chance = random.Random(f"1 {run} {labels}")  # noqa: S311 - a measurement that can be repeated
        for rules in organisations.values():
            for rule in chance.sample(rules, min(_TESTED, len(rules))):
                others = [other for other in rules if other.file != rule.file and not _same_name(other, rule)]
                if len(others) < max(labels, 1):
                    continue
                words = [word_on(other, other.truth) for other in chance.sample(others, labels)]
                with_words.append((level(rule.truth), level(judge(rule, None, words))))
                without.append((level(rule.truth), level(judge(rule, None, []))))
    if not with_words:
        return None
    learned, plain = per_class(with_words, LEVELS), per_class(without, LEVELS)
    return Learned(
        labels=labels,
        rules=len(with_words),
        macro_f1=macro_f1(learned),
        pages_found=learned[0].recall or 0,
        macro_f1_without=macro_f1(plain),
        pages_found_without=plain[0].recall or 0,
    )


def _same_name(one: Named, other: Named) -> bool:
    return one.alert.alert_name.casefold() == other.alert.alert_name.casefold()
