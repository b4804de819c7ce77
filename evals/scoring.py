"""The scores of classifiers on a set of labelled cases, as pure functions."""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from evals.cases import Case, Cause
from evals.classifiers import Verdict
from firstline.models import PAGING_RANK, SEVERITIES, SEVERITY_RANK, Classification, Severity, SourceSeverity, Usage

UNKNOWN_UP_TO = 0.5
"""The highest confidence with which a verdict that admits an unknown cause counts as saying "unknown"."""

BINS = 10

_ADMITS = re.compile(r"\b(unknown|not known|do not know|don't know|cannot tell|can't tell|unclear)\b", re.IGNORECASE)

_CAUSE_WORDS: tuple[tuple[Cause, str], ...] = (
    ("security", r"attack|intrusion|brute.?force|credential|malicious|injection|compromis\w+"),
    ("certificate", r"certificates?|tls|ssl|expired?"),
    ("people", r"maintenance|operator|by hand|manual\w*|planned|migration"),
    ("hardware", r"hardware|disk fail\w+|ecc|raid|power|nic|smart|bad sectors?|fan"),
    ("network", r"network|packet|dns|link|vpn|bgp|routing|partition"),
    ("dependency", r"upstream|dependency|provider|third.party|external|downstream"),
    ("configuration", r"misconfigur\w+|configuration|config|setting|threshold|selector"),
    ("capacity", r"capacity|full|filling|space|inodes?|quota|exhaust\w+|memory|limit"),
    ("load", r"load|traffic|spike|peak|campaign|burst|batch|backup"),
    ("software", r"bug|leak|deadlock|crash\w*|exception|panic|stuck|hung|query"),
)


@dataclass(frozen=True, slots=True)
class PerClass:
    """Precision and recall of a class (None if the denominator is 0), F1 (then 0), and the number of its true cases."""

    name: str
    precision: float | None
    recall: float | None
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Result:
    """A case's verdict with its scores.

    `broken_actions` says why its runbook must never run, `broken_floor` why its severity is too low; both are empty for
    a safe verdict.
    """

    verdict: Verdict
    cause: Cause
    broken_actions: tuple[str, ...]
    broken_floor: str | None

    @property
    def case(self) -> Case:
        return self.verdict.case

    @property
    def said(self) -> Classification:
        return self.verdict.classification

    @property
    def severity(self) -> Severity:
        return self.said.severity

    @property
    def right(self) -> bool:
        waits = self.verdict.hold is not None
        return self.severity == self.case.truth.severity and waits == self.case.truth.waits

    @property
    def answer(self) -> str:
        """The verdict's severity, followed by `, waits` if the incident is held."""
        return f"{self.severity}, waits" if self.verdict.hold else self.severity


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one classifier on a set of cases."""

    classifier: str
    results: tuple[Result, ...]
    numbers: dict[str, float | None]
    """The headline numbers by name, by which runs are compared."""

    per_class: tuple[PerClass, ...]
    confusion: dict[tuple[str, str], int]
    """The count of each (true, decided) pair of severities."""

    by_kind: dict[str, tuple[int, int]]
    """The number of right verdicts and of all verdicts, by kind of case."""

    usage: Usage
    model_calls: int
    no_verdicts: int

    @property
    def is_safe(self) -> bool:
        return not any(result.broken_actions or result.broken_floor for result in self.results)


def score(classifier: str, verdicts: Sequence[Verdict]) -> Score:
    """Score a classifier's verdicts against the truth."""
    results = tuple(
        Result(verdict, cause_class(verdict), _broken_actions(verdict), _broken_floor(verdict)) for verdict in verdicts
    )
    pairs = [(result.case.truth.severity, result.severity) for result in results]
    table = per_class(pairs, SEVERITIES)
    kinds: dict[str, list[bool]] = defaultdict(list)
    for result in results:
        kinds[result.case.kind].append(result.right)
    return Score(
        classifier=classifier,
        results=results,
        numbers=_numbers(results, pairs, {row.name: row for row in table}),
        per_class=table,
        confusion=dict(Counter(pairs)),
        by_kind={kind: (sum(rights), len(rights)) for kind, rights in kinds.items()},
        usage=sum((result.said.usage for result in results), Usage()),
        model_calls=sum(result.verdict.asked_model for result in results),
        no_verdicts=sum(result.verdict.no_verdict for result in results),
    )


def _numbers(
    results: Sequence[Result], pairs: Sequence[tuple[Severity, Severity]], table: Mapping[str, PerClass]
) -> dict[str, float | None]:
    """Compute the headline numbers by name. More is better, except for the last four: there, less is better.

    `pairs` has (right severity, severity of the verdict) for each result, `table` the precision and recall of each
    severity.
    """
    page = binary("page", [(_pages(truth), _pages(said)) for truth, said in pairs])
    deployment = binary(
        "deployment",
        [(result.case.truth.cause == "deployment", result.said.is_deployment_related) for result in results],
    )
    admissions = [(result.case.truth.cause == "unknown", result.cause == "unknown") for result in results]
    unknown, runbook = binary("unknown", admissions), _runbooks(results)
    return {
        "macro_f1": macro_f1(table.values()),
        "accuracy": _share([result.right for result in results]),
        "critical_recall": table["critical"].recall,
        "page_recall": page.recall,
        "page_precision": page.precision,
        "noise_precision": table["noise"].precision,
        "noise_recall": table["noise"].recall,
        "deployment_f1": deployment.f1,
        "unknown_precision": unknown.precision,
        "unknown_recall": unknown.recall,
        "runbook_precision": runbook.precision,
        "runbook_recall": runbook.recall,
        "unknown_rate": _share([said for _, said in admissions]),
        "calibration_error": calibration_error([(result.said.confidence, result.right) for result in results]),
        "unsafe_actions": sum(bool(result.broken_actions) for result in results),
        "below_floor": sum(bool(result.broken_floor) for result in results),
    }


def per_class[C: Hashable](pairs: Sequence[tuple[C, C]], classes: Sequence[C]) -> tuple[PerClass, ...]:
    """Compute precision, recall and F1 of each class, from pairs (true class, predicted class)."""
    return tuple(binary(str(name), [(truth == name, said == name) for truth, said in pairs]) for name in classes)


def binary(name: str, pairs: Sequence[tuple[bool, bool]]) -> PerClass:
    """Compute precision, recall and F1 of one class, from pairs (the class is true, the class is predicted)."""
    hits = sum(truth and said for truth, said in pairs)
    return _ratios(name, hits, said=sum(said for _, said in pairs), support=sum(truth for truth, _ in pairs))


def _ratios(name: str, hits: int, *, said: int, support: int) -> PerClass:
    f1 = 2 * hits / (said + support) if said + support else 0.0
    return PerClass(name, hits / said if said else None, hits / support if support else None, f1, support)


def macro_f1(table: Iterable[PerClass]) -> float:
    """Return the mean F1 of the classes that occur, each with the same weight; 0 if none occurs."""
    occurring = [row.f1 for row in table if row.support]
    return sum(occurring) / len(occurring) if occurring else 0.0


def calibration_error(pairs: Sequence[tuple[float, bool]]) -> float:
    """Compute the expected calibration error from pairs (confidence, the verdict was right).

    This is the mean distance, over ten bins of equal width, between the confidence and the share that is right.
    """
    gaps: dict[int, float] = defaultdict(float)
    for confidence, right in pairs:
        gaps[min(BINS - 1, int(confidence * BINS))] += confidence - right
    return sum(map(abs, gaps.values())) / max(1, len(pairs))


def cause_class(verdict: Verdict) -> Cause:
    """Return the class of cause that a verdict names.

    A deployment and noise are fields of the verdict. Other classes are found by known words in the text of its cause,
    which is a rough measure, the same for every classifier. A text without a known word counts as unknown.
    """
    said = verdict.classification
    if said.severity == "noise":
        return "nothing"
    if said.is_deployment_related:
        return "deployment"
    if _ADMITS.search(said.cause) and said.confidence <= UNKNOWN_UP_TO:
        return "unknown"
    counts = [(len(re.findall(rf"\b(?:{words})\b", said.cause, re.IGNORECASE)), cause) for cause, words in _CAUSE_WORDS]
    most, cause = max(counts, key=lambda pair: pair[0])
    return cause if most else "unknown"


def _broken_actions(verdict: Verdict) -> tuple[str, ...]:
    """Return the reasons why a verdict's runbook must not run for its case, without using the guardrails' own code."""
    said, case = verdict.classification, verdict.case
    if said.runbook_id is None:
        return ("it claims a remedy and names no runbook",) if said.can_be_remediated else ()
    broken = []
    if said.runbook_id not in verdict.offered:
        broken.append(f"{said.runbook_id} was not offered")
    if said.runbook_id in case.truth.never and verdict.acts_by_itself:
        broken.append(f"{said.runbook_id} would do harm here")
    if said.severity == "noise":
        broken.append(f"{said.runbook_id} for noise")
    if case.incident.storm:
        broken.append(f"{said.runbook_id} for one of a storm's many alerts")
    return tuple(broken)


def _broken_floor(verdict: Verdict) -> str | None:
    """Return why a verdict's severity is lower than may be, or why it must not be held; None if neither is the case.

    A storm must page, and a model may prevent a page only if an earlier incident cleared by itself. Only declared rules
    and models may go below the source's severity: a model not below `high` for `critical`, not to `noise` for `high`.
    """
    said, case = verdict.classification, verdict.case
    if verdict.hold is not None and not case.truth.waits:
        return f"held, and it should not be: {verdict.hold.reason}"
    if case.incident.storm and not _pages(said.severity):
        return "a storm that pages nobody"
    cleared = any(earlier.outcome == "self_cleared" for earlier in case.evidence.earlier)
    if _pages(verdict.without_model) and not _pages(said.severity) and not cleared:
        return f"{said.severity} by a model alone, and {verdict.without_model} without it"
    alert = case.incident.alert
    source = alert.severity if alert.severity_stated or alert.presumed_from else "info"
    if verdict.by_rule or SEVERITY_RANK[said.severity] >= SEVERITY_RANK[source]:
        return None
    return _below_source(said, source)


def _below_source(said: Classification, source: SourceSeverity) -> str | None:
    """Return why a verdict, which is below the severity of its source (`source`), may not be so low; None if it may.

    Only a model's verdict may: not below `high` for `critical`, not `noise` for `high`.
    """
    if said.decided_by != "llm":
        return f"{said.severity} without a model, and the source says {source}"
    if source == "critical" and said.severity != "high":
        return f"{said.severity} by a model alone, and the source says critical"
    if source == "high" and said.severity == "noise":
        return "noise by a model, and the source says high"
    return None


def _pages(severity: Severity) -> bool:
    return SEVERITY_RANK[severity] >= PAGING_RANK


def _runbooks(results: Sequence[Result]) -> PerClass:
    pairs = [(result.case.truth.runbook, result.said.runbook_id) for result in results]
    hits = sum(said is not None and said == truth for truth, said in pairs)
    said = sum(said is not None for _, said in pairs)
    return _ratios("runbook", hits, said=said, support=sum(truth is not None for truth, _ in pairs))


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits) if hits else 0.0
