"""People's feedback on incidents, given at the terminal in the login's name, and the report on all feedback."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import yaml
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.channels.slack_feedback import said
from firstline.classification.calibration import BINS, ENOUGH, Calibration
from firstline.errors import FeedbackRefused
from firstline.incidents.audit_trail import judged, noted, witness
from firstline.models import Feedback, Severity
from firstline.people import judge
from firstline.reports.lessons import Lessons, lessons
from firstline.text import one_line

_SEVERITIES = get_args(Severity.__value__)
MAX_HIDDEN = 30
_ANSWERS = ("real", "noise", "wrong-cause")


def say(table: Table, incident_id: str, answer: str, by: str) -> str:
    """Keep a person's judgement of a verdict, and return what follows from it.

    Raises
    ------
    FeedbackRefused
        Nobody can say that, or not of this incident; the message says why.
    """
    now = datetime.now(UTC)
    word = _word(answer, by, now)
    record = judge.give(incident_id, word, incidents=TableIncidents(table))
    witness(TableTrail(table), incident_id, [judged(word)], now)
    return f"Noted: {said(word)}. {judge.consequence(record, word)}"


def write(table: Table, incident_id: str, text: str, by: str) -> str:
    """Keep a note of what fixed an incident. Raises FeedbackRefused, as `say` does."""
    now = datetime.now(UTC)
    record = judge.note(incident_id, _named(by), text, now, incidents=TableIncidents(table))
    witness(TableTrail(table), incident_id, [noted(record.notes[-1])], now)
    return "Thank you: whoever meets this next reads it."


def print_lessons(console: Console, table: Table, days: float) -> None:
    """Print which verdicts people called right, what confidence was worth, what was hidden, and suggested rules."""
    now = datetime.now(UTC)
    history = TableIncidents(table)
    learned = lessons(history.closed_since(now - timedelta(days=days)))
    title = f"What people said of verdicts, the last {days:g} days"
    console.print(_deciders(learned, title))
    console.print(_worth(history.calibration(now)))
    if learned.hidden:
        console.print(_hidden(learned))
    for suggestion in learned.suggestions:
        incidents = f"{suggestion.noise} of {suggestion.incidents} {suggestion.alert_name}"
        heading = f"{', '.join(suggestion.people)} called {incidents} noise."
        if suggestion.rule is None:
            heading += " Its source calls it critical: lower it there, not here."
        # Text, not markup: names come from alerts.
        console.print(Text(one_line(heading, 500), "bold"))
        if suggestion.rule is not None:
            rule = yaml.safe_dump([suggestion.rule], sort_keys=False, allow_unicode=True, width=100)
            console.print(Text(f"A rule to think about, for runbooks/policy/rules.yaml:\n{rule}"))


def _deciders(learned: Lessons, title: str) -> Grid:
    names = ("decided by", "verdicts", "judged", "called right", "proven by word or end", "right")
    grid = Grid(*names, title=title, title_justify="left")
    for decider in learned.deciders:
        grid.add_row(
            Text(decider.decider),
            str(decider.verdicts),
            str(decider.judged),
            _share(decider.right, decider.judged),
            str(decider.proven),
            _share(decider.proven_right, decider.proven),
        )
    return grid


def _worth(calibration: Calibration) -> Grid:
    grid = Grid("decided by", "claimed", "right", "worth", title="What confidence was worth", title_justify="left")
    for decider, tally in sorted(calibration.tallies.items()):
        curve = tally.curve() if tally.outcomes >= ENOUGH else None
        for number in range(BINS):
            if tally.count[number]:
                worth = f"{curve[number]:.2f}" if curve else f"as claimed, until {ENOUGH} outcomes are known"
                claimed = f"{number / BINS:.1f} to {(number + 1) / BINS:.1f}"
                grid.add_row(Text(decider), claimed, f"{tally.right[number]} of {tally.count[number]}", worth)
    return grid


def _hidden(learned: Lessons) -> Grid:
    title = "Hidden as noise: was that right? firstline judge <incident> real"
    grid = Grid("alert", "times", "last incident", "why", title=title, title_justify="left")
    for group in learned.hidden[:MAX_HIDDEN]:
        why = "somebody called one real: hidden by a rule only" if group.real else one_line(group.reason, 160)
        grid.add_row(Text(one_line(group.alert_name, 60)), str(group.incidents), group.last, Text(why))
    if len(learned.hidden) > MAX_HIDDEN:
        grid.add_row(f"and {len(learned.hidden) - MAX_HIDDEN} more", "", "", "")
    return grid


def _share(right: int, of: int) -> str:
    return f"{right / of:.0%}" if of else "–"


def _word(answer: str, by: str, now: datetime) -> Feedback:
    person = {"person": f"shell:{by}", "by": _named(by), "at": now}
    # `noise` is both an answer and a severity, and means the same.
    if answer in _ANSWERS:
        return Feedback.model_validate({**person, "said": answer.replace("-", "_")})
    if answer in _SEVERITIES:
        return Feedback.model_validate({**person, "said": "wrong_severity", "severity": answer})
    raise FeedbackRefused(f"{answer!r} is no answer; say {', '.join(_ANSWERS)}, {', '.join(_SEVERITIES[:-1])}.")


def _named(by: str) -> str:
    return f"{by} (command line)"
