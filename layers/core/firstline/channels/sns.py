"""SNS messages: a mail and a text message from one publish, which has a text for each protocol.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: the subject is ASCII, starts with a letter, digit or
punctuation mark, has no line break and fewer than 100 characters; the message has at most 256 KiB.
"""

import json
import unicodedata
from bisect import bisect_right
from itertools import accumulate
from typing import Any

from firstline.channels.summary import StackInfo, Summary, in_one_line, summarise
from firstline.models import Notification
from firstline.text import bullets, numbered, one_line, shorten

MAX_SUBJECT = 99
MAX_SMS = 160
"""The places of one text message in the GSM alphabet; a longer message is sent, and paid for, in several parts."""
MAX_TWO_PARTS = 2 * 153
"""The places of two parts: in each, a header that joins them takes seven of the 160."""
LEAST_BESIDE_LINK = 60
"""The fewest places for the words of a page, however long its link is."""
MAX_MAIL = 50_000

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The characters that take one place each (3GPP TS 23.038). Any other would shorten each part to 70 characters."""
_TWO_PLACES = frozenset("^{}[]~|€\\")
_SPELLED = str.maketrans({"`": "'", "“": '"', "”": '"', "„": '"', "’": "'", "–": "-", "—": "-", "…": "...", "·": "-"})


def render(notification: Notification, stack: StackInfo | None = None) -> dict[str, Any] | None:
    """Return the arguments of SNS's Publish without the topic; None unless it is a page, because SNS wakes people.

    Without `stack`, times are in UTC, and the links to the console and to the execution are missing.
    """
    if notification.kind != "paged":
        return None
    summary = summarise(notification, stack)
    mail = shorten(_mail(summary, notification), MAX_MAIL)
    messages = {"default": mail, "email": mail, "sms": text_message(notification, "")}
    message = json.dumps(messages, ensure_ascii=False)
    return {"Subject": _subject(summary.headline), "Message": message, "MessageStructure": "json"}


def news(subject: str, text: str) -> dict[str, Any]:
    """Return the arguments of SNS's Publish without the topic, for a message about Firstline itself."""
    return {"Subject": _subject(subject), "Message": shorten(text, MAX_MAIL)}


def text_message(notification: Notification, link: str) -> str | None:
    """Return a page as a text message: how bad, what, where, and the person's link at the end; None if it is no page.

    It is cut to one SMS (160 characters of the GSM alphabet), or with a link to two; a very long link may need more.
    `link` is empty for a message without one.
    """
    if notification.kind != "paged":
        return None
    summary = summarise(notification)
    words = f"{summary.severity.upper()} {in_one_line(summary)}"
    if not link:
        return _gsm(words, MAX_SMS)
    room = max(MAX_TWO_PARTS - len(link) - 1, LEAST_BESIDE_LINK)
    return f"{_gsm(words, min(room, MAX_SMS))} {link}"


def _mail(summary: Summary, notification: Notification) -> str:
    links = [f"{link.label}: {link.url}" for link in (summary.console, *summary.links) if link]
    parts = [
        summary.sentence,
        summary.news,
        "\n".join(filter(None, (summary.happening or summary.title, *summary.says))),
        "Do first\n" + numbered(summary.first_steps),
        "Links\n" + "\n".join(links) if links else "",
        f"A plan waits for an approval: {summary.proposed}" if summary.proposed else "",
        "Alerts, worst first\n" + bullets(summary.alerts) if summary.alerts else "",
        "Firstline is not sure. Please judge\n" + bullets(summary.unsure) if summary.unsure else "",
        f"Likely cause: {summary.cause}" if summary.cause else "",
        "What the resource shows\n" + bullets(summary.resource) if summary.resource else "",
        "What was tried\n" + (bullets(summary.tried) if summary.tried else "Nothing was run."),
        f"Since {summary.since}, {summary.age} before this mail\nAffected: {summary.affected}",
        f"Severity by {summary.judged}" if summary.judged else "",
        f"Watch the execution: {summary.execution.url}" if summary.execution else "",
        f"Incident {notification.record.incident.incident_id}",
    ]
    return "\n\n".join(part for part in parts if part)


def _gsm(text: str, limit: int) -> str:
    """Return a line in the GSM alphabet, cut to `limit` places; other characters become plain letters or `?`.

    A character takes one place, or two if it is one of `_TWO_PLACES`, such as `€`.
    """
    line = one_line(text.translate(_SPELLED), 4 * limit)
    kept = "".join(map(_in_gsm, unicodedata.normalize("NFC", line)))
    if _places(kept) <= limit:
        return kept
    ends = list(accumulate(map(_places, kept)))
    return kept[: bisect_right(ends, limit - 3)].rstrip() + "..."


def _in_gsm(character: str) -> str:
    if character in _GSM or character in _TWO_PLACES:
        return character
    plain = unicodedata.normalize("NFKD", character)
    return "".join(part for part in plain if part in _GSM) or ("" if unicodedata.combining(character) else "?")


def _places(text: str) -> int:
    return sum(2 if character in _TWO_PLACES else 1 for character in text)


def _subject(text: str) -> str:
    """Return an ASCII line of at most `MAX_SUBJECT` characters: accents are dropped, other characters become `?`."""
    plain = unicodedata.normalize("NFKD", text[: 4 * MAX_SUBJECT])
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    line = one_line(plain, 4 * MAX_SUBJECT).encode("ascii", "replace").decode("ascii")
    return line if len(line) <= MAX_SUBJECT else line[: MAX_SUBJECT - 3].rstrip() + "..."
