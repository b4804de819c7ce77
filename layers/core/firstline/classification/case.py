"""The case to be judged: an incident, its evidence, and what rules, the alert's source and earlier incidents say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from firstline.classification import cause as causes
from firstline.classification import lexicon, severity_words
from firstline.classification.evidence import suspects
from firstline.classification.feedback import called_noise
from firstline.classification.history import MEMORY, Opinion, opinion
from firstline.classification.owner_tags import stated_by_tags, with_tags
from firstline.classification.resource_evidence import Cause
from firstline.classification.templates import template_of
from firstline.models import (
    DROPS_FOR,
    PAGING_RANK,
    SEVERITY_RANK,
    Deployment,
    Evidence,
    Incident,
    NearWord,
    NormalizedAlert,
    Severity,
    SourceSeverity,
    Word,
)
from firstline.policy.rules import Rule, Rules

if TYPE_CHECKING:
    from firstline.classification.prompt import Offered

_LOW = SEVERITY_RANK["low"]


@dataclass(frozen=True, slots=True)
class Case:
    """An incident and its evidence, with what rules, the alert's source and earlier incidents say about it.

    Attributes
    ----------
    incident
        The incident. What its alert leaves open (service, environment, team) is taken from the owner's tags.
    sent
        The incident's alert as its source sent it, without what the owner's tags add. A person's word is stored and
        looked up by the source, name and environment of this alert, because the tags are not read yet then.
    rule
        The first of the owner's rules that matches, or None.
    base, said
        The severity to begin with, and a sentence on where it comes from. It is the severity that the source states. If
        it states none, it is the first that there is of these: a person's word on this alert, a tag of the alarm, the
        severity that is presumed from the source's state, a person's word on the alert most like it (which may raise a
        presumed severity), a guess from the alert's words. Evidence of a fault, or an alert that says that data is
        lost, may raise it.
    stated
        True if the source or a tag of the alarm states the severity; people's answers alone may not lower it then.
    word
        What a person said on how bad alerts of this kind are, if the source does not state it; None if nobody did. It
        is the severity unless a rule declares one.
    cause
        The cause that a rule found in the evidence about the affected resource, or None.
    past
        What the group's earlier incidents suggest for this one's severity, with reasons.
    offered
        The runbooks whose match fits the alert, best first.
    """

    incident: Incident
    sent: NormalizedAlert
    evidence: Evidence
    rule: Rule | None
    base: SourceSeverity
    said: str
    stated: bool
    word: Word | None
    cause: Cause | None
    past: Opinion
    offered: "Sequence[Offered]"
    now: datetime

    @classmethod
    def of(
        cls,
        incident: Incident,
        evidence: Evidence,
        rules: Rules,
        now: datetime,
        offered: "Sequence[Offered]" = (),
    ) -> Self:
        """Build the case of an incident: with what rules, the alert's source and earlier incidents say about it.

        `offered` are the runbooks whose match fits the alert, best first.
        """
        sent, incident = incident.alert, with_tags(incident, evidence.tags)
        alert, rule = incident.alert, rules.first(incident, evidence.local_time)
        cause = None if incident.storm else causes.find(evidence, incident.opened_at)
        stated, presumed, word = alert.severity_stated, alert.presumed_from is not None, None
        base, said = alert.severity, f"{alert.source} says {alert.severity}."
        if not stated:
            word = evidence.word if evidence.word and evidence.word.holds(now) else None
            base, said = _unstated(alert, evidence, now)
            if (tagged := stated_by_tags(incident, evidence, now)) is not None:
                stated, base, said = True, tagged, f"The alarm is tagged {tagged}, which counts as its source's word."
        if not stated and word is None and cause is not None and cause.broken:
            base, said = _raised(base, said, cause)
        elif (stated or presumed) and word is None and not incident.storm and SEVERITY_RANK[base] <= _LOW:
            base, said = _not_low(base, said, alert, evidence, now)
        past = opinion(evidence, base, now)
        return cls(incident, sent, evidence, rule, base, said, stated, word, cause, past, offered, now)

    @property
    def ruled(self) -> Severity | None:
        """The severity that a rule declares, or None. With one, neither history nor a model is asked."""
        return None if self.rule is None else self.rule.severity

    @property
    def takes_a_word(self) -> bool:
        """True if what a person says on how bad the alert is sets its severity.

        So it does if no source, tag or rule states a severity, and the incident is no storm.
        """
        return not self.stated and not self.incident.storm and self.ruled is None

    @property
    def well(self) -> bool:
        """True if the affected resource shows no fault now."""
        return causes.is_well(self.evidence, self.incident.opened_at)

    @property
    def culprits(self) -> list[Deployment]:
        """The deployments of the incident's service from before the incident, newest first."""
        return suspects(self.incident, self.evidence)


def _raised(base: SourceSeverity, said: str, cause: Cause) -> tuple[SourceSeverity, str]:
    """Return `high` and a sentence on why, as evidence shows a fault (`cause`), if the guessed severity is lower.

    Otherwise return `base` and `said`, the guessed severity and the sentence on it, unchanged.
    """
    if SEVERITY_RANK[base] >= PAGING_RANK:
        return base, said
    return "high", f"{said} Raised to high by its evidence ({cause.category}): something is broken now."


def _not_low(
    base: SourceSeverity, said: str, alert: NormalizedAlert, evidence: Evidence, now: datetime
) -> tuple[SourceSeverity, str]:
    """Return `high` in place of a stated or presumed `low` or `info` if the alert says that data is lost.

    With it goes a sentence on why. Return `base` and `said`, the severity and the sentence until now, if the alert does
    not say so, or if people called an earlier incident noise that is of the same group, of the last 30 days, and whose
    alert has the same text but for numbers and names.
    """
    lost, ours = lexicon.loss_stated(alert), template_of(alert)
    if lost is None or any(
        called_noise(earlier.feedback)
        for earlier in evidence.earlier
        if earlier.template == ours and now - earlier.opened_at <= MEMORY
    ):
        return base, said
    return "high", f"{said} Raised to high: it states a loss ({lost}), which is never {base}."


def _unstated(alert: NormalizedAlert, evidence: Evidence, now: datetime) -> tuple[SourceSeverity, str]:
    """Return the severity to begin with if the source states none, and a sentence that says where it comes from."""
    word, near = evidence.word, evidence.near
    if word is not None and word.holds(now):
        return severity_words.as_stated(word), f"{severity_words.told(word)}."
    none = f"{alert.source} gives no severity"
    if word is not None:
        return "low", f"{none}. {severity_words.told(word)}: that holds for {DROPS_FOR.days} days."
    if alert.presumed_from is not None:
        return _presumed(alert, f"{none}, and its state", near)
    if near is not None:
        return "low" if near.word.severity == "noise" else near.word.severity, f"{none}. {severity_words.lent(near)}."
    guess = lexicon.guess(alert)
    return guess.severity, f"{none}; {guess.because}."


def _presumed(alert: NormalizedAlert, said: str, near: NearWord | None) -> tuple[SourceSeverity, str]:
    """Return the severity that is presumed from the state that the source gives the alert, and a sentence on it.

    `said` is the beginning of that sentence. `near` is a person's word on the alert most like this one (None: no such
    word); it may raise the severity but not lower it. So an alert whose state pages goes on paging until somebody who
    knows this very alert says otherwise.
    """
    said = f"{said} ({alert.presumed_from}) counts as {alert.severity} until somebody says how bad it is."
    if near is not None and SEVERITY_RANK[near.word.severity] > SEVERITY_RANK[alert.severity]:
        return severity_words.as_stated(near.word), f"{said} {severity_words.lent(near)}."
    return alert.severity, said
