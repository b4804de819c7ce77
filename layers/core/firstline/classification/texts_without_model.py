"""The texts for people when no model writes them: summary, cause, first steps, and the evidence when in doubt."""

from datetime import datetime

from firstline.classification.case import Case
from firstline.classification.evidence import suspects
from firstline.classification.evidence_lines import evidence_lines
from firstline.classification.history import ago
from firstline.models import Deployment, DeploymentState, EarlierIncident, Evidence, Incident
from firstline.privacy.safe_text import safe_line

MAX_NAME_CHARS = 128
MAX_MESSAGE_CHARS = 500

MAX_LINES = 10
MAX_LINE_CHARS = 300
MAX_EARLIER = 3
MAX_SIMILAR = 2

_HAPPENED: dict[DeploymentState | None, str] = {
    None: "{} was deployed",
    "succeeded": "{} was deployed",
    "in_progress": "{} began to go out",
    "failed": "the deployment of {} failed",
    "rolled_back": "{} was taken back",
}
"""The words for a deployment in each state; None is a deployment whose sender states no state."""

_LOOK_AT: dict[DeploymentState | None, str] = {
    "in_progress": "Look at the deployment, which may still go on",
    "failed": "See which hosts the failed deployment left on which version",
    "rolled_back": "See whether the alert ends now that the deployment was taken back",
}
_ENDED = {
    "suppressed": "as noise",
    "self_cleared": "by itself",
    "auto_resolved": "cured by a runbook",
    "resolved": "with a human's help",
    "expired": "because nobody resolved it in time",
    "no_data": "without data, so that nobody saw it recover",
}


def summary(incident: Incident, evidence: Evidence) -> str:
    """Summarize the incident in one line for a page: what happens, where, and how often."""
    alert = incident.alert
    text = f"A storm of alerts, the first of them {_short(incident.first_alert)}" if incident.storm else ""
    text = text or _short(alert.alert_name)
    if where := _where(incident):
        text += f" on {where}"
    if context := ", ".join(map(_short, filter(None, (alert.service, alert.environment, alert.region)))):
        text += f" ({context})"
    text += "."
    if message := safe_line(alert.message, MAX_MESSAGE_CHARS):
        text += f" {message}" if message[-1] in ".!?…" else f" {message}."
    if evidence.same_name_last_hour > 1:
        text += f" {evidence.same_name_last_hour} alerts of this name in the last hour."
    return text


def cause(case: Case) -> str:
    """Return the cause that the evidence names and the suspected deployment, in words; empty if there is neither.

    If people said last time that the deployment was not the cause, it is named only behind the cause of that incident:
    their note or, without one, the reason of the incident's outcome. If neither is stored, no deployment is named.
    """
    named = [case.cause.sentence] if case.cause else []
    culprits, past = case.culprits, case.past
    if culprits and past.not_the_deployment:
        instead = safe_line(past.cause_instead or "", MAX_MESSAGE_CHARS).rstrip(".")
        but = f"{deployed_before(culprits[0], case.incident)} But {safe_line(past.not_the_deployment, 300)}."
        named += [f"Perhaps as before: {instead}. {but}"] if instead else []
    elif culprits:
        which = {"failed": " that failed", "rolled_back": " that was taken back"}.get(culprits[0].state or "", "")
        named.append(f"Perhaps the deployment{which}: {deployed_before(culprits[0], case.incident)}")
    return " ".join(named)


def around(case: Case) -> list[str]:
    """Return a few lines about the affected resource; the metrics that the cause cites come first."""
    return evidence_lines(case.evidence, case.cause, well=case.well)


def first_steps(case: Case) -> list[str]:
    """Return what a person should look at first, by the evidence. A step is never a command."""
    steps = []
    evidence, now = case.evidence, case.now
    if evidence.earlier:
        steps.append(_last_time("The last incident of this group", evidence.earlier[0], now))
    elif evidence.similar:
        like = evidence.similar[0].incident
        name = _short(" of ".join(filter(None, (like.alert_name or "another", like.service))))
        steps.append(_last_time(f"A similar incident ({name})", like, now))
    where = _where(case.incident) or _short(case.incident.alert.service or "")
    verb = "are" if len(case.incident.hosts) > 1 else "is"
    steps.append(
        f"Check whether {where} {verb} up and reachable." if where else "Find out which host or service is affected."
    )
    if culprits := case.culprits:
        look = _LOOK_AT.get(culprits[0].state, "Look at the deployment")
        deployed = f"{look}: {deployed_before(culprits[0], case.incident)}"
        # If people said that a deployment was not the cause, the check comes before it.
        steps.insert(len(steps) if case.past.not_the_deployment else -1, deployed)
    if case.offered:
        best = case.offered[0]
        steps.append(f"The runbook that fits is {best.id}: {safe_line(best.title, MAX_NAME_CHARS)}.")
    return steps


def evidence_for(why: str, incident: Incident, evidence: Evidence, now: datetime) -> list[str]:
    """Return lines for a human who must judge: why, earlier and similar incidents, deployments, unread evidence.

    `why` is the sentence that says why Firstline is not sure.
    """
    lines = [why]
    lines += [f"Earlier, {_told(earlier, now)}" for earlier in evidence.earlier[:MAX_EARLIER]]
    if not evidence.earlier:
        lines.append("No earlier incident of this group is known.")
    for similar in evidence.similar[:MAX_SIMILAR]:
        lines.append(f"Similar, {similar.incident.alert_name or 'another'}, {_told(similar.incident, now)}")
    culprits = suspects(incident, evidence)
    lines.append(deployed_before(culprits[0], incident) if culprits else "No deployment of this service is known.")
    if evidence.same_name_last_hour > 1:
        lines.append(f"{evidence.same_name_last_hour} alerts of this name came in the last hour.")
    lines += evidence.missing
    return [safe_line(line, MAX_LINE_CHARS) for line in lines[:MAX_LINES]]


def deployed_before(deployment: Deployment, incident: Incident) -> str:
    """Say in a sentence what was deployed how long before the incident: `shop 1.4 was deployed 12 min before.`."""
    minutes = round((incident.opened_at - deployment.deployed_at).total_seconds() / 60)
    happened = _HAPPENED[deployment.state]
    return f"{happened.format(f'{_short(deployment.service)} {_short(deployment.version)}')} {minutes} min before."


def _told(earlier: EarlierIncident, now: datetime) -> str:
    said = [word.severity or word.said.replace("_", " ") for word in earlier.feedback[:3]]
    people = f"; people say: {', '.join(said)}" if said else ""
    note = f" What fixed it: {earlier.note}" if earlier.note else ""
    return f"{ago(earlier, now)}: {earlier.severity}, ended {_ENDED[earlier.outcome]}{people}.{note}"


def _last_time(which: str, earlier: EarlierIncident, now: datetime) -> str:
    said = earlier.note or earlier.outcome_reason
    note = f": {safe_line(said, MAX_MESSAGE_CHARS)}" if said else ""
    return safe_line(f"{which}, {ago(earlier, now)}, ended {_ENDED[earlier.outcome]}{note}", 300)


def _where(incident: Incident) -> str:
    hosts = incident.hosts or ([incident.alert.host] if incident.alert.host else [])
    shown = ", ".join(map(_short, hosts[:3]))
    return shown + (f" and {len(hosts) - 3} more" if len(hosts) > 3 else "")


def _short(text: str) -> str:
    return safe_line(text, MAX_NAME_CHARS)
