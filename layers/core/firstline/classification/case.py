"""The case to be judged: an incident and all that is known of it, put together once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from firstline.classification import lexicon
from firstline.classification.calibration import UNCALIBRATED, Calibration
from firstline.classification.evidence import suspects
from firstline.classification.history import Opinion, opinion
from firstline.classification.prompt import Offered
from firstline.models import Deployment, Evidence, Incident, Severity, SourceSeverity
from firstline.policy.rules import Rule, Rules


@dataclass(frozen=True, slots=True)
class Case:
    """An incident and its evidence, with the opinions of rules, source and history.

    Attributes
    ----------
    rule
        The first rule that holds, or None.
    source, said
        The source's severity and a sentence for the record; if the source states none, the one that the alert's words
        suggest.
    past
        The opinion of history.
    offered
        The runbooks whose match fits the alert, best first.
    calibration
        The worth of each decider's confidence so far.
    """

    incident: Incident
    evidence: Evidence
    rule: Rule | None
    source: SourceSeverity
    said: str
    past: Opinion
    offered: Sequence[Offered]
    calibration: Calibration
    now: datetime

    @classmethod
    def of(
        cls,
        incident: Incident,
        evidence: Evidence,
        rules: Rules,
        now: datetime,
        offered: Sequence[Offered] = (),
        calibration: Calibration = UNCALIBRATED,
    ) -> Self:
        """Build the case with the opinions of rules, source and history."""
        alert, rule = incident.alert, rules.first(incident, evidence.local_time)
        source, said = alert.severity, f"{alert.source} says {alert.severity}."
        if not alert.severity_stated:
            guess = lexicon.guess(alert)
            source, said = guess.severity, f"{alert.source} gives no severity; {guess.because}."
        past = opinion(evidence, source, now)
        return cls(incident, evidence, rule, source, said, past, offered, calibration, now)

    @property
    def ruled(self) -> Severity | None:
        """Return the severity that a rule declares; history and the model are not asked then."""
        return None if self.rule is None else self.rule.severity

    @property
    def culprits(self) -> list[Deployment]:
        """Return the deployments of the incident's service that went out before it, newest first."""
        return suspects(self.incident, self.evidence)
