"""The memory of verdicts: a confirmed verdict is used again for an alert with the same text in the same circumstances.

Two texts are the same if they are equal once numbers, hosts and names in them are masked (their templates).

For a verdict that is used again, no model is asked. Memory has no store of its own: an entry is an earlier incident
among the evidence, which is read anyway. So memory costs no request, expires with the evidence, and ends when a later
incident disagrees.

That Firstline itself suppressed an incident proves nothing, however often it did. These prove a verdict:

- a person called the verdict right or named the right severity, and nobody disagreed;
- a runbook cured the incident, verified: the severity and the runbook were right;
- a person acknowledged and resolved the incident, so it needed a human;
- the group's last three incidents all resolved by themselves.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.classification import guardrails, lexicon
from firstline.classification.case import Case
from firstline.classification.feedback import confirmed
from firstline.classification.history import ago
from firstline.classification.templates import template_of
from firstline.models import PAGING_RANK, SEVERITY_RANK, Classification, EarlierIncident, Severity

MAX_AGE = timedelta(days=20)
"""The age up to which a verdict is used again: 94 % of the alerts that recur do so within 20 days."""

CLEARED_IN_A_ROW = 3

CONFIDENCE = 0.9
"""The confidence of a verdict from memory."""

_DIGITS = re.compile(r"\d+")
_FEW_ALERTS, _FEW_HOSTS = 10, 5
_SEVERAL_TIMES = 5
"""The factor on the bound of "few" up to which a number is "several"; above it is "many"."""


@dataclass(frozen=True, slots=True)
class Known:
    """An earlier verdict that is used again: the earlier incident, the severity that it proves, and the reason."""

    entry: EarlierIncident
    severity: Severity
    because: str

    def by_people(self, case: Case) -> bool:
        """Return True if people's answers prove a severity other than noise, and the source states none for this alert.

        A tag of the alarm that states a severity counts as the source. If the severity is presumed from the source's
        state, such as `no data`, answers on incidents of other groups do not count.
        """
        of_this = case.sent.presumed_from is None or self.entry.group_key == case.incident.group_key
        return bool(self.entry.feedback) and self.severity != "noise" and not case.stated and of_this

    def lowers(self, case: Case) -> bool:
        """Return True if the remembered severity is below the severity that the case begins with."""
        return SEVERITY_RANK[self.severity] < SEVERITY_RANK[case.base]


@dataclass(frozen=True, slots=True)
class Unknown:
    """The answer that no earlier verdict can be used again.

    `because` is the reason; None if no earlier incident has an alert with the same text (numbers and names masked).
    """

    because: str | None


def evidence_class(case: Case) -> str:
    """Return the circumstances of a verdict as text; an earlier verdict is used again only if its text is the same.

    A text is `high, …, environment prod, service shop, steady, few alerts of the name, …`. The numbers of alerts and
    hosts, which vary a little each time, stand in coarse steps: few, several, many.
    """
    incident, evidence, alert = case.incident, case.evidence, case.incident.alert
    # Amounts change each time, so `words` leaves them out; the guessed severity counts them.
    words = lexicon.read(alert.alert_name, _DIGITS.sub("", alert.message)).words
    service = evidence.same_service.last_hour if evidence.same_service else 0
    circumstances = [
        f"{case.base}{'' if case.stated else ' by its words'}",
        f"words mean {lexicon.guess(alert).severity} ({' · '.join(words) or 'nothing'})",
        f"environment {(alert.environment or 'unknown').casefold()}",
        f"service {(alert.service or 'unknown').casefold()}",
        "flapping" if incident.flapping else "steady",
        f"{_amount(evidence.same_name_last_hour, _FEW_ALERTS)} alerts of the name",
        f"{_amount(service, _FEW_ALERTS)} of the service",
        f"{_amount(len(incident.hosts), _FEW_HOSTS)} hosts",
        "in maintenance" if evidence.maintenance else "no maintenance",
        "after a deployment" if case.culprits else "no deployment",
    ]
    return ", ".join(circumstances)


def recall(case: Case) -> Known | Unknown:
    """Find the newest earlier incident that proves a verdict for an alert with this case's text.

    Return `Unknown`, with the reason, if there is none, or if its verdict may not be used again: in a storm, right
    after a deployment, if evidence could not be read, if its circumstances were others, or if a later incident
    disagrees.
    """
    incident, evidence = case.incident, case.evidence
    if incident.storm:
        return Unknown("a storm is judged afresh")
    if evidence.missing:
        return Unknown("some evidence could not be read, and it might disagree")
    if case.culprits:
        return Unknown("something was deployed just before")
    template = template_of(incident.alert)
    own = [earlier for earlier in evidence.earlier if earlier.template]
    others = [similar.incident for similar in evidence.similar if similar.incident.template == template]
    newest_first = sorted([*own, *others], key=lambda earlier: earlier.closed_at, reverse=True)
    for number, earlier in enumerate(newest_first):
        severity = _proven(earlier, own, incident.group_key)
        if severity is not None and earlier.template == template:
            doubt = _doubt(earlier, severity, newest_first[:number], case)
            which = f"the verdict on {earlier.incident_id}, {ago(earlier, case.now)},"
            if doubt is not None:
                return Unknown(f"{which} {doubt}")
            because = f"Known: {which} holds ({_proof(earlier)}): the same words, the same circumstances."
            return Known(earlier, severity, because)
    if not any(earlier.template == template for earlier in newest_first):
        return Unknown(None)
    return Unknown("nobody has confirmed a verdict on these words")


def verdict_from(known: Known, case: Case, fallback: Classification) -> Classification:
    """Return a remembered verdict as a classification, within the bounds that hold for a model's verdict.

    Its summary and first steps are taken from `fallback`, the verdict of rules and history.
    """
    bounded = guardrails.within_reach(known.severity, case, CONFIDENCE, by_people=known.by_people(case))
    reasons = [known.because, *bounded.reasons]
    runbook_id = known.entry.runbook_id or known.entry.chosen_runbook_id
    if runbook_id not in {runbook.id for runbook in case.offered}:
        runbook_id = None
    if runbook_id is not None and bounded.severity == "noise":
        reasons.append(f"No runbook: {guardrails.NOTHING_FOR_NOISE}.")
        runbook_id = None
    return fallback.model_copy(
        update={
            "severity": bounded.severity,
            "cause": guardrails.safe_words(known.entry.cause or "", guardrails.MAX_CAUSE_CHARS) or fallback.cause,
            "is_deployment_related": False,
            "can_be_remediated": runbook_id is not None,
            "runbook_id": runbook_id,
            "confidence": CONFIDENCE,
            "decided_by": "cache",
            "reasons": reasons,
            "cached_from": known.entry.incident_id,
        }
    )


def _doubt(entry: EarlierIncident, severity: Severity, later: Sequence[EarlierIncident], case: Case) -> str | None:
    """Return why the severity that an earlier incident (`entry`) proves may not be used again here, or None if it may.

    `later` are the incidents after it.
    """
    here = evidence_class(case)
    if case.now - entry.opened_at > MAX_AGE:
        return f"is older than {MAX_AGE.days} days"
    if entry.evidence_class != here:
        return f"was for other circumstances ({_difference(entry.evidence_class, here)})"
    deployed = case.evidence.service_deployed_at or entry.opened_at
    if deployed > entry.opened_at and not any(_judged_since(deployed, newer, entry) for newer in later):
        return "is from before the service's last deployment"
    dissent = next((newer for newer in later if _disagrees(newer, entry, severity)), None)
    if dissent is not None:
        return f"is contradicted by {dissent.incident_id}"
    # A guess binds no person: one who calls an alert low is right, whatever its words suggest.
    known = Known(entry, severity, "")
    if known.lowers(case) and not known.by_people(case) and (doubt := _doubt_below_source(entry, case)):
        return doubt
    if severity == "noise" != entry.severity and case.base != "info":
        takes = f"a rule, as the source says {case.base}" if case.stated else "an approver's word"
        return f"is noise by people's answers alone, and to drop this alert takes {takes}"
    return None


def _doubt_below_source(entry: EarlierIncident, case: Case) -> str | None:
    """Return why an earlier verdict may not lower the severity that the case begins with, or None if it may."""
    source_rank = SEVERITY_RANK[case.base]
    if not entry.feedback and entry.outcome == "resolved":
        return "is less than the source says, and nobody said so"
    if source_rank >= PAGING_RANK:
        return "would prevent a page, which is judged afresh each time"
    if entry.group_key != case.incident.group_key and source_rank >= SEVERITY_RANK["medium"]:
        return "is another group's, and would lower what the source says"
    return None


def _proven(earlier: EarlierIncident, own: list[EarlierIncident], group_key: str) -> Severity | None:
    """Return the severity that people's answers or the outcome prove for an earlier incident; None if neither does.

    `own` are the earlier incidents, newest first, of the group that is judged now (`group_key`).
    """
    if earlier.feedback:
        return confirmed(earlier.severity, earlier.feedback)
    if earlier.outcome == "auto_resolved" and earlier.runbook_id is not None:
        return earlier.severity
    serious = SEVERITY_RANK[earlier.severity] >= SEVERITY_RANK["medium"]
    if earlier.outcome == "resolved" and earlier.taken_by and serious:
        return earlier.severity
    newest = own[:1] == [earlier] and earlier.group_key == group_key
    cleared = [each.outcome for each in own[:CLEARED_IN_A_ROW]] == ["self_cleared"] * CLEARED_IN_A_ROW
    return earlier.severity if newest and cleared else None


def _judged_since(deployed: datetime, newer: EarlierIncident, entry: EarlierIncident) -> bool:
    """Return True if the incident `newer` opened after `deployed`, and a model judged it.

    Its alert must also have the same text as that of the incident `entry`, once numbers and names are masked.
    """
    return newer.opened_at > deployed and newer.decided_by == "llm" and newer.template == entry.template


def _disagrees(newer: EarlierIncident, entry: EarlierIncident, severity: Severity) -> bool:
    """Return True if a later incident contradicts the severity that `entry` proves, or the cure by its runbook."""
    if newer.feedback and confirmed(newer.severity, newer.feedback) != severity:
        return True
    if newer.severity != severity:
        return True
    if newer.outcome == "resolved" and SEVERITY_RANK[severity] <= SEVERITY_RANK["low"]:
        return True
    cured = entry.outcome == "auto_resolved"
    return cured and newer.runbook_id == entry.runbook_id and newer.outcome not in ("auto_resolved", "self_cleared")


def _proof(entry: EarlierIncident) -> str:
    if entry.feedback:
        return f"{', '.join(word.by for word in entry.feedback[:3])} confirmed it"
    if entry.outcome == "auto_resolved":
        return f"runbook {entry.runbook_id} cured it, verified"
    if entry.outcome == "resolved":
        return f"{entry.taken_by} took it and resolved it"
    return f"the group cleared by itself {CLEARED_IN_A_ROW} times in a row"


def _amount(count: int, few: int) -> str:
    return "few" if count <= few else "several" if count <= few * _SEVERAL_TIMES else "many"


def _difference(before: str | None, here: str) -> str:
    """Return which circumstances in `here` are not in `before`: `flapping; after a deployment`.

    Both are texts by `evidence_class`: of the present case, and of an earlier verdict. If `before` is None, or nothing
    is new, a phrase says so.
    """
    if before is None:
        return "which they were is not known"
    known = set(before.split(", "))
    return "; ".join(part for part in here.split(", ") if part not in known) or "fewer than now"
