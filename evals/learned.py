"""What could be learned from other people's rules: a yardstick for the lexicon, and nothing that ever runs.

Naive Bayes over the words and word pairs of name and message. Each repository is judged by what the others teach,
without the names that it shares with them: a copied rule would give its own severity away.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

from evals.public_rules import Level, PublicRule

_SMOOTHING = 5
"""So many imaginary rules hold each word, spread over the levels like all rules."""


def levels(rules: Sequence[PublicRule]) -> list[Level]:
    """What the other repositories' rules make of each rule, in the same order."""
    features = [_features(one) for one in rules]
    names: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for one in rules:
        names[one.repository].add(one.words)
    taught = {
        repository: _Taught(
            [
                (one.level, words)
                for one, words in zip(rules, features, strict=True)
                if one.repository != repository and one.words not in known
            ]
        )
        for repository, known in names.items()
    }
    return [taught[one.repository].level(words) for one, words in zip(rules, features, strict=True)]


class _Taught:
    def __init__(self, examples: Sequence[tuple[Level, frozenset[str]]]) -> None:
        self._levels = Counter(level for level, _ in examples)
        self._with: dict[str, Counter[Level]] = defaultdict(Counter)
        for level, words in examples:
            for word in words:
                self._with[word][level] += 1

    def level(self, words: frozenset[str]) -> Level:
        if not self._levels:
            return "warning"
        return max(self._levels, key=lambda level: self._evidence(level, words))

    def _evidence(self, level: Level, words: frozenset[str]) -> float:
        share = self._levels[level] / self._levels.total()
        evidence = math.log(share)
        for word in sorted(words & self._with.keys()):
            counts = self._with[word]
            here = (counts[level] + _SMOOTHING * share) / (self._levels[level] + _SMOOTHING)
            anywhere = (counts.total() + _SMOOTHING) / (self._levels.total() + _SMOOTHING)
            evidence += math.log(here / anywhere)
        return evidence


def _features(rule: PublicRule) -> frozenset[str]:
    return frozenset(
        f"{where} {words}"
        for where, text in (("name", rule.words), ("message", rule.message_words))
        for words in (*text, *(f"{one} {two}" for one, two in pairwise(text)))
    )
