"""The report on people's feedback: `firstline report --people`."""

from datetime import UTC, datetime, timedelta

import yaml
from rich.console import Console
from rich.table import Table as Grid

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.table import Table
from firstline.classification.earned_say import EARNED_AT, Earned, earned_by
from firstline.reports.lessons import Lessons, lessons
from firstline.reports.wording import percent
from firstline.text import one_line

MAX_HIDDEN = 30
MAX_UNJUDGED = 15


def print_lessons(console: Console, table: Table, days: float) -> None:
    """Print what people said of the verdicts of the last `days` days, and what follows from it.

    The output says how often verdicts were right, by what decided them; which changes by models count; which alerts
    nobody has judged; what was hidden as noise; and which rules to add.
    """
    now = datetime.now(UTC)
    history = TableIncidents(table)
    learned = lessons(history.closed_since(now - timedelta(days=days)))
    console.print(_deciders(learned, f"What people said of verdicts, the last {days:g} days"))
    earned = earned_by(history.disagreements())
    if earned.standings:
        console.print(earned_table(earned))
    if learned.unjudged:
        console.print(_unjudged(learned))
    if learned.hidden:
        console.print(_hidden(learned))
    for suggestion in learned.suggestions:
        incidents = f"{suggestion.noise} of {suggestion.incidents} {suggestion.alert_name}"
        heading = f"{', '.join(suggestion.people)} called {incidents} noise."
        if suggestion.rule is None:
            heading += " Its source calls it critical: lower it there, not here."
        console.print(one_line(heading, 500), style="bold")
        if suggestion.rule is not None:
            rule = yaml.safe_dump([suggestion.rule], sort_keys=False, allow_unicode=True, width=100)
            console.print(f"A rule to think about, for runbooks/policy/rules.yaml:\n{rule}")


def _deciders(learned: Lessons, title: str) -> Grid:
    names = ("decided by", "verdicts", "judged", "called right", "proven by word or end", "right")
    grid = Grid(*names, title=title, title_justify="left")
    for row in learned.deciders:
        right, proven = _share(row.right, row.judged), _share(row.proven_right, row.proven)
        grid.add_row(row.decider, str(row.verdicts), str(row.judged), right, str(row.proven), proven)
    return grid


def earned_table(earned: Earned) -> Grid:
    """Return a table with a row for each model and kind of change, such as `page to tell` (a message, not a page).

    A row has the number of these changes of which it is known whether they were right (`bets`), the score that they
    brought the model (`wealth`), and whether the model's further changes of this kind count in verdicts yet.
    """
    names = ("decided by", "move", "bets", f"wealth, of {EARNED_AT:g}", "counts")
    grid = Grid(*names, title="What models have earned", title_justify="left")
    for decider, moves in sorted(earned.standings.items()):
        for move, standing in sorted(moves.items()):
            counts = "yes" if standing.counts else "not yet"
            grid.add_row(decider, move, str(standing.bets), f"{standing.wealth:.2f}", counts)
    return grid


def _unjudged(learned: Lessons) -> Grid:
    title = "How bad are these? Nobody has said yet: firstline judge <incident> high (or medium, low, noise)"
    grid = Grid("alert", "incidents", "of all", "last incident", title=title, title_justify="left")
    for alert in learned.unjudged[:MAX_UNJUDGED]:
        grid.add_row(one_line(alert.alert_name, 60), str(alert.incidents), percent(alert.share), alert.last)
    if len(learned.unjudged) > MAX_UNJUDGED:
        grid.add_row(f"and {len(learned.unjudged) - MAX_UNJUDGED} more: firstline import incidents")
    return grid


def _hidden(learned: Lessons) -> Grid:
    title = "Hidden as noise: was that right? firstline judge <incident> real"
    grid = Grid("alert", "times", "last incident", "why", title=title, title_justify="left")
    for group in learned.hidden[:MAX_HIDDEN]:
        why = "a person called one real: hidden by a rule only" if group.real else one_line(group.reason, 160)
        grid.add_row(one_line(group.alert_name, 60), str(group.incidents), group.last, why)
    if len(learned.hidden) > MAX_HIDDEN:
        grid.add_row(f"and {len(learned.hidden) - MAX_HIDDEN} more")
    return grid


def _share(right: int, of: int) -> str:
    return percent(right / of if of else None)
