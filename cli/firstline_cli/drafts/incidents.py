"""Drafts from past incidents that came without a severity."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from firstline.classification.lasting_words import is_asked
from firstline.models import IncidentRecord
from firstline.text import one_line
from firstline_cli.drafts.suggestions import drafted
from firstline_cli.words_file import Draft


def of_incidents(records: Iterable[IncidentRecord]) -> list[Draft]:
    """Suggest a severity for each kind of alert (source, name, environment) that came without one in past incidents.

    An incident is left out if a rule or a person has said how bad its alert is. The most frequent kinds come first.
    """
    times: Counter[str] = Counter()
    last: dict[str, Draft] = {}
    for record in records:
        verdict, alert = record.classification, record.incident.alert
        if verdict is None or verdict.subject is None or not is_asked(record):
            continue
        kind, why = verdict.subject, verdict.reasons[0] if verdict.reasons else ""
        times[kind.key] += 1
        text = alert.message if alert.alert_name == kind.alert_name else ""
        draft = drafted(
            kind.source, kind.alert_name, text, "low" if verdict.severity == "noise" else verdict.severity, why
        )
        last[kind.key] = replace(draft, environment=kind.environment or "")
    frequent = [(last[key], count) for key, count in times.most_common()]
    return [replace(draft, why=one_line(f"{count} incidents; {draft.why}", 300)) for draft, count in frequent]
