"""The links of an incident that people may click: only https, each with its host beside it. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from firstline.channels.summary import execution_link
from firstline.models import IncidentRecord, NormalizedAlert
from firstline.text import ELLIPSIS, one_line

MOST_LINKS = 8
MAX_URL = 2_000
MOST_OF_HOST = 80

_NAMED = {
    "runbook_url": "Runbook",
    "runbook": "Runbook",
    "runbookurl": "Runbook",
    "dashboard_url": "Dashboard",
    "dashboard": "Dashboard",
    "dashboardurl": "Dashboard",
    "panel_url": "Panel",
    "panelurl": "Panel",
    "playbook": "Playbook",
    "playbook_url": "Playbook",
    "logs_url": "Logs",
    "trace_url": "Trace",
}
"""The labels and annotations, in lower case, whose address is worth a button."""


@dataclass(frozen=True)
class PageLink:
    """An address that a person may open. `host` is shown, because the label may be a stranger's."""

    label: str
    url: str
    host: str


def links_of(record: IncidentRecord, alerts: Iterable[NormalizedAlert], execution_url: str) -> list[PageLink]:
    """Return the incident's links: runbooks and dashboards first, then its sources, then its execution.

    Parameters
    ----------
    alerts
        The incident's alerts, worst first.
    execution_url
        What `execution_link` takes; empty for no link.
    """
    every = [record.incident.alert, *alerts]
    found = [link for alert in every for link in _named(alert)]
    found += [link for alert in every if (link := safe_link(_source_name(alert), alert.url))]
    if execution := safe_link("Execution", execution_link(execution_url, record.incident)):
        found.append(execution)
    first = {link.url: link for link in reversed(found)}
    return list(dict.fromkeys(link for link in found if first[link.url] is link))[:MOST_LINKS]


def safe_link(label: str, url: str | None) -> PageLink | None:
    """Return an address as a link if it is https, names a host and hides nothing; else None.

    An address with a user name is refused: in `https://bank.example@evil.example` people read the wrong host.
    """
    if not url or len(url) > MAX_URL or not url.isprintable() or any(character in url for character in ' <>"\\'):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port
    except ValueError:
        return None
    if parts.scheme.lower() != "https" or not host or "@" in parts.netloc or not host.isascii():
        return None
    return PageLink(one_line(label, 40), url, _end_of(f"{host}:{port}" if port else host))


def _end_of(host: str) -> str:
    """Return a host short enough to show. Its end stays: that says whose it is."""
    return host if len(host) <= MOST_OF_HOST else f"{ELLIPSIS}{host[1 - MOST_OF_HOST :]}"


def _named(alert: NormalizedAlert) -> Iterator[PageLink]:
    fields: Mapping[str, str] = alert.labels
    for name, value in fields.items():
        label = _NAMED.get(name.casefold())
        if label is not None and (link := safe_link(label, value.strip())):
            yield link


def _source_name(alert: NormalizedAlert) -> str:
    return {"cloudwatch": "CloudWatch", "pagerduty": "PagerDuty"}.get(alert.source, alert.source.capitalize())
