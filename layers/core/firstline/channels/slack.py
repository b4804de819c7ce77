"""Slack messages: one per incident in Block Kit, with details for its thread.

Everything an alert says goes into `plain_text` objects, where Slack knows no markup, mentions or links, and is escaped
as well. Limits: https://docs.slack.dev/reference/block-kit/blocks (header 150 characters, section 3,000, field 2,000,
50 blocks a message).
"""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Literal

from firstline.channels import slack_feedback
from firstline.channels.summary import (
    Summary,
    answered,
    execution_link,
    in_automated_feed,
    labels,
    standing,
    summarise,
)
from firstline.models import (
    AnyPlannedStep,
    Incident,
    IncidentRecord,
    Notification,
    NotificationKind,
    PlannedStep,
    RemediationPlan,
)
from firstline.text import ELLIPSIS, bullets, numbered, one_line, strip_invisible

type Feed = Literal["automated", "alerts"]
"""One of the two Slack channels: what Firstline did by itself, or what waits for a human."""

MAX_BLOCKS = 50
MAX_HEADER = 150
MAX_TEXT = 3_000
MAX_FIELD = 2_000
MAX_FALLBACK = 300
MAX_PLAIN = 12_000
"""A message without blocks, such as a hand-over; Slack cuts at 40,000 characters."""

_ICONS: dict[NotificationKind, str] = {
    "suppressed": "⚪",
    "remediating": "🔧",
    "approval": "✋",
    "needs_human": "🟠",
    "paged": "🔴",
    "acknowledged": "👀",
    "quiet": "⏳",
    "closed": "✅",
}
_NO_DATA = "❓"
_FOR_PEOPLE = ("paged", "needs_human", "acknowledged", "approval")
"""The kinds of messages about an incident that is with people."""

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_WORD_JOINER = "\u2060"
_DEFUSED = _ESCAPES | str.maketrans({character: character + _WORD_JOINER for character in "*_~`@:"})
"""An invisible character without width: a `*` or an `@` before it starts no markup."""


def feed(notification: Notification) -> Feed:
    """Return the channel that a notification goes to: the one for humans as soon as one is needed.

    A message that only brings an earlier one up to date stays where that is.
    """
    kind, record = notification.kind, notification.record
    if kind == "quiet" or (kind == "changed" and standing(record) == "remediating"):
        return "automated" if in_automated_feed(record) else "alerts"
    ended_alone = kind == "closed" and record.outcome in ("auto_resolved", "self_cleared")
    return "automated" if ended_alone or kind == "remediating" else "alerts"


def _icon(kind: NotificationKind, record: IncidentRecord) -> str:
    return _NO_DATA if kind == "closed" and record.outcome == "no_data" else _ICONS[kind]


def render(notification: Notification, *, console_url: str = "", interactive: bool = True) -> dict[str, Any]:
    """Return the incident's message as it reads now: `blocks`, and `text` for notifications and screen readers.

    Parameters
    ----------
    console_url
        Prefix of the execution's page in the console; empty leaves the link out.
    interactive
        False if buttons would not reach Firstline, as behind an incoming webhook.
    """
    summary, record = summarise(notification), notification.record
    kind, plan = _kind(notification), record.plan
    asked = kind in _FOR_PEOPLE and record.waits_for_approval
    texts = []
    if plan and (asked or kind == "remediating"):
        texts.append(_intent(plan, asked=asked))
    if summary.resource:
        texts.append("What the resource shows\n" + bullets(summary.resource))
    if summary.alerts:
        texts.append("Alerts, worst first\n" + bullets(summary.alerts))
    if summary.unsure and kind in _FOR_PEOPLE:
        texts.append("Firstline is not sure. Please judge\n" + bullets(summary.unsure))
    if kind in ("paged", "needs_human", "acknowledged"):
        texts.append("First steps\n" + numbered(summary.first_steps))
    if summary.tried and kind != "remediating":
        texts.append("What was tried\n" + bullets(summary.tried))
    if asked and not interactive:
        texts.append("Approving takes Slack's buttons, which need the bot token: see docs/channels/slack.md.")
    blocks = [
        {"type": "header", "text": _plain(f"{_icon(kind, record)} {summary.status}: {summary.title}", MAX_HEADER)},
        _section(summary.happening),
        {"type": "section", "fields": _fields(notification, summary)},
        *map(_section, texts),
        *(_buttons(kind, record) if interactive else []),
        _footer(record.incident, console_url),
    ]
    headline = f"{summary.severity.upper()} {summary.status}: {summary.title}"
    return {"text": escape_markup(headline, MAX_FALLBACK), "blocks": blocks[:MAX_BLOCKS]}


def shorter(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what to send of a message that Slack finds too long: its title and buttons, and else its text alone.

    Without `blocks`, an edit would leave the old ones.
    """
    kept = [block for block in message.get("blocks", ()) if block["type"] in ("header", "actions")]
    return [message | {"blocks": kept}, message | {"blocks": []}]


def render_details(notification: Notification) -> dict[str, Any] | None:
    """Return the details for the incident's thread, or None if the message itself says it all."""
    summary = summarise(notification)
    alert = notification.record.incident.alert
    match notification.kind:
        case "remediating" | "approval" | "paged" | "needs_human":
            facts = [f"{name} = {value}" for name, value in labels(notification.record.incident).items()]
            parts = [
                "What the alert says\n" + strip_invisible(alert.message),
                "Labels\n" + bullets(facts) if facts else "",
                f"Where it came from\n{alert.source} {alert.url or ''}",
                *summary.evidence,
            ]
        case "closed":
            parts = [f"{summary.status}. {summary.why}", *summary.evidence]
        case "changed":
            parts = [summary.why]  # an edit notifies nobody; a reply tells those who follow the thread
        case "acknowledged" | "suppressed" | "quiet":
            return None
    blocks = [_section(part) for part in parts if part.strip()]
    if not blocks:
        return None
    return {"text": escape_markup(f"{summary.status}: {summary.title}", MAX_FALLBACK), "blocks": blocks[:MAX_BLOCKS]}


def render_whisper(text: str, link: str | None) -> dict[str, Any]:
    """Return a message for one person. The link is a button, so that Slack neither shows nor unfurls it."""
    message: dict[str, Any] = {"text": escape_markup(text, MAX_PLAIN)}
    if link is not None:
        button = {"type": "button", "action_id": "open", "text": _plain("Open the plan", 75), "url": link}
        message["blocks"] = [_section(text), {"type": "actions", "elements": [button | {"style": "primary"}]}]
    return message


def render_pointer(notification: Notification) -> dict[str, Any]:
    """Return what replaces the message in the automated feed once the incident waits for a human elsewhere."""
    summary = summarise(notification)
    text = f"{summary.title}: a human is needed. It goes on in the channel for alerts."
    return {"text": escape_markup(text, MAX_FALLBACK), "blocks": [_section(f"{_ICONS['needs_human']} {text}")]}


def render_detour(channel: str, why: str) -> dict[str, Any]:
    """Return what says in the message's thread why it does not stand in its own channel."""
    text = f"This belongs into {channel}, which takes no messages: {why}."
    return {"text": escape_markup(text, MAX_FALLBACK), "blocks": [_section(text)]}


def escape(text: str, limit: int) -> str:
    """Apply Slack's three escapes and cut to `limit` units, never inside an escape.

    A character outside the Basic Multilingual Plane counts as two units, as in the UTF-16 that Slack's clients count.
    """
    return _fit(text, limit, _ESCAPES)


def escape_markup(text: str, limit: int) -> str:
    """Escape a fallback text and defuse markup's characters; only there would Slack read markup."""
    return _fit(text, limit, _DEFUSED)


def _fit(text: str, limit: int, replacements: Mapping[int, str]) -> str:
    seen = strip_invisible(text[: 4 * limit])
    whole = seen.translate(replacements)
    if _units(whole) <= limit:
        return whole
    pieces = [character.translate(replacements) for character in seen[:limit]]
    ends = list(accumulate(map(_units, pieces)))
    return "".join(pieces[: bisect_right(ends, limit - len(ELLIPSIS))]) + ELLIPSIS


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _plain(text: str, limit: int) -> dict[str, Any]:
    # Slack refuses an empty text object, and would turn `:name:` into an emoji.
    return {"type": "plain_text", "text": escape(text, limit) or "-", "emoji": False}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _plain(text, MAX_TEXT)}


def _fields(notification: Notification, summary: Summary) -> list[dict[str, Any]]:
    record = notification.record
    decided_by = record.decided_by or ", ".join(approval.by for approval in record.approvals)
    facts = [
        ("Severity", summary.severity),
        ("Judged by", summary.judged),
        ("Affected", summary.affected),
        ("Since", summary.since),
        ("Likely cause", summary.cause),
        ("How it ended" if notification.kind == "closed" else "Why you read this", summary.why),
        ("On call", summary.on_call or ""),
        ("Acknowledged by", one_line(record.acknowledged_by or "", 80)),
        (f"{(record.decision or 'approved').capitalize()} by", one_line(decided_by, 160)),
        ("People say", slack_feedback.people_say(record.feedback)),
        ("What fixed it", one_line(record.notes[-1].text, 500) if record.notes else ""),
    ]
    return [_plain(f"{name}\n{value}", MAX_FIELD) for name, value in facts if value]


def _intent(plan: RemediationPlan, *, asked: bool) -> str:
    """Write what is about to run, and where."""
    places = ", ".join(plan.places.values())
    steps = bullets([f"{step.step_id} ({step.kind}): {_sent(step)}" for step in plan.steps])
    back = "\nIf it doesn't help, it is rolled back." if plan.rollback else ""
    word = "Proposed" if asked else "Runbook"
    return f"{word}: {plan.title}\nRisk: {plan.risk.replace('_', ' ')}\nOn: {places}\n{steps}{back}"


def _sent(step: AnyPlannedStep) -> str:
    return step.document if isinstance(step, PlannedStep) else one_line(step.sends, 600)


def _kind(notification: Notification) -> NotificationKind:
    """Return the kind that decides what a message shows; for `changed` it is how the incident stands."""
    return standing(notification.record) if notification.kind == "changed" else notification.kind


def _buttons(kind: NotificationKind, record: IncidentRecord) -> list[dict[str, Any]]:
    if kind == "remediating":
        return []
    rows = []
    if kind in _FOR_PEOPLE and record.waits_for_approval:
        rows.append([_button(name, record) for name in ("review", "approve", "refuse")])
    names: tuple[str, ...] = ()
    if kind in _FOR_PEOPLE or kind == "quiet":
        names = ("resolve",) if kind == "quiet" or answered(record) else ("acknowledge", "resolve")
        names = (*names, "open")
    said = [slack_feedback.note_button(record), slack_feedback.question(record.incident.incident_id)]
    rows.append([*(_button(name, record) for name in names), *said])
    actions = [{"type": "actions", "elements": row} for row in rows]
    return [*slack_feedback.word_question(record), *actions]


def _button(name: str, record: IncidentRecord) -> dict[str, Any]:
    value = record.incident.incident_id
    if name in ("approve", "refuse") and record.plan:
        value += f"#{record.plan.digest()}"  # the decision is on the plan above the button
    if name == "resolve" and record.live:
        value += f"#{record.live.joined}"  # what the person has seen who presses it
    text = _plain("Read the plan" if name == "review" else name.capitalize(), 75)
    styles = {"acknowledge": "primary", "approve": "primary", "refuse": "danger"}
    style = {"style": styles[name]} if name in styles else {}
    return {"type": "button", "action_id": name, "value": value, "text": text, **style}


def _footer(incident: Incident, console_url: str) -> dict[str, Any]:
    elements = [_plain(incident.incident_id, MAX_FIELD)]
    if link := execution_link(console_url, incident):
        # The only markup Firstline writes: its own address, made of a setting and an id of safe characters.
        elements.append({"type": "mrkdwn", "text": f"<{link}|Watch the execution>", "verbatim": True})
    return {"type": "context", "elements": elements}
