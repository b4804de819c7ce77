"""The page with the list of incidents: those without an owner first, then by severity, then by age."""

from collections.abc import Iterable
from urllib.parse import urlencode

from firstline.console.frame import Frame
from firstline.console.render import render
from firstline.incidents.status import Filter, listing
from firstline.models import IncidentRecord, Severity
from firstline.text import one_line

MOST_ROWS = 200

_SEVERITIES: tuple[tuple[Severity, str], ...] = (
    ("critical", "Critical"),
    ("high", "High or worse"),
    ("medium", "Medium or worse"),
    ("low", "Low or worse"),
)


def list_page(records: Iterable[IncidentRecord], wanted: Filter, frame: Frame, *, closed: bool) -> str:
    """Render the list of those incidents that the filter `wanted` lets through.

    Parameters
    ----------
    closed
        True if the records include incidents that were closed within the last day.
    """
    every = list(records)
    statuses = listing(every, wanted, frame.now)
    named = (record.incident.alert.service for record in every if not record.incident.is_test)
    services = sorted({one_line(service, 80) for service in named if service})[:100]
    if wanted.service and wanted.service.casefold() not in map(str.casefold, services):
        services.append(wanted.service)  # Else the page would say "Any service", and not show the others.
    return render(
        "list.html",
        **frame.values("Incidents", "incidents"),
        statuses=statuses[:MOST_ROWS],
        hidden=max(0, len(statuses) - MOST_ROWS),
        unowned=sum(status.unowned for status in statuses),
        wanted=wanted,
        closed=closed,
        everything=wanted == Filter() and not closed,
        severities=_SEVERITIES,
        services=services,
        again=f"/console/incidents?{_query(wanted, closed)}",
    )


def _query(wanted: Filter, closed: bool) -> str:
    """Return the filter as the query of the page's address; `closed` adds that closed incidents are listed too."""
    fields = {
        "q": wanted.text,
        "severity": wanted.at_least or "",
        "service": wanted.service,
        "unowned": "1" if wanted.unowned else "",
        "closed": "1" if closed else "",
    }
    return urlencode({name: value for name, value in fields.items() if value})
