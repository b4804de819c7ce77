"""Slack messages: one per incident in Block Kit, in the order in which a person who was woken reads, and its thread.

The first line says how bad it is, what and where; the second who has it, what it waits for and until when. Then come
what happens, what to do first, where to read on, the buttons, and what is known besides.

Limits: https://docs.slack.dev/reference/block-kit/blocks (header 150 characters, section 3,000, 50 blocks a message).
"""

from collections.abc import Iterator
from typing import Any, Literal

from firstline.channels import slack_feedback
from firstline.channels.slack_objects import escape_markup, fits, links_line, listed, plain, section, since_line
from firstline.channels.summary import FOR_PEOPLE, StackInfo, Summary, labels, summarise
from firstline.incidents.first_sentence import kind_of_message
from firstline.incidents.message_facts import answered, in_automated_feed, message_kind
from firstline.models import (
    IncidentRecord,
    Notification,
    NotificationKind,
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
"""The most characters of a message without blocks, such as a hand-over; Slack would cut it at 40,000."""

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
"""The signs at the beginning of a message's second line, which say who has the incident."""

_NEWS = ("paged", "needs_human", "approval", "remediating")
"""The kinds of messages that also get a reply in the thread."""


def feed(notification: Notification) -> Feed:
    """Return a notification's Slack channel: `automated` if Firstline deals with the incident alone, else `alerts`.

    Firstline does so while a runbook acts, and if the incident ended without a person. A notification of the kind
    `quiet`, or of a change while a runbook acts, stays in the channel of the incident's earlier message.
    """
    kind, record = notification.kind, notification.record
    if kind == "quiet" or (kind == "changed" and message_kind(record) == "remediating"):
        return "automated" if in_automated_feed(record) else "alerts"
    ended_alone = kind == "closed" and record.outcome in ("auto_resolved", "self_cleared")
    return "automated" if ended_alone or kind == "remediating" else "alerts"


def render(notification: Notification, stack: StackInfo | None = None, *, interactive: bool = True) -> dict[str, Any]:
    """Return the incident's whole message: `blocks`, and `text` for notifications and screen readers.

    Parameters
    ----------
    stack
        None for times in UTC, without the links to the console and to the execution.
    interactive
        False if presses of buttons do not reach Firstline, as with an incoming webhook.
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
    """Return two shorter versions of a message that is too long for Slack, the longer one first.

    The first has the message's first two lines and its buttons, the second only its text. A version without the plan
    has no button that approves the plan. Each has `blocks`, even if empty, because an edit without `blocks` would leave
    the message's old ones.
    """
    blocks = message.get("blocks", [])
    kept = [_without_approve(block) for place, block in enumerate(blocks) if place < 2 or block["type"] == "actions"]
    return [message | {"blocks": kept}, message | {"blocks": []}]


def _without_approve(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] != "actions":
        return block
    return block | {"elements": [button for button in block["elements"] if button.get("action_id") != "approve"]}


def render_details(notification: Notification, stack: StackInfo | None = None) -> dict[str, Any] | None:
    """Return the reply in the thread of the incident's message, or None if the message says everything.

    The reply to the first message has the details: the alert's whole text, its labels, the outputs of commands. The
    reply to a later page is one line that Slack also shows in the channel, because an edited message notifies nobody.
    Without `stack`, times are in UTC.
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
    """Return a message of one text, with a button that opens `link`; without the button if it is None.

    The link is a button so that Slack does not show the address.
    """
    message: dict[str, Any] = {"text": escape_markup(text, MAX_PLAIN)}
    if link is not None:
        button = {"type": "button", "action_id": "open", "text": plain("Open the plan", 75), "url": link}
        message["blocks"] = [section(text), {"type": "actions", "elements": [button | {"style": "primary"}]}]
    return message


def render_pointer(notification: Notification) -> dict[str, Any]:
    """Return the text that replaces an incident's message in the automated channel once a person is needed."""
    text = f"{summarise(notification).title}: a person is needed. The incident goes on in the channel for alerts."
    return {"text": escape_markup(text, MAX_FALLBACK), "blocks": [section(f"{_STANDS['needs_human']} {text}")]}


def render_detour(channel: str, why: str) -> dict[str, Any]:
    """Return the reply in a message's thread that says why the message is not in `channel`, where it belongs."""
    text = f"This message belongs in {channel}, which takes no messages: {why}."
    return {"text": escape_markup(text, MAX_FALLBACK), "blocks": [section(text)]}


def _what(kind: NotificationKind, summary: Summary) -> Iterator[dict[str, Any]]:
    """Yield the paragraphs that say why people read this now, what happens and what else the alert says.

    The list of alerts follows, if the incident has several and is not closed.
    """
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
    """Yield all parts of a plan that runs or waits for an approval; for one that waits, also why it needs approval.

    `interactive` is False if presses of buttons do not reach Firstline; then a text says what approving takes.
    """
    plan = record.plan
    asked = kind in FOR_PEOPLE and record.waits_for_approval
    if plan is None or not (asked or kind == "remediating"):
        return
    lines = [*plan.parts, *([_asks(plan, record)] if asked else [])]
    yield listed(f"{'Proposed' if asked else 'Runs now'}: {_title(plan)}", lines)
    if asked and interactive and not _is_whole(plan):
        yield section("This message cannot show the whole plan: read it, and approve there.")
    if asked and not interactive:
        yield section("Approving takes Slack's buttons, which need the bot token: see docs/channels/slack.md.")


def _title(plan: RemediationPlan) -> str:
    """Return a plan's title with its targets and risk."""
    return f"{plan.title}, on {', '.join(plan.places.values())} ({plan.risk.replace('_', ' ')})"


def _is_whole(plan: RemediationPlan) -> bool:
    """Return True if a message can show the plan without cutting a line, so that people may approve the plan there."""
    return all(fits(text) for text in (f"Proposed: {_title(plan)}", *plan.parts))


def _asks(plan: RemediationPlan, record: IncidentRecord) -> str:
    given = (
        f" Approved so far by {', '.join(approval.by for approval in record.approvals)}." if record.approvals else ""
    )
    needs = f" It takes {plan.approvals} people." if plan.approvals > 1 else ""
    return f"Why it asks: {one_line(plan.decision_reason, 200).rstrip('.')}.{needs}{given}"


def _known(kind: NotificationKind, summary: Summary) -> Iterator[dict[str, Any]]:
    """Yield the lists below the buttons: why Firstline is unsure, the cause, the resource's state, what was tried."""
    if summary.unsure and kind in FOR_PEOPLE:
        yield listed("Firstline is not sure. Please judge", summary.unsure)
    if summary.cause:
        yield listed("Likely cause", [summary.cause])
    if summary.resource:
        yield listed("What the resource shows", summary.resource)
    if summary.tried and kind != "remediating":
        yield listed("What was tried", summary.tried)


def _since(kind: NotificationKind, record: IncidentRecord, summary: Summary) -> Iterator[dict[str, Any]]:
    """Yield one line: when the incident began, what it affects, who set its severity, who decided, what people said."""
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


def _details(notification: Notification, summary: Summary) -> Iterator[dict[str, Any]]:
    """Yield the alert's text unless the message shows all of it; then the alert's labels, and the commands' outputs."""
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
    """Return the rows of buttons. "Was this right?" is asked once an incident is quiet, closed or suppressed."""
    if kind == "remediating":
        return []
    rows = []
    if kind in FOR_PEOPLE and record.waits_for_approval:
        whole = record.plan is not None and _is_whole(record.plan)
        decide = ("review", "approve", "refuse") if whole else ("review", "refuse")
        rows.append([_button(name, record) for name in decide])
    names: tuple[str, ...] = ()
    if kind in FOR_PEOPLE or kind == "quiet":
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
        value += f"#{record.live.joined}"  # the number of alerts that the person who presses has seen
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
