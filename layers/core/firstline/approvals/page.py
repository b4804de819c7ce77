"""The approval page: what will run, where, as whom, how it went before, how long there is to decide.

Plain HTML out of `page.html`, without scripts. Everything that is filled in is escaped; characters that could hide or
reorder code are shown by their number.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from html import escape
from math import ceil
from pathlib import Path
from string import Template

from firstline.approvals.deciding import approvers_needed
from firstline.approvals.links import Link
from firstline.approvals.review import EarlierRun, Review
from firstline.channels.summary import severity, where
from firstline.models import AnyPlannedStep, Outcome, PlannedRelease, PlannedStep, Released
from firstline.text import one_line, strip_invisible

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
"""What every answer carries: kept nowhere, framed nowhere, sending nothing anywhere but back here."""

_RISKS = {
    "read_only": "It only looks.",
    "safe": "Safe: nothing that anybody needs is lost.",
    "disruptive": "Disruptive: a service may blink.",
    "destructive": "Destructive: data is lost for good. Two different people have to approve.",
}
_SERVICES = {"codedeploy": "CodeDeploy", "appconfig": "AppConfig"}
_KINDS = {"diagnose": "only looks", "act": "changes something", "verify": "only looks", "rollback": "undoes"}
_OUTCOMES: dict[Outcome | None, str] = {
    "auto_resolved": "It cured the incident.",
    "resolved": "A human had to finish it.",
    "self_cleared": "The alert cleared without it.",
    "expired": "Nobody resolved the incident in time.",
    "suppressed": "It turned out to be noise.",
    None: "Not over yet, or no longer known.",
}
_OTHER_USER = re.compile(r'^exec runuser -u (\S+) -- bash -c "\$script" </dev/null$')
_SHOWN_CONTROLS = frozenset("\n\t")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def refusal(reason: str, incident_id: str, title: str = "This does not count") -> str:
    """A page that says why not."""
    said = _fill("refusal", title=title, reason=strip_invisible(reason), incident_id=one_line(incident_id, 80))
    return _page(title, said)


def plan_page(review: Review, link: Link, token: str, now: datetime, *, closed: str | None = None) -> str:
    """The plan, and the form to decide on it.

    Parameters
    ----------
    token
        The link as it was presented; the form sends it back.
    closed
        Why nothing can be decided (any more); then there is no form.
    """
    record, plan = review.record, review.plan
    alert = record.incident.alert
    # A release is everywhere, whichever host the alert came from.
    place = ", ".join(release.place for release in plan.releases) or where(record.incident)
    title = one_line(f"{plan.title} on {place}" if place else plan.title, 200)
    tone, status = _status(review, now, closed)
    said = _fill(
        "plan",
        title=title,
        tone=tone,
        status=status,
        happening=strip_invisible(record.classification.summary if record.classification else alert.message),
        alert=one_line(alert.alert_name, 200),
        severity=severity(record),
        since=f"{record.incident.opened_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        hosts=_join(
            [_fill("host", name=one_line(host.name, 200), instance_id=host.instance_id) for host in plan.targets]
            + [_fill("place", name=visible(one.place), through=_SERVICES[one.through]) for one in plan.releases]
        ),
        risk=_RISKS[plan.risk],
        reason=strip_invisible(plan.decision_reason),
        steps=_steps(plan.steps, review, open_=True),
        verify=_verify(review),
        rollback=_rollback(review),
        earlier=_earlier(review.earlier),
        decision=_decision(review, link, token, closed),
        incident_id=record.incident.incident_id,
        digest=plan.digest()[:16],
    )
    return _page(f"{title} - Firstline", said)


def _status(review: Review, now: datetime, closed: str | None) -> tuple[str, str]:
    record = review.record
    if record.decision:
        return ("go" if record.decision == "approved" else "stop"), strip_invisible(closed or "")
    if closed:
        return "stop", strip_invisible(closed)
    left = max(1, ceil((record.decide_by - now).total_seconds() / 60)) if record.decide_by else 0
    until = f"{record.decide_by.astimezone(UTC):%H:%M} UTC" if record.decide_by else "soon"
    waiting = f"Waits for a decision: {_count(left, 'minute')} left, until {until}. Then it goes to a human."
    if record.approvals:
        missing = approvers_needed(review.plan) - len(record.approvals)
        names = ", ".join(one_line(approval.by, 80) for approval in record.approvals)
        waiting = f"Approved by {names}; {missing} more must agree. {waiting}"
    return "warn", waiting


def _steps(steps: Iterable[AnyPlannedStep], review: Review, *, open_: bool, numbered: bool = True) -> Markup:
    return _join(
        _step(f"{number}." if numbered else "", step, review, open_)
        if isinstance(step, PlannedStep)
        else _release(f"{number}.", step)
        for number, step in enumerate(steps, 1)
    )


def _release(number: str, step: PlannedRelease) -> Markup:
    """From which release to which: the one that the plan is bound to, not the one that would be found now."""
    return _fill(
        "release",
        number=number,
        step_id=step.step_id,
        through=_SERVICES[step.through],
        place=visible(step.place),
        timeout=_seconds(step.timeout_seconds),
        taken_back=_released(step.taken_back),
        stopped="It is still going on, and is stopped first." if step.stop else "",
        put_back=_released(step.put_back),
        request=visible(json.dumps(step.request, indent=2, sort_keys=True, ensure_ascii=False)),
    )


def _released(released: Released) -> Markup:
    return _fill(
        "released",
        what=visible(released.what),
        deployment=visible(released.deployment),
        at=f"{released.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
    )


def _step(number: str, step: PlannedStep, review: Review, open_: bool) -> Markup:
    script = review.scripts.get(step.document)
    rows = _join(
        _fill("parameter", name=name, value=visible(", ".join(values))) for name, values in step.parameters.items()
    )
    lines = (script or "").rstrip("\n").split("\n")
    return _fill(
        "step",
        number=number,
        step_id=step.step_id,
        kind=_KINDS[step.kind],
        tone="acts" if step.kind == "act" else "",
        user=run_as(script) if script is not None else "?",
        where=_count(len(review.plan.targets), "host"),
        timeout=_seconds(step.timeout_seconds),
        document=step.document,
        on_failure=". If it fails, the next step runs all the same." if step.on_failure == "continue" else "",
        parameters=_fill("parameters", rows=rows) if rows else "",
        script=_fill("script", open="open" if open_ else "", lines=_count(len(lines), "line"), text=_lines(lines))
        if script is not None
        else _fill("paragraph", text="Its script could not be read."),
    )


def _lines(lines: Iterable[str]) -> Markup:
    """One element each: where a long line is broken on a small screen, its rest must not look like another line."""
    return _join(_fill("line", text=visible(line)) for line in lines)


def _verify(review: Review) -> Markup:
    plan = review.plan
    if plan.verify is None:
        wait = _seconds(plan.recovery_wait_seconds)
        text = f"The alert resolves within {wait}. The runbook has no check of its own."
        return _fill("paragraph", text=text)
    every = _seconds(plan.recovery_wait_seconds)
    text = (
        f"The alert resolves, or this check holds. It runs {every} after the last step, and at most "
        f"{_count(plan.verify_attempts, 'time')}, {every} apart."
    )
    step = _steps([plan.verify], review, open_=False, numbered=False)
    return _join([_fill("paragraph", text=text), _fill("steps", steps=step)])


def _rollback(review: Review) -> Markup:
    if not review.plan.rollback:
        forth = " The release that was taken back is not put there again by itself." if review.plan.releases else ""
        return _fill("paragraph", text=f"Nothing: this runbook has no way back. A human is called instead.{forth}")
    text = "These run, in this order, and then a human is called."
    steps = _fill("steps", steps=_steps(review.plan.rollback, review, open_=False))
    return _join([_fill("paragraph", text=text), steps])


def _earlier(runs: tuple[EarlierRun, ...]) -> Markup:
    if not runs:
        return _fill("paragraph", text="It has not run here in the last 90 days.")
    rows = _join(
        _fill(
            "earlier-run",
            at=f"{run.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            hosts=str(run.hosts),
            outcome=_OUTCOMES[run.outcome],
        )
        for run in runs
    )
    return _fill("earlier", rows=rows)


def _decision(review: Review, link: Link, token: str, closed: str | None) -> Markup:
    if closed:
        return _fill("paragraph", text=strip_invisible(closed))
    refuse = _fill("button", tone="no", value="refuse", text="Refuse")
    approve = _fill("button", tone="yes", value="approve", text="Approve and run")
    consequence = "Approve, and it runs at once. Refuse, and a human is called, with this plan."
    buttons = [approve, refuse]
    if review.unreadable:
        unreadable = strip_invisible(review.unreadable)
        consequence = f"It cannot be approved here, because not all of it can be shown: {unreadable}"
        buttons = [refuse]
    elif any(said.approver == link.approver for said in review.record.approvals):
        consequence = "You have approved it already; somebody else must, too. You may still refuse."
        buttons = [refuse]
    elif approvers_needed(review.plan) - len(review.record.approvals) > 1:
        consequence = "Approve, and it runs once somebody else has approved as well. Refuse, and a human is called."
        buttons = [_fill("button", tone="yes", value="approve", text="Approve"), refuse]
    return _fill(
        "form",
        name=one_line(link.name, 80),
        consequence=consequence,
        action=link.incident_id,  # relative to this page, whatever the API's address is
        token=token,
        buttons=_join(buttons),
    )


def run_as(script: str) -> str:
    """The user that a script works as; see `firstline.runbooks.documents.render_script`.

    Who else's script it is does not say for which system, and every agent has its own highest user.
    """
    found = _OTHER_USER.match(script.rstrip("\n").rsplit("\n", 1)[-1])
    if found:
        return found[1]
    return "root" if script.startswith("#!") else "root (on Windows as SYSTEM)"


def visible(text: str) -> str:
    """The text with everything that can't be seen, or changes what is seen, shown by its number.

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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _seconds(seconds: int) -> str:
    return _count(seconds // 60, "minute") if seconds >= 60 and seconds % 60 == 0 else _count(seconds, "second")


def _page(title: str, main: Markup) -> str:
    return _fill("page", title=title, main=main)


def _fill(part: str, **values: str) -> Markup:
    escaped = {name: value if isinstance(value, Markup) else escape(value) for name, value in values.items()}
    return Markup(_parts()[part].substitute(escaped))


def _join(parts: Iterable[Markup]) -> Markup:
    return Markup("".join(parts))


@cache
def _parts() -> dict[str, Template]:
    text = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")
    pieces = re.split(r"^<!-- part: ([a-z-]+) -->\n", text, flags=re.MULTILINE)[1:]
    return {name: Template(part.strip()) for name, part in zip(pieces[::2], pieces[1::2], strict=True)}
