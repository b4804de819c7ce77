"""The links and annotations that a sender supplies for people. They are limited in number and length.

A link is kept if it is https and does not hide its host, as `https://bank.example@evil.example` does. A link that is
too long is left out, because a shortened address would lead elsewhere.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from firstline.models import AlertLink
from firstline.sources import values
from firstline.sources.values import letters
from firstline.text import https_host

MOST_LINKS = 6
MAX_LINK = 1_000
MOST_ANNOTATIONS = 8
MAX_ANNOTATION = 500

_KINDS = {
    **dict.fromkeys(("runbook", "runbookurl", "runbooklink", "playbook", "playbookurl", "playbooklink"), "runbook"),
    **dict.fromkeys(("dashboard", "dashboardurl", "dashboardlink", "grafanaurl"), "dashboard"),
    **dict.fromkeys(("panel", "panelurl"), "panel"),
    **dict.fromkeys(("log", "logs", "logurl", "logsurl", "loglink", "logslink"), "logs"),
    **dict.fromkeys(("trace", "traces", "traceurl", "tracesurl", "tracelink"), "trace"),
    **dict.fromkeys(("snapshot", "snapshoturl", "graph", "graphurl", "imageurl"), "graph"),
    **dict.fromkeys(("documentation", "documentationurl", "docs", "docsurl", "wiki", "wikiurl"), "documentation"),
    **dict.fromkeys(("silenceurl", "silencelink"), "silence"),
    **dict.fromkeys(("generatorurl", "ruleurl"), "rule"),
}
"""The kind of a link, by the letters of the name of the field, annotation or label that holds it."""

_IN_TEXT = re.compile(
    # `Runbook: https://…`, `[runbook](https://…)`, `runbook_url = https://…`
    r"(?<![a-z])(runbook|playbook|dashboard|logs|trace|documentation|wiki)[^\n]{0,24}?(https://[^\s<>\"'`|\\)\]}]{1,1000})",
    re.IGNORECASE,
)
_MESSAGE = frozenset({"summary", "description", "message"})


def _link_kind(name: str) -> str | None:
    """Return the kind of link that a field with this name holds (`runbook`, `dashboard`), or None for other names."""
    return _KINDS.get(letters(name))


def links_in_fields(*fields: Mapping[str, Any]) -> Iterator[AlertLink]:
    """Yield the https links in fields whose names stand for a link, such as `runbook_url`."""
    for named in fields:
        for name, value in named.items():
            kind = _link_kind(name) if type(value) is str and value.lstrip()[:8].lower() == "https://" else None
            if kind is not None and (link := link_to(kind, value)) is not None:
                yield link


def links_in_text(text: str) -> Iterator[AlertLink]:
    """Yield the links in a text that follow a word for their kind, as in `Runbook: https://wiki.example/disk`."""
    if "https://" not in text:
        return
    for found in _IN_TEXT.finditer(text):
        link = link_to(_link_kind(found[1]) or "documentation", found[2].rstrip(".,;:!?*_"))
        if link is not None:
            yield link


def link_to(kind: str, url: Any) -> AlertLink | None:
    """Return a link to an address, or None if the address is too long or not safe to show (`text.https_host`).

    `kind` says what the address shows: `runbook`, `dashboard` and the like.
    """
    url = url.strip() if type(url) is str else ""
    if not url or len(url) > MAX_LINK or https_host(url) is None:
        return None
    return AlertLink(kind=kind, url=url)


def bounded(links: Iterable[AlertLink], but: str | None) -> list[AlertLink]:
    """Return the first `MOST_LINKS` links, each address once, and without links to the address `but`.

    `but` is None to leave none out.
    """
    first = {link.url: link for link in reversed(list(links)) if link.url != but}
    return list(first.values())[::-1][:MOST_LINKS]


def further_texts(annotations: Mapping[str, Any], message: str) -> dict[str, str]:
    """Return the annotations that are texts for people, without links and without texts that the message contains."""
    texts: dict[str, str] = {}
    for name, value in annotations.items():
        machine = name.startswith(("__", "grafana_")) or letters(name) in _MESSAGE or letters(name) == "severity"
        known, text = values.name(name, values.LABEL_NAME_LIMIT), values.name(value, MAX_ANNOTATION)
        if machine or known is None or text is None or text in message or "://" in text[:12]:
            continue
        if values.names_nothing(text):
            continue
        texts[known] = text
        if len(texts) == MOST_ANNOTATIONS:
            break
    return texts
