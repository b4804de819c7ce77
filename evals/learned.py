"""What could be learned from other people's rules: a yardstick for the lexicon, and nothing that ever runs.

Naive Bayes over the words and word pairs of name and message. Each repository is judged by what the others teach,
without the names that it shares with them: a copied rule would give its own severity away.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from evals.public_rules import Level, PublicRule

_SMOOTHING = 5
"""So many imaginary rules hold each word, spread over the levels like all rules."""


def levels(rules: Sequence[PublicRule]) -> list[Level]:
    """What the other repositories' rules make of each rule, in the same order."""
    features = [_features(one) for one in rules]
    every = _Counts(zip((one.level for one in rules), features, strict=True))
    names: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for one in rules:
        names[one.repository].add(one.words)
    hidden = {
        repository: _Counts(
            (one.level, words)
            for one, words in zip(rules, features, strict=True)
            if one.repository == repository or one.words in known
        )
        for repository, known in names.items()
    }
    return [_likeliest(words, every, hidden[one.repository]) for one, words in zip(rules, features, strict=True)]


class _Counts:
    """How many rules have each level, and each level with each word."""

    def __init__(self, examples: Iterable[tuple[Level, frozenset[str]]]) -> None:
        self.levels: Counter[Level] = Counter()
        self.words: dict[str, Counter[Level]] = defaultdict(Counter)
        for level, words in examples:
            self.levels[level] += 1
            for word in words:
                self.words[word][level] += 1


def _likeliest(words: frozenset[str], every: _Counts, hidden: _Counts) -> Level:
    levels = every.levels - hidden.levels
    if not levels:
        return "warning"
    shares = {level: count / levels.total() for level, count in levels.items()}
    evidence = {level: math.log(share) for level, share in shares.items()}
    for word in sorted(words):
        counts = every.words[word] - hidden.words.get(word, Counter())
        if not counts:
            continue
        anywhere = (counts.total() + _SMOOTHING) / (levels.total() + _SMOOTHING)
        for level, share in shares.items():
            here = (counts[level] + _SMOOTHING * share) / (levels[level] + _SMOOTHING)
            evidence[level] += math.log(here / anywhere)
    return max(evidence, key=evidence.__getitem__)


def _features(rule: PublicRule) -> frozenset[str]:
    return frozenset(
        f"{where} {words}"
        for where, text in (("name", rule.words), ("message", rule.message_words))
        for words in (*text, *(f"{one} {two}" for one, two in pairwise(text)))
    )
