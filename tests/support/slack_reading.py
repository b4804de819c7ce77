"""The text of a Slack message as a person reads it, line by line, for tests."""

from collections.abc import Iterator
from typing import Any

from firstline.text import WORD_JOINER


def read_aloud(message: dict[str, Any]) -> str:
    """Return a message's lines without its footer: a heading as `*so*`, a link `[text](address)`, a button `<so>`."""
    return "\n".join(line for block in message["blocks"] for line in _lines(block) if line)


def elements(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object with a `type` inside a message, at any depth."""
    if isinstance(value, dict):
        if "type" in value:
            yield value
        for inner in value.values():
            yield from elements(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from elements(inner)


def _lines(block: dict[str, Any]) -> Iterator[str]:
    match block["type"]:
        case "header" | "section":
            yield from _unescaped(block["text"]["text"]).split("\n")
        case "rich_text":
            for part in block["elements"]:
                if part["type"] == "rich_text_list":
                    ordered = part["style"] == "ordered"
                    for number, item in enumerate(part["elements"], 1):
                        yield f"{f'{number}.' if ordered else '•'} {_run(item)}"
                else:
                    yield _run(part)
        case "actions":
            yield " ".join(
                f"<{(element.get('text') or element['placeholder'])['text']}>" for element in block["elements"]
            )
        case "context" if len(block["elements"]) == 1 and "Began" in block["elements"][0]["text"]:
            yield _unescaped(block["elements"][0]["text"])


def _run(section: dict[str, Any]) -> str:
    return "".join(map(_element, section["elements"]))


def _element(element: dict[str, Any]) -> str:
    if element["type"] == "link":
        return f"[{element['text']}]({element['url']})"
    text = str(element.get("text") or element["fallback"]).replace(WORD_JOINER, "")
    return f"*{text}*" if element.get("style") else text


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
