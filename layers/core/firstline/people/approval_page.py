"""The approval page: the scripts that would run, where and as whom, and how earlier runs ended.

Plain HTML out of `templates/`, without scripts. Jinja2 escapes every value; characters that could hide or reorder code
are shown by their number.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstline.channels.summary import judged_by, severity, utc, where
from firstline.errors import DocumentUnreadable
from firstline.incidents.store import Incidents
from firstline.models import IncidentRecord, Outcome, PlannedStep, RemediationPlan, RunbookRun
from firstline.people.links import Link
from firstline.remediation.steps import Documents
from firstline.text import count, in_words, one_line, strip_invisible

if TYPE_CHECKING:
    from jinja2 import Environment

HEADERS: dict[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}
"""The headers of every answer: the browser must not store or frame it, and sends forms only back here."""

LOOK_BACK = timedelta(days=90)
MAX_EARLIER = 5

_OTHER_USER = re.compile(r'^exec runuser -u (\S+)(?: \$\([^)]*\))? -- bash -c "\$script" </dev/null$')


@dataclass(frozen=True)
class EarlierRun:
    """A run of the runbook for an earlier incident. `outcome` is None while that is open, or if it is unknown."""

    incident_id: str
    at: datetime
    hosts: int
    outcome: Outcome | None


@dataclass(frozen=True)
class Review:
    """A plan with its scripts and earlier runs. `unreadable` says why its scripts can't be shown, nor approved."""

    record: IncidentRecord
    plan: RemediationPlan
    scripts: Mapping[str, str]
    unreadable: str | None
    earlier: tuple[EarlierRun, ...]


def review(
    record: IncidentRecord, plan: RemediationPlan, now: datetime, *, documents: Documents, incidents: Incidents
) -> Review:
    """Gather everything about the plan that the page shows.

    Raises
    ------
    HistoryUnavailable
        The table could not be reached.
    """
    scripts: dict[str, str] = {}
    unreadable = None
    try:
        for step in commands_of(plan):
            scripts[step.document] = documents.script(step)
    except DocumentUnreadable as error:
        unreadable = str(error)
    runs = incidents.runs_since(plan.runbook_id, now - LOOK_BACK)
    return Review(record, plan, scripts, unreadable, tuple(_earlier(runs, record.incident.incident_id, incidents)))


def commands_of(plan: RemediationPlan) -> Iterator[PlannedStep]:
    """Yield every command that the plan may send, in that order. A release has no script."""
    yield from (step for step in plan.steps if isinstance(step, PlannedStep))
    if plan.verify:
        yield plan.verify
    yield from plan.rollback


def run_as(script: str) -> str:
    """Return the user that a script works as; see `firstline.runbooks.documents.render_script`.

    Another owner's script does not say for which system it is, and every agent has its own highest user.
    """
    if found := _OTHER_USER.match(script.rstrip("\n").rsplit("\n", 1)[-1]):
        return found[1]
    return "root" if script.startswith("#!") else "root (on Windows as SYSTEM)"


def refusal(reason: str, incident_id: str, title: str = "This does not count") -> str:
    """Render a page that says why a request does not count."""
    return _render("refusal.html", title=title, reason=reason, incident_id=incident_id)


def plan_page(review: Review, link: Link, token: str, now: datetime, *, closed: str | None = None) -> str:
    """Render the plan, and the form to decide on it.

    Parameters
    ----------
    token
        The link as it was presented; the form sends it back.
    closed
        The reason why nothing can be decided (any more); with one, the page has no form.
    """
    record, plan = review.record, review.plan
    # A release is everywhere, whichever host the alert came from.
    place = ", ".join(release.place for release in plan.releases) or where(record.incident)
    left = max(1, ceil((link.expires_at - now).total_seconds() / 60))
    return _render(
        "plan.html",
        title=one_line(f"{plan.title} on {place}" if place else plan.title, 200),
        review=review,
        link=link,
        token=token,
        closed=closed,
        severity=severity(record),
        judged=judged_by(record),
        approvers_needed=plan.approvals,
        approved_by=[one_line(approval.by, 80) for approval in record.approvals],
        minutes_left=left,
        until=f"{link.expires_at.astimezone(UTC):%H:%M} UTC",
    )


def visible(text: str) -> str:
    """Replace each character that can't be seen, or changes what is seen, by its number.

    Example
    -------
    >>> visible("rm \u202e/tmp")
    'rm <U+202E>/tmp'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"<U+{ord(character):04X}>"
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
        else character
        for character in text
    )


def _earlier(runs: list[RunbookRun], this: str, incidents: Incidents) -> Iterator[EarlierRun]:
    """Yield the latest runs, newest first, without this incident's: planning counts a run before its approval."""
    others = [run for run in reversed(runs) if run.incident_id != this and run.decision != "shadow"]
    for run in others[:MAX_EARLIER]:
        record = incidents.record(run.incident_id)
        yield EarlierRun(run.incident_id, run.at, len(run.instance_ids), record.outcome if record else None)


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    # Imported here, so that Slack's buttons, which the same function answers, do not wait for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (one_line, run_as, strip_invisible, utc, visible)
    environment.filters |= {function.__name__: function for function in filters}
    environment.filters["counted"] = count
    environment.filters["seconds"] = lambda seconds: in_words(timedelta(seconds=seconds))
    environment.filters["indented"] = partial(json.dumps, indent=2, sort_keys=True, ensure_ascii=False)
    return environment
