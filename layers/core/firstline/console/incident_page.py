"""The page of one incident, for a person who was woken for it: who has it, what happens, what to do, then the rest.

`gather` reads the table; `incident_page` and `status_part` only write HTML.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from firstline.channels.incident_links import links_of
from firstline.channels.summary import labels
from firstline.classification.similar import most_similar
from firstline.console.actions import PageButton, actions_on, decisions_on, why_no_decision
from firstline.console.frame import Frame
from firstline.console.metric_chart import metric_chart
from firstline.console.render import render
from firstline.console.timeline import timeline
from firstline.incidents.audit_trail import Entry, Trail, first_break
from firstline.incidents.message_facts import ENDS, annotations, why_idle
from firstline.incidents.status import status_of
from firstline.incidents.store import Incidents
from firstline.models import (
    SEVERITY_RANK,
    AlertCount,
    Deployment,
    EarlierIncident,
    IncidentRecord,
    RemediationPlan,
    Severity,
    StoredAlert,
)
from firstline.people.members import member
from firstline.privacy.alert_redaction import as_people_see_it, without_personal_data
from firstline.text import count, one_line, shorten, strip_invisible

MOST_ALERTS = 20
MOST_SIMILAR = 5
MOST_LABELS = 30
MOST_RESULTS = 15
MOST_MOMENTS = 40
SUSPECT = timedelta(hours=6)
"""The time before an incident within which a deployment is shown as evidence."""


@dataclass(frozen=True)
class IncidentView:
    """Everything about an incident that its page shows, without personal data."""

    record: IncidentRecord
    members: Sequence[StoredAlert] = ()
    entries: Sequence[Entry] = ()
    same_name: AlertCount | None = None
    deployments: Sequence[Deployment] = ()
    earlier: Sequence[EarlierIncident] = ()


def gather(record: IncidentRecord, now: datetime, *, incidents: Incidents, trail: Trail) -> IncidentView:
    """Read everything about an incident that the page shows. Raises HistoryUnavailable if the table does not answer."""
    incident, alert = record.incident, record.incident.alert
    since = incident.opened_at - SUSPECT
    suspects = [
        deployment for deployment in incidents.deployments_since(since) if deployment.deployed_at <= incident.opened_at
    ]
    like = most_similar(alert, incidents.incidents_like(alert), group_key=incident.group_key, now=now)
    earlier = [
        known
        for known in (*incidents.earlier_incidents(incident.group_key, 3), *(similar.incident for similar in like))
        if known.incident_id != incident.incident_id
    ]
    members = incidents.members(incident.incident_id, MOST_ALERTS)
    return IncidentView(
        record=as_people_see_it(record),
        members=[stored.model_copy(update={"alert": without_personal_data(stored.alert)}) for stored in members],
        entries=trail.entries(incident.incident_id),
        same_name=incidents.alerts_named(alert.alert_name, now),
        deployments=[deployment for deployment in suspects if alert.service is None or deployment.concerns(alert)][:5],
        earlier=earlier[:MOST_SIMILAR],
    )


def incident_page(view: IncidentView, frame: Frame, *, execution_url: str = "", said: str = "") -> str:
    """Render the page of an incident.

    Parameters
    ----------
    execution_url
        The AWS console's page of the state machine's executions, up to the colon before an execution's name; empty for
        no link.
    said
        A sentence on the effect of the visitor's last form; empty without one.
    """
    record, me = view.record, frame.visitor
    status = status_of(record, frame.now)
    verdict, alert = record.classification, record.incident.alert
    acts = frame.token != ""
    what = (verdict.summary if verdict else "") or alert.message or alert.alert_name
    decides = decisions_on(record, me, scripts_shown=False) if acts else []
    cause = one_line(verdict.cause, 600) if verdict else ""
    return render(
        "incident.html",
        **frame.values(status.title, "incidents"),
        **_status_values(view.record, frame),
        record=record,
        base=f"/console/incidents/{record.incident.incident_id}",
        said=said,
        what_it_says=shorten(strip_invisible(what).strip(), 1_500),
        cause="" if cause.rstrip(".").casefold() in ("", "unknown") else cause,
        nothing_runs=_why_nothing_runs(view),
        first_steps=verdict.first_steps[:6] if verdict and status.holder != "over" else [],
        actions=actions_on(record, status, me) if acts else [],
        decides=decides,
        why_not=_why_not(record, frame, decides),
        idle=why_idle(record),
        may_write=me.may("note", record.incident.incident_id),
        links=links_of(record, [stored.alert for stored in view.members], execution_url),
        results=list(_results(record)),
        by_host=_by_host(view.members or [_opening_alert(record)]),
        more_alerts=max(0, record.alert_count - max(1, len(view.members))),
        evidence=list(_evidence(view)),
        plot=metric_chart(verdict.series, frame.zone) if verdict and verdict.series else None,
        deployments=[_before(deployment, record) for deployment in view.deployments],
        similar=[_earlier(incident) for incident in view.earlier],
        timeline=timeline(record, view.entries)[-MOST_MOMENTS:],
        trail_broken=first_break(record.incident.incident_id, view.entries),
        labels=dict(list(labels(record.incident).items())[:MOST_LABELS]),
        reasons=[one_line(reason, 300) for reason in verdict.reasons[:8]] if verdict else [],
        annotations=annotations(alert),
        says="" if _folded(alert.message) in _folded(what) else shorten(strip_invisible(alert.message).strip(), 600),
    )


def _folded(text: str) -> str:
    """Return a text for comparison: without invisible characters, its words separated by single spaces."""
    return " ".join(strip_invisible(text).split())


def _why_nothing_runs(view: IncidentView) -> str:
    """Return why no runbook acts on an open incident; empty if a plan exists, or planning has not happened yet."""
    planned = next((entry for entry in reversed(view.entries) if entry.what == "planned"), None)
    if planned is None or view.record.plan is not None or view.record.status == "CLOSED":
        return ""
    return one_line(str(planned.facts.get("reason", "")), 300)


def status_part(record: IncidentRecord, frame: Frame) -> str:
    """Render the part of the page that says who has the incident. The browser refreshes this part alone."""
    return render("status.html", **frame.values(""), **_status_values(record, frame))


def _why_not(record: IncidentRecord, frame: Frame, decides: Sequence[PageButton]) -> str:
    """Return why the visitor finds no button that approves the plan; empty if there is one, or no plan waits.

    `decides` are the buttons that the page has for the plan.
    """
    plan, me = record.plan, frame.visitor
    has_one = any(button.name == "approve" for button in decides)
    if plan is None or not frame.token or not record.waits_for_approval or has_one:
        return ""
    if plan.risk == "destructive" and me.may("approve", record.incident.incident_id):
        return "Data is lost for good, so this plan can be approved only below its scripts."
    return why_no_decision(me)


def _status_values(record: IncidentRecord, frame: Frame) -> dict[str, Any]:
    status = status_of(record, frame.now)
    sentence = status.sentence(frame.zone, frame.now).removeprefix(f"{status.who}.").strip()
    return {"status": status, "sentence": sentence}


def _opening_alert(record: IncidentRecord) -> StoredAlert:
    """Return the alert that opened the incident, to show while the index of alerts, which may lag, lists none."""
    alert, opened_at = record.incident.alert, record.incident.opened_at
    firing = record.live.firing > 0 if record.live else record.status == "OPEN"
    return StoredAlert(
        fingerprint=alert.fingerprint,
        firing=firing,
        rank=SEVERITY_RANK[alert.severity],
        began_at=opened_at,
        received_at=opened_at,
        alert=alert,
    )


@dataclass(frozen=True)
class _AlertLine:
    severity: Severity
    name: str
    firing: bool
    since: datetime
    message: str


def _by_host(members: Iterable[StoredAlert]) -> list[tuple[str, list[_AlertLine]]]:
    """Return pairs of a host (or else service) and its alerts. `members` come worst first, and so do the pairs."""
    places: dict[str, list[_AlertLine]] = {}
    for stored in members:
        alert, known = stored.alert, member(stored)
        place = one_line(alert.host or alert.service or "No host named", 120)
        line = _AlertLine(
            severity=known.severity,
            name=one_line(alert.alert_name, 120),
            firing=stored.firing,
            since=stored.began_at,
            message=one_line(alert.message, 120),
        )
        places.setdefault(place, []).append(line)
    return list(places.items())


@dataclass(frozen=True)
class _Result:
    step: str
    kind: str
    place: str
    status: str
    changed: bool
    output: str
    at: datetime | None


_KINDS = {"diagnose": "looked", "act": "acted", "verify": "checked", "rollback": "undid"}


def _results(record: IncidentRecord) -> Iterator[_Result]:
    plan: RemediationPlan | None = record.plan
    places = plan.places if plan else {}
    for result in record.results[-MOST_RESULTS:]:
        yield _Result(
            step=one_line(result.step_id, 80),
            kind=_KINDS[result.kind],
            place=one_line(places.get(result.instance_id, result.instance_id), 80),
            status=one_line(result.status, 60),
            changed=result.changed,
            output=strip_invisible(result.output).strip(),
            at=result.at,
        )


def _evidence(view: IncidentView) -> Iterator[str]:
    verdict = view.record.classification
    named = view.same_name
    if named is not None and named.last_day > 1:
        name = one_line(view.record.incident.alert.alert_name, 80)
        yield f"{name}: {count(named.last_hour, 'new alert')} within an hour, {named.last_day} within a day"
    if verdict is not None:
        yield from (one_line(line, 300) for line in (*verdict.evidence[:8], *verdict.unsure[:8]))
    if view.record.incident.flapping:
        times = view.record.incident.opened_last_hour
        yield f"It comes and goes: {count(times, 'incident')} of this group within an hour"
    if not view.deployments:
        hours = int(SUSPECT.total_seconds() // 3_600)
        yield f"No deployment of its service is known in the {hours} hours before it"


@dataclass(frozen=True)
class _DeploymentLine:
    service: str
    version: str
    before: timedelta
    state: str


def _before(deployment: Deployment, record: IncidentRecord) -> _DeploymentLine:
    before = record.incident.opened_at - deployment.deployed_at
    return _DeploymentLine(deployment.service, deployment.version, before, (deployment.state or "").replace("_", " "))


@dataclass(frozen=True)
class _EarlierLine:
    incident_id: str
    title: str
    closed_at: datetime
    end: str
    note: str


def _earlier(earlier: EarlierIncident) -> _EarlierLine:
    by = f" by {one_line(earlier.taken_by, 80)}" if earlier.taken_by and earlier.outcome == "resolved" else ""
    end = (ENDS.get(earlier.outcome) or f"Resolved{by}").removesuffix(", please look")
    end = end[0].lower() + end[1:]
    title = one_line(earlier.alert_name or earlier.incident_id, 120)
    return _EarlierLine(earlier.incident_id, title, earlier.closed_at, end, one_line(earlier.note or "", 300))
