"""The approval page: what will run, where, as whom, how it went before, how long there is to decide.

Plain HTML out of `templates/`, without scripts. Jinja2 escapes every value; characters that could hide or reorder code
are shown by their number.
"""

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstline.channels.summary import severity, where
from firstline.people.approve import approvers_needed
from firstline.people.links import Link
from firstline.people.review import Review, run_as
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
"""The headers of every answer: kept nowhere, framed nowhere, sending nothing anywhere but back here."""

_SHOWN_CONTROLS = frozenset("\n\t")


def refusal(reason: str, incident_id: str, title: str = "This does not count") -> str:
    """Render a page that says why not."""
    return _render("refusal.html", title=title, reason=reason, incident_id=incident_id)


def plan_page(review: Review, link: Link, token: str, now: datetime, *, closed: str | None = None) -> str:
    """Render the plan, and the form to decide on it.

    Parameters
    ----------
    token
        The link as it was presented; the form sends it back.
    closed
        Why nothing can be decided (any more); then there is no form.
    """
    record, plan = review.record, review.plan
    # A release is everywhere, whichever host the alert came from.
    place = ", ".join(release.place for release in plan.releases) or where(record.incident)
    left = max(1, ceil((record.decide_by - now).total_seconds() / 60)) if record.decide_by else 0
    return _render(
        "plan.html",
        title=one_line(f"{plan.title} on {place}" if place else plan.title, 200),
        review=review,
        link=link,
        token=token,
        closed=closed,
        severity=severity(record),
        approvers_needed=approvers_needed(plan),
        approved_by=[one_line(approval.by, 80) for approval in record.approvals],
        minutes_left=left,
        until=f"{record.decide_by.astimezone(UTC):%H:%M} UTC" if record.decide_by else "soon",
    )


def visible(text: str) -> str:
    """Show everything that can't be seen, or changes what is seen, by its number.

    Example
    -------
    >>> visible("rm \u202e/tmp")
    'rm <U+202E>/tmp'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"<U+{ord(character):04X}>"
        if character not in _SHOWN_CONTROLS and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
        else character
        for character in text
    )


def _seconds(seconds: int) -> str:
    return in_words(timedelta(seconds=seconds))


def _indented(request: object) -> str:
    return json.dumps(request, indent=2, sort_keys=True, ensure_ascii=False)


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


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
    filters = (one_line, run_as, strip_invisible, visible)
    environment.filters |= {function.__name__: function for function in filters}
    environment.filters |= {"counted": count, "seconds": _seconds, "indented": _indented, "utc": _utc}
    return environment
