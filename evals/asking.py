"""Simulation of how well alerts without a severity are judged after people's clicks on how bad some of them are.

How often each alert name occurs follows Zipf's law: the second name half as often as the first. At first no name has
been judged by a person, so messages ask for its severity. A person answers some of them with a click, which is
sometimes wrong. `Order` says which messages are answered; unless it is `frequent first`, a wrong answer is corrected
when its name comes again. After a number of clicks the real classification judges all names: by the person's answer for
the name, else by that for the most similar alert, else by the alert's own text.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from statistics import fmean, stdev
from typing import Literal

from evals.cases import Case
from evals.public_rules import Level, PublicRule
from firstline.classification.classify import classify
from firstline.classification.severity_words import about, nearest
from firstline.models import PAGING_RANK, SEVERITY_RANK, Evidence, Incident, NormalizedAlert, Severity, Word
from firstline.policy.rules import NO_RULES
from firstline.sources import normalize

NAMES = 200
WRONG_CLICKS = 0.05
CLICKS = (0, 10, 30, 100)
_WHEN = datetime(2026, 3, 2, 12, tzinfo=UTC)

type Order = Literal["first message", "comes again", "frequent first"]
"""The questions that a person answers: that of a name's first message, that of its second, or a list of names with the
most frequent first (`firstline report --people`, `firstline import incidents`), where no wrong click is corrected."""

ORDERS: tuple[Order, ...] = ("first message", "comes again", "frequent first")
_OF_AUTHORS: Mapping[Level, Severity] = {"critical": "critical", "warning": "medium", "info": "low"}


@dataclass(frozen=True, slots=True)
class Named:
    """An alert and its right severity. `organisation` and `file` say where its rule was published."""

    alert: NormalizedAlert
    truth: Severity
    organisation: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Worth:
    """The quality of the judgements after a number of clicks.

    `right` is the share of all alerts that are judged right, `pages_found` the share of the alerts that need a page and
    get it. Each has a spread: the standard deviation between organisations.
    """

    clicks: int
    right: float
    pages_found: float
    right_spread: float = 0
    found_spread: float = 0


def of_cases(cases: Sequence[Case]) -> list[Named]:
    """Return the alerts of all cases but storms, as if they stated no severity."""
    return [
        Named(
            case.incident.alert.model_copy(update={"severity": "medium", "severity_stated": False}), case.truth.severity
        )
        for case in cases
        if not case.incident.storm
    ]


def of_rules(rules: Sequence[PublicRule]) -> list[Named]:
    """Return an alert without a severity for each published rule; dead man's switches are left out."""
    found = []
    for rule in rules:
        firing = {"status": "firing", "labels": {"alertname": rule.name}, "annotations": {"summary": rule.message}}
        for alert in normalize("prometheus", {"alerts": [firing]}, received_at=_WHEN):
            found.append(Named(alert.without_raw(), _OF_AUTHORS[rule.level], rule.repository, rule.path))
    return found


def simulate(named: Sequence[Named], order: Order = "first message", *, runs: int = 20, seed: int = 1) -> list[Worth]:
    """Return how well alerts are judged after each number of clicks in `CLICKS`.

    `order` says which messages people answer with a click. Each result is a mean over `runs` made-up
    organisations with `NAMES` alerts, chosen from `named` at random, but the same ones for the same `seed`.
    """
    measured: dict[int, list[Worth]] = {clicks: [] for clicks in CLICKS}
    for run in range(runs):
        chance = random.Random(f"{seed} {run}")  # noqa: S311 - a simulation that can be repeated
        names = chance.sample(list(named), min(NAMES, len(named)))
        for worth in _run(names, chance, order):
            measured[worth.clicks].append(worth)
    return [_mean(found) for found in measured.values() if found]


def _mean(found: Sequence[Worth]) -> Worth:
    right, pages = [each.right for each in found], [each.pages_found for each in found]
    spreads = (stdev(right), stdev(pages)) if len(found) > 1 else (0.0, 0.0)
    return Worth(found[0].clicks, fmean(right), fmean(pages), *spreads)


def _run(names: Sequence[Named], chance: random.Random, order: Order) -> list[Worth]:
    volume = [1 / place for place in range(1, len(names) + 1)]
    total = list(accumulate(volume))
    words: dict[int, Word] = {}
    came: set[int] = set()
    found, clicks = [], 0
    for target in CLICKS:
        while clicks < target:
            if order == "frequent first" and clicks < len(names):
                number = clicks
            else:
                (number,) = chance.choices(range(len(names)), cum_weights=total)
            if order == "comes again" and number not in came:
                came.add(number)
                continue
            known = words.get(number)
            if known is None or level(known.severity) != level(names[number].truth):
                words[number] = _click(names[number], chance)
                clicks += 1
            elif len(words) == len(names):
                break
        found.append(_worth(target, names, volume, words))
    return found


def _click(named: Named, chance: random.Random) -> Word:
    buttons: tuple[Severity, ...] = ("high", "medium", "noise")
    wrong = chance.random() < WRONG_CLICKS
    meant = [button for button in buttons if (level(button) == level(named.truth)) != wrong]
    return word_on(named, chance.choice(meant))


def word_on(named: Named, severity: Severity) -> Word:
    """Return a `Word` as if a person had said that alerts like this one have this severity."""
    return Word(subject=about(named.alert), severity=severity, person="sim:1", by="somebody", at=_WHEN)


def _worth(clicks: int, names: Sequence[Named], volume: Sequence[float], words: Mapping[int, Word]) -> Worth:
    said = [judge(named, words.get(number), words.values()) for number, named in enumerate(names)]
    right = sum(
        share for named, told, share in zip(names, said, volume, strict=True) if level(told) == level(named.truth)
    )
    paging = [
        (told, share) for named, told, share in zip(names, said, volume, strict=True) if level(named.truth) == "page"
    ]
    found = sum(share for told, share in paging if level(told) == "page")
    return Worth(clicks, right / sum(volume), found / (sum(share for _, share in paging) or 1))


def judge(named: Named, word: Word | None, words: Iterable[Word]) -> Severity:
    """Return the real classification's severity for an alert, by what a person said of it (`word`).

    If `word` is None, what people said of the most similar alert among `words` counts.
    """
    near = nearest(named.alert, words) if word is None else None
    known = {"same_name_last_hour": 1, "earlier": [], "deployments": [], "local_time": _WHEN, "business_hours": True}
    evidence = Evidence.model_validate({**known, "word": word, "near": near})
    alert = named.alert
    incident = Incident(
        incident_id="Asking", group_key=alert.group_key, opened_at=_WHEN, alert=alert, alert_count=1, hosts=[]
    )
    return classify(incident, evidence=evidence, rules=NO_RULES, offered=(), model=None, now=_WHEN).severity


def level(severity: Severity) -> str:
    """Return what a severity leads to: `page` (somebody is woken), `tell` (a message) or `quiet`."""
    return "page" if SEVERITY_RANK[severity] >= PAGING_RANK else "tell" if severity == "medium" else "quiet"
