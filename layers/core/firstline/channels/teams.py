"""Microsoft Teams messages: an Adaptive Card for a workflow that begins with a webhook request.

The text of an alert goes into `TextRun`s only, where Teams reads no Markdown, as it would in a `TextBlock` or a fact
(https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features). A message has at most 28 KB
(https://learn.microsoft.com/microsoftteams/limits-specifications-teams). A workflow cannot edit what it posted.
"""

import json
from collections.abc import Sequence
from typing import Any

from firstline.channels.incident_links import PageLink
from firstline.channels.summary import FOR_PEOPLE, THE_ALERT_SAYS, StackInfo, Summary, summarise
from firstline.models import Notification, Severity
from firstline.text import WORD_JOINER, bullets, numbered, shorten

MAX_BYTES = 28_000
MAX_TITLE = 200
MAX_TEXT = 3_000
MAX_BUTTONS = 6

_COLORS: dict[Severity, str] = {"critical": "Attention", "high": "Attention", "medium": "Warning"}


def render(notification: Notification, stack: StackInfo | None = None) -> dict[str, Any]:
    """Return the message with its card. If it would be too long, the least important texts are left out.

    Without `stack`, times are in UTC, and the links to the console and to the execution are missing.
    """
    summary, incident = summarise(notification, stack), notification.record.incident
    head = [
        _text(summary.headline, MAX_TITLE, size="Large", color=_COLORS.get(summary.severity)),
        _text("\n".join(filter(None, (summary.sentence, summary.news, summary.happening)))),
        _facts(summary),
    ]
    texts = _texts(notification, summary)
    foot = [_text(incident.incident_id, isSubtle=True, size="Small")]
    actions = [_button(link) for link in (summary.console, *summary.links, summary.execution) if link][:MAX_BUTTONS]
    for kept in range(len(texts), -1, -1):
        message = _message([*head, *texts[:kept], *foot], actions)
        if _fits(message):
            return message
    return shortest(message)


def shortest(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message with only its title, the text right below the title, the incident's id and its links."""
    card = message["attachments"][0]["content"]
    title, happening, *_, foot = card["body"]
    said = {**happening, "inlines": [{**run, "text": shorten(run["text"], 500)} for run in happening["inlines"]]}
    return _message([title, said, foot], card["actions"])


def _texts(notification: Notification, summary: Summary) -> list[dict[str, Any]]:
    """Return the card's texts below the facts, the most important one first."""
    for_people = notification.kind in FOR_PEOPLE or notification.kind == "changed"
    parts = [
        ("Proposed", summary.proposed),
        ("First steps", numbered(summary.first_steps) if for_people else ""),
        ("Firstline is not sure. Please judge", bullets(summary.unsure) if for_people else ""),
        ("What the alert says", _says(summary.says)),
        ("Alerts, worst first", bullets(summary.alerts)),
        ("What was tried", bullets(summary.tried)),
        ("What the resource shows", bullets(summary.resource)),
        ("Likely cause", summary.cause),
    ]
    return [_labelled([(label, text)]) for label, text in parts if text]


def _facts(summary: Summary) -> dict[str, Any]:
    facts = [
        ("Severity", summary.severity),
        ("Affected", summary.affected),
        ("Since", f"{summary.since}, {summary.age}"),
        ("Judged by", summary.judged),
    ]
    return _labelled([(label, text) for label, text in facts if text])


def _labelled(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return a block that shows pairs of label and text; a text of several lines begins below its bold label."""
    runs: list[dict[str, Any]] = []
    for label, text in pairs:
        between = "\n" if "\n" in text else " "
        before = "\n" if runs else ""
        runs += [_run(f"{before}{label}:", weight="Bolder"), _run(f"{between}{text}")]
    return {"type": "RichTextBlock", "inlines": runs}


def _text(text: str, limit: int = MAX_TEXT, **style: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [_run(text, limit, **style)]}


def _run(text: str, limit: int = MAX_TEXT, **style: Any) -> dict[str, Any]:
    """Return an element that shows a text literally: Teams's functions `{{DATE(…)}}` and `${…}` do nothing in it.

    The text is cut to `limit` characters. `style` has the element's other properties, such as its `weight`.
    """
    literal = shorten(text, limit).replace("{{", f"{{{WORD_JOINER}{{").replace("${", f"${WORD_JOINER}{{")
    return {"type": "TextRun", "text": literal, **{name: value for name, value in style.items() if value}}


def _says(lines: Sequence[str]) -> str:
    """Return what the alert says as one text: a single line as it is, several lines as bullets.

    Each line loses its label `The alert says: `, if it has one.
    """
    said = [line.removeprefix(THE_ALERT_SAYS) for line in lines]
    return said[0] if len(said) == 1 else bullets(said)


def _button(link: PageLink) -> dict[str, str]:
    """Return a link as a button that names the host, because a stranger may have written the address."""
    return {"type": "Action.OpenUrl", "title": shorten(link.text, 100), "url": link.url}


def _message(body: list[dict[str, Any]], actions: list[dict[str, str]]) -> dict[str, Any]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        "actions": actions,
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [content]}


def _fits(message: dict[str, Any]) -> bool:
    return len(json.dumps(message, ensure_ascii=False).encode()) <= MAX_BYTES
