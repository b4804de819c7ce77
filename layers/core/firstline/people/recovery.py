"""A look at whether an alarm's metric is back in its range, shown when an incident's message is edited.

The metric is read only when a message is edited, at most `MOST_LOOKS` times a minute. The metric closes
no incident, and reading it delays no page.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from firstline.errors import MetricsUnavailable
from firstline.models import IncidentRecord, NormalizedAlert
from firstline.observability import logger
from firstline.privacy.safe_text import safe_line
from firstline.text import one_line

MOST_LOOKS = 20
WINDOW = timedelta(minutes=1)
"""The time in which at most `MOST_LOOKS` looks are made: a storm edits many messages, and a look costs two requests."""

MAX_CHARS = 300

type Look = Callable[[IncidentRecord, datetime], str | None]
"""A function that says whether the metric of an incident's alarm is back in its range; None if that is unknown."""


def no_look(_record: IncidentRecord, _now: datetime) -> str | None:
    """Return None: a stack that cannot read metrics does not know whether the alarm's metric is back in its range."""
    return None


class MetricLook:
    """The check of whether the metric of an incident's alarm is back in its range, at most `MOST_LOOKS` times a minute.

    Parameters
    ----------
    recovered
        Says whether the metric of an alert's alarm is back in its range; None if unknown. Raises MetricsUnavailable.
    """

    def __init__(self, recovered: Callable[[NormalizedAlert, datetime], str | None]) -> None:
        self._recovered = recovered
        self._since: datetime | None = None
        self._left = MOST_LOOKS

    def __call__(self, record: IncidentRecord, now: datetime) -> str | None:
        """Return a sentence that says whether the metric of the incident's alarm is back in its range.

        Return None for a storm, if no alert fires, if nobody was paged or has acknowledged, after `MOST_LOOKS` calls in
        a minute, or if the metric is unknown or cannot be read.
        """
        live = record.live
        called = bool(record.pages or record.paged_at) or (live is not None and live.answered)
        if record.incident.storm or live is None or live.firing <= 0 or not called or not self._may_look(now):
            return None
        alert = record.incident.alert
        try:
            said = self._recovered(alert, now)
        except MetricsUnavailable as error:
            logger.warning(
                "An alarm's metric could not be read; the message goes without it",
                incident_id=record.incident.incident_id,
                error=str(error),
            )
            return None
        name = f"{one_line(alert.alert_name, 80)}, " if record.alert_count > 1 else ""
        return None if said is None else safe_line(f"Now, {name}{said}", MAX_CHARS)

    def _may_look(self, now: datetime) -> bool:
        if self._since is None or now - self._since >= WINDOW:
            self._since, self._left = now, MOST_LOOKS
        self._left -= 1
        return self._left >= 0
