"""SNS messages: a mail and a short message from one publish, through the message's per-protocol structure.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: the subject is ASCII, starts with a letter, digit or
punctuation mark, has no line break and fewer than 100 characters; the message has at most 256 KiB.
"""

import json
import unicodedata
from typing import Any

from firstline.channels.summary import Summary, execution_link, summarise
from firstline.models import Notification
from firstline.text import bullets, numbered, one_line, shorten

MAX_SUBJECT = 99
MAX_SMS = 140
"""One part of a text message; longer ones arrive in pieces, each paid for."""
MAX_MAIL = 50_000


def render(notification: Notification, *, console_url: str = "") -> dict[str, Any] | None:
    """Return the arguments of Publish besides the topic, or None: SNS wakes people, so it carries pages only."""
    if notification.kind != "paged":
        return None
    summary = summarise(notification)
    headline = f"{summary.severity.upper()}: {summary.title}"
    mail = shorten(_mail(summary, notification, console_url), MAX_MAIL)
    messages = {"default": mail, "email": mail, "sms": _ascii(f"Firstline {headline}. {summary.happening}", MAX_SMS)}
    message = json.dumps(messages, ensure_ascii=False)
    return {"Subject": _ascii(headline, MAX_SUBJECT), "Message": message, "MessageStructure": "json"}


def text_message(notification: Notification, link: str) -> str | None:
    """Return the short message for one person, with a link behind it unless that is empty; None if it is no page."""
    publish = render(notification)
    if publish is None:
        return None
    text: str = json.loads(publish["Message"])["sms"]
    return f"{text} {link}".rstrip()


def _mail(summary: Summary, notification: Notification, console_url: str) -> str:
    link = execution_link(console_url, notification.record.incident)
    parts = [
        summary.happening,
        f"Affected: {summary.affected}",
        f"Since: {summary.since}",
        f"Likely cause: {summary.cause}" if summary.cause else "",
        "What the resource shows\n" + bullets(summary.resource) if summary.resource else "",
        f"Judged by {summary.judged}" if summary.judged else "",
        f"Why you: {summary.why}" if summary.why else "",
        f"On call: {summary.on_call}" if summary.on_call else "",
        "Alerts, worst first\n" + bullets(summary.alerts) if summary.alerts else "",
        f"A plan waits for an approval: {summary.proposed}" if summary.proposed else "",
        "Firstline is not sure. Please judge\n" + bullets(summary.unsure) if summary.unsure else "",
        "First steps\n" + numbered(summary.first_steps),
        "What was tried\n" + (bullets(summary.tried) if summary.tried else "Nothing was run."),
        f"Watch the execution: {link}" if link else "",
        f"Incident {notification.record.incident.incident_id}",
    ]
    return "\n\n".join(part for part in parts if part)


def _ascii(text: str, limit: int) -> str:
    """Replace accented letters by plain ones and other characters by `?`, so that SNS refuses no page for them."""
    plain = unicodedata.normalize("NFKD", text[: 4 * limit])
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    line = one_line(plain, 4 * limit).encode("ascii", "replace").decode("ascii")
    return line if len(line) <= limit else line[: limit - 3].rstrip() + "..."
