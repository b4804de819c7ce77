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
from firstline.models import Deployment, Evidence, Incident, NormalizedAlert, Severity, SourceSeverity
from firstline.policy.rules import Rule, Rules


@dataclass(frozen=True, slots=True)
class Case:
    """An incident and its evidence, with what rules, source and history say of them.

    Attributes
    ----------
    rule
        The first rule that holds; None when none does.
    source, said
        How bad the source says it is, or what the words of an alert mean whose source says nothing; and in a sentence.
    past
        What history says.
    offered
        The runbooks whose match fits the alert, best first.
    calibration
        What each decider's confidence was worth so far.
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
        *,
        offered: Sequence[Offered] = (),
        calibration: Calibration = UNCALIBRATED,
    ) -> Self:
        """Ask rules, source and history."""
        source, said = said_by_source(incident.alert)
        return cls(
            incident=incident,
            evidence=evidence,
            rule=rules.first(incident, evidence),
            source=source,
            said=said,
            past=opinion(evidence, source, now),
            offered=offered,
            calibration=calibration,
            now=now,
        )

    @property
    def ruled(self) -> Severity | None:
        """Return the severity that a rule declares; history and the model are not asked then."""
        return None if self.rule is None else self.rule.severity

    @property
    def culprits(self) -> list[Deployment]:
        """Return the deployments of its own service that went out before it, newest first."""
        return suspects(self.incident, self.evidence)


def said_by_source(alert: NormalizedAlert) -> tuple[SourceSeverity, str]:
    """Return the source's severity and a sentence for the record; without one, read it from the alert's words."""
    if alert.severity_stated:
        return alert.severity, f"{alert.source} says {alert.severity}."
    guess = lexicon.guess(alert)
    return guess.severity, f"{alert.source} gives no severity; {guess.because}."
