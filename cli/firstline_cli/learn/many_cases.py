"""Eval cases of many judged incidents at once, added to a folder of cases."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from evals.cases import read
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.classification.labels import label_of
from firstline.errors import ConfigurationError, FeedbackRefused
from firstline.models import IncidentRecord
from firstline.reports.periods import real_incidents
from firstline_cli.learn import case
from firstline_cli.learn.story import tell

_ENDING = 8
"""The number of characters at the end of an incident's id, a hash, that tell two incidents of one alert apart."""


@dataclass(slots=True)
class Written:
    """The result of `write_cases`.

    `new` has the folders of the new cases, `known` counts the incidents that had a case already, and `left_out` names
    the incidents that gave no case, each with the reason.
    """

    new: list[Path] = field(default_factory=list)
    known: int = 0
    left_out: list[str] = field(default_factory=list)


def write_cases(table: Table, folder: Path, last: int, *, since: datetime) -> Written:
    """Write eval cases of the `last` newest incidents that closed after `since` and whose right severity is known.

    A case that the folder has already is kept as it is.
    """
    written = Written()
    for record in _judged(table, last, since):
        name = _name(record)
        if any(folder.glob(f"*/{name}/truth.yaml")):
            written.known += 1
            continue
        try:
            story = tell(table, record.incident.incident_id)
        except FeedbackRefused as error:  # the table has forgotten it meanwhile
            written.left_out.append(f"{record.incident.incident_id}: {error}")
            continue
        place = case.write(story, folder, name)
        try:
            read(place)
        except ConfigurationError as error:
            shutil.rmtree(place)
            written.left_out.append(f"{record.incident.incident_id}: {error}")
        else:
            written.new.append(place)
    return written


def _judged(table: Table, last: int, since: datetime) -> Sequence[IncidentRecord]:
    """Return the `last` newest incidents that closed after `since` and whose right severity is known, oldest first.

    The right severity is known from people's feedback, or from how the incident ended.
    """
    closed = real_incidents(TableIncidents(table).closed_since(since))
    return [record for record in closed if label_of(record).severity is not None][-last:]


def _name(record: IncidentRecord) -> str:
    incident = record.incident
    return f"{case.slug(incident.alert.alert_name)[:40]}-{case.slug(incident.incident_id[-_ENDING:])}"
