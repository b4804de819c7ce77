"""Slack messages: one per incident in Block Kit, in the order in which a person who was woken reads, and its thread.

The first line says how bad it is, what and where; the second who has it, what it waits for and until when. Then come
what happens, what to do first, where to read on, the buttons, and what is known besides.

Limits: https://docs.slack.dev/reference/block-kit/blocks (header 150 characters, section 3,000, 50 blocks a message).
"""

from collections.abc import Iterator
from typing import Any, Literal

from firstline.channels import slack_feedback
from firstline.channels.slack_text import escape_markup, fits, links_line, listed, plain, section, since_line
from firstline.channels.summary import StackInfo, Summary, labels, summarise
from firstline.incidents.sentence import kind_of_message
from firstline.incidents.standing import answered, in_automated_feed, standing
from firstline.models import (
    AnyPlannedStep,
    IncidentRecord,
    Notification,
    NotificationKind,
    PlannedStep,
    RemediationPlan,
    Severity,
)
from firstline.text import one_line, strip_invisible

type Feed = Literal["automated", "alerts"]
"""One of the two Slack channels: what Firstline did by itself, or what waits for a human."""

MAX_BLOCKS = 50
MAX_HEADER = 150
MAX_CONTEXT = 2_000
MAX_FALLBACK = 300
MAX_PLAIN = 12_000
"""A message without blocks, such as a hand-over; Slack cuts at 40,000 characters."""

_COLOURS: dict[Severity, str] = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "🔵", "noise": "⚪"}
_ENDS = {"no_data": "❓", "expired": "⌛", "suppressed": "⚪"}
_STANDS: dict[NotificationKind, str] = {
    "remediating": "🔧",
    "approval": "✋",
    "needs_human": "🙋",
    "paged": "📟",
    "acknowledged": "👀",
    "quiet": "⏳",
}
"""The signs of an incident: its severity while it is open, its end, and who has it."""

_FOR_PEOPLE = ("paged", "needs_human", "acknowledged", "approval")
"""The kinds of messages about an incident that is with people."""

_NEWS = ("paged", "needs_human", "approval", "remediating")
"""The kinds that tell people something new, in the thread too."""


def feed(notification: Notification) -> Feed:
    """Return the channel that a notification goes to: the one for humans as soon as one is needed.

    A message that only brings an earlier one up to date stays where that is.
    """
    kind, record = notification.kind, notification.record
    if kind == "quiet" or (kind == "changed" and standing(record) == "remediating"):
        return "automated" if in_automated_feed(record) else "alerts"
    ended_alone = kind == "closed" and record.outcome in ("auto_resolved", "self_cleared")
    return "automated" if ended_alone or kind == "remediating" else "alerts"


def render(notification: Notification, stack: StackInfo | None = None, *, interactive: bool = True) -> dict[str, Any]:
    """Return the incident's message as it reads now: `blocks`, and `text` for notifications and screen readers.

    Parameters
    ----------
    interactive
        False if buttons would not reach Firstline, as behind an incoming webhook.
    """
    summary, record = summarise(notification, stack), notification.record
    kind = kind_of_message(notification)
    colour = _ENDS.get(record.outcome or "", "✅") if kind == "closed" else _COLOURS[summary.severity]
    stands = f"{_STANDS[kind]} {summary.sentence}" if kind in _STANDS else summary.sentence
    blocks = [
        {"type": "header", "text": plain(f"{colour} {summary.headline}", MAX_HEADER)},
        section(stands),
        *_what(kind, summary),
        *_to_do(kind, record, summary),
        *([links_line(summary.links)] if summary.links else []),
        *_plan(kind, record, interactive=interactive),
        *(_buttons(kind, record) if interactive else []),
        *_known(kind, summary),
        *_since(kind, record, summary),
        _footer(record, summary),
    ]
    text = f"{summary.headline}. {summary.sentence}"
    return {"text": escape_markup(text, MAX_FALLBACK), "blocks": blocks[:MAX_BLOCKS]}


def shorter(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what to send of a message that Slack finds too long: its first two lines and buttons, then its text alone.

    Nobody approves below a plan that is left out. Without `blocks`, an edit would leave the old ones.
    """
    blocks = message.get("blocks", [])
    kept = [_without_approve(block) for place, block in enumerate(blocks) if place < 2 or block["type"] == "actions"]
    return [message | {"blocks": kept}, message | {"blocks": []}]


def _without_approve(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] != "actions":
        return block
    return block | {"elements": [button for button in block["elements"] if button.get("action_id") != "approve"]}


def render_details(notification: Notification, stack: StackInfo | None = None) -> dict[str, Any] | None:
    """Return what goes into the incident's thread, or None if the message itself says it all.

    The first message has the details there: all that the alert says, its labels, the outputs. A later page has one
    line, which Slack shows in the channel, too: an edit of the message above notifies nobody.
    """
    summary = summarise(notification, stack)
    record = notification.record
    first = not record.slack_ts or (in_automated_feed(record) and feed(notification) == "alerts")
    more: dict[str, Any] = {}
    match notification.kind:
        case "remediating" | "approval" | "paged" | "needs_human" if first:
            blocks = list(_details(notification, summary))
        case "remediating" | "approval" | "paged" | "needs_human":
            blocks = [section(" ".join(filter(None, (summary.sentence, summary.news)))), *_outputs(summary)]
            more = {"reply_broadcast": True} if notification.kind == "paged" else {}
        case "closed":
            blocks = [section(" ".join(filter(None, (summary.sentence, summary.news)))), *_outputs(summary)]
        case "changed" if notification.reason:
            blocks = [section(strip_invisible(notification.reason))]  # a reply tells those who follow the thread
        case _:
            return None
    text = f"{summary.headline}. {summary.sentence}"
    return {"text": escape_markup(text, MAX_FALLBACK), "blocks": blocks[:MAX_BLOCKS], **more}


def render_whisper(text: str, link: str | None) -> dict[str, Any]:
    """Return a message for one person. The link is a button, so that Slack neither shows nor unfurls it."""
    message: dict[str, Any] = {"text": escape_markup(text, MAX_PLAIN)}
    if link is not None:
        button = {"type": "button", "action_id": "open", "text": plain("Open the plan", 75), "url": link}
        message["blocks"] = [section(text), {"type": "actions", "elements": [button | {"style": "primary"}]}]
    return message


def render_pointer(notification: Notification) -> dict[str, Any]:
    """Return what replaces the message in the automated feed once the incident waits for a human elsewhere."""
    text = f"{summarise(notification).title}: a person is needed. It goes on in the channel for alerts."
    return {"text": escape_markup(text, MAX_FALLBACK), "blocks": [section(f"{_STANDS['needs_human']} {text}")]}


def render_detour(channel: str, why: str) -> dict[str, Any]:
    """Return what says in the message's thread why it does not stand in its own channel."""
    text = f"This belongs into {channel}, which takes no messages: {why}."
    return {"text": escape_markup(text, MAX_FALLBACK), "blocks": [section(text)]}


def _what(kind: NotificationKind, summary: Summary) -> Iterator[dict[str, Any]]:
    """Yield why people read this now, what happens, and what the alert says besides."""
    if summary.news:
        yield section(summary.news)
    if said := "\n".join(filter(None, (summary.happening, *summary.says))):
        yield section(said)
    if summary.alerts and kind != "closed":
        yield listed("Alerts, worst first", summary.alerts)


def _to_do(kind: NotificationKind, record: IncidentRecord, summary: Summary) -> Iterator[dict[str, Any]]:
    if kind in ("paged", "needs_human", "acknowledged"):
        yield listed("Do first", summary.first_steps, numbered=True)
    if record.notes and kind in ("closed", "quiet"):
        yield listed("What fixed it", [one_line(record.notes[-1].text, 500)])


def _plan(kind: NotificationKind, record: IncidentRecord, *, interactive: bool) -> Iterator[dict[str, Any]]:
    """Yield what is about to run, and where; of a plan that waits, also why it asks."""
    plan = record.plan
    asked = kind in _FOR_PEOPLE and record.waits_for_approval
    if plan is None or not (asked or kind == "remediating"):
        return
    title, lines = _steps(plan)
    lines += ["If it doesn't help, it is rolled back."] if plan.rollback else []
    lines += [_asks(plan, record)] if asked else []
    yield listed(f"{'Proposed' if asked else 'Runs now'}: {title}", lines)
    if asked and interactive and not _is_whole(plan):
        yield section("The plan is too long for this message: read it, and approve there.")
    if asked and not interactive:
        yield section("Approving takes Slack's buttons, which need the bot token: see docs/channels/slack.md.")


def _steps(plan: RemediationPlan) -> tuple[str, list[str]]:
    """Return what a plan is and where it acts, and for each step what is sent, with its version and its values."""
    title = f"{plan.title}, on {', '.join(plan.places.values())} ({plan.risk.replace('_', ' ')})"
    return title, [f"{step.step_id} ({step.kind}): {_sent(step)}" for step in plan.steps]


def _is_whole(plan: RemediationPlan) -> bool:
    """Return True if a message shows everything that a yes would send."""
    title, lines = _steps(plan)
    return all(fits(text) for text in (f"Proposed: {title}", *lines))


def _asks(plan: RemediationPlan, record: IncidentRecord) -> str:
    given = (
        f" Approved so far by {', '.join(approval.by for approval in record.approvals)}." if record.approvals else ""
    )
    needs = f" It takes {plan.approvals} people." if plan.approvals > 1 else ""
    return f"Why it asks: {one_line(plan.decision_reason, 200).rstrip('.')}.{needs}{given}"


def _known(kind: NotificationKind, summary: Summary) -> Iterator[dict[str, Any]]:
    """Yield what is known besides, below the buttons."""
    if summary.unsure and kind in _FOR_PEOPLE:
        yield listed("Firstline is not sure. Please judge", summary.unsure)
    if summary.cause:
        yield listed("Likely cause", [summary.cause])
    if summary.resource:
        yield listed("What the resource shows", summary.resource)
    if summary.tried and kind != "remediating":
        yield listed("What was tried", summary.tried)


def _since(kind: NotificationKind, record: IncidentRecord, summary: Summary) -> Iterator[dict[str, Any]]:
    """Yield the facts that few people need."""
    decided = record.decided_by or ", ".join(approval.by for approval in record.approvals)
    facts = [
        summary.affected,
        f"severity by {summary.judged}" if summary.judged else "",
        f"{record.decision} by {one_line(decided, 160)}" if record.decision and decided else "",
        f"people say: {said}" if (said := slack_feedback.people_say(record.feedback)) else "",
    ]
    after = " · ".join(filter(None, facts))
    if kind == "closed":
        yield {"type": "context", "elements": [plain(f"Began {summary.since} · {after}", MAX_CONTEXT)]}
    else:
        yield since_line(f"Since {summary.since}", record.incident.opened_at, summary.age, after)


def _sent(step: AnyPlannedStep) -> str:
    if not isinstance(step, PlannedStep):
        return step.sends
    values = ", ".join(f"{name} = {' '.join(given)}" for name, given in sorted(step.parameters.items()))
    return f"{step.sends}, with {values}" if values else step.sends


def _details(notification: Notification, summary: Summary) -> Iterator[dict[str, Any]]:
    """Yield what the alert says if the message words it or cuts it, its labels, and the outputs."""
    record = notification.record
    alert = record.incident.alert
    facts = [f"{name} = {value}" for name, value in labels(record.incident).items()]
    said = strip_invisible(alert.message).strip()
    if said and said not in summary.happening:
        yield section(f"What the alert says\n{said}")
    if facts:
        yield listed(f"Labels, from {one_line(alert.source, 80)}", facts)
    yield from _outputs(summary)


def _outputs(summary: Summary) -> Iterator[dict[str, Any]]:
    yield from (section(output) for output in summary.evidence)


def _buttons(kind: NotificationKind, record: IncidentRecord) -> list[dict[str, Any]]:
    """Return the buttons. While it burns, nobody is asked whether Firstline was right."""
    if kind == "remediating":
        return []
    rows = []
    if kind in _FOR_PEOPLE and record.waits_for_approval:
        whole = record.plan is not None and _is_whole(record.plan)
        decide = ("review", "approve", "refuse") if whole else ("review", "refuse")
        rows.append([_button(name, record) for name in decide])
    names: tuple[str, ...] = ()
    if kind in _FOR_PEOPLE or kind == "quiet":
        names = ("resolve",) if kind == "quiet" or answered(record) else ("acknowledge", "resolve")
        names = (*names, "open")
    asked = [slack_feedback.question(record.incident.incident_id)] if kind in ("closed", "quiet", "suppressed") else []
    rows.append([*(_button(name, record) for name in names), slack_feedback.note_button(record), *asked])
    actions = [{"type": "actions", "elements": row} for row in rows]
    return [*actions, *slack_feedback.word_question(record)]


def _button(name: str, record: IncidentRecord) -> dict[str, Any]:
    value = record.incident.incident_id
    if name in ("approve", "refuse") and record.plan:
        value += f"#{record.plan.digest()}"  # the decision is on the plan above the button
    if name == "resolve" and record.live:
        value += f"#{record.live.joined}"  # what the person has seen who presses it
    text = plain("Read the plan" if name == "review" else name.capitalize(), 75)
    styles = {"acknowledge": "primary", "approve": "primary", "refuse": "danger"}
    style = {"style": styles[name]} if name in styles else {}
    return {"type": "button", "action_id": name, "value": value, "text": text, **style}


def _footer(record: IncidentRecord, summary: Summary) -> dict[str, Any]:
    elements = [plain(record.incident.incident_id, MAX_CONTEXT)]
    if link := summary.execution:
        # The only markup Firstline writes: its own address, made of a setting and an id of safe characters.
        elements.append({"type": "mrkdwn", "text": f"<{link.url}|{link.label}>", "verbatim": True})
    return {"type": "context", "elements": elements}
