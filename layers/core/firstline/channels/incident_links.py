"""The links of an incident that people may open: only https, each with its host beside it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from firstline.models import Incident, IncidentRecord, NormalizedAlert
from firstline.text import https_host, one_line

MOST_LINKS = 8
MAX_URL = 2_000

_LABELS = {
    "runbook": "Runbook",
    "dashboard": "Dashboard",
    "panel": "Panel",
    "logs": "Logs",
    "trace": "Trace",
    "graph": "Graph",
    "documentation": "Documentation",
    "source": "",
    "rule": "Alert rule",
    "silence": "Silence it there",
}
"""The label of each kind of link, in the order of a message. The label of `source`, the alert at its sender, is the
sender's name."""

_ORDER = list(_LABELS)


@dataclass(frozen=True)
class PageLink:
    """An address that a person may open. `host` is shown too, because a stranger may have written the label."""

    label: str
    url: str
    host: str

    @property
    def text(self) -> str:
        """The label with the host that the link leads to: `Runbook (wiki.example)`."""
        return f"{self.label} ({self.host})"


def links_of(
    record: IncidentRecord, alerts: Iterable[NormalizedAlert] = (), execution_url: str = "", most: int = MOST_LINKS
) -> list[PageLink]:
    """Return the incident's links, at most `most`: runbooks and dashboards first, its execution always last.

    Between them are the alerts at their senders, and their rules and silences there. No address comes twice.

    Parameters
    ----------
    alerts
        The incident's alerts, worst first.
    execution_url
        The AWS console's page of the state machine's executions, up to the colon before an execution's name; empty for
        no link.
    """
    every = [record.incident.alert, *alerts]
    known = [(link.kind, link.url) for alert in every for link in alert.links]
    sources = [("source", alert.url, _source_name(alert)) for alert in every if alert.url]
    named = [*((kind, url, _LABELS.get(kind) or "Link") for kind, url in known), *sources]
    named.sort(key=lambda link: _ORDER.index(link[0]) if link[0] in _ORDER else len(_ORDER))
    first: dict[str, PageLink] = {}
    for _, url, label in named:
        if (link := safe_link(label, url)) is not None:
            first.setdefault(link.url, link)
    execution = safe_link("Execution", execution_link(execution_url, record.incident))
    return [*list(first.values())[: most - 1], execution] if execution else list(first.values())[:most]


def execution_link(execution_url: str, incident: Incident) -> str | None:
    """Return the address where the incident's execution can be watched; None if `execution_url` is empty.

    `execution_url` is the address of an execution in the AWS console without `:<name>` at its end; the name is the
    incident's id.
    """
    return f"{execution_url}:{incident.incident_id}" if execution_url else None


def safe_link(label: str, url: str | None) -> PageLink | None:
    """Return a link with its host, which people see beside the label; None if the address is not a usable https one."""
    host = https_host(url) if url and len(url) <= MAX_URL else None
    return None if url is None or host is None else PageLink(one_line(label, 40), url, host)


def _source_name(alert: NormalizedAlert) -> str:
    known = {"cloudwatch": "CloudWatch", "pagerduty": "PagerDuty", "generic": "The alert"}
    return known.get(alert.source) or alert.source.capitalize()
