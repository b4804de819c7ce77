"""The templates of the drafts, in `templates/`, which escape every value that they print.

Jinja2 passes each printed value through `finalize`, which is `plain` for Markdown and `on_one_line` for YAML. Only a
`Verbatim`, as some filters return it, is printed as it is.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from firstline.privacy.safe_text import safe_line, safe_text

MAX_CHARS = 500
MAX_NOTE = 2_000
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#|~!])")


class Verbatim(str):
    """A text that is safe for its place in a template, and is not escaped again."""


def render(file: str, **values: Any) -> str:
    """Render the template of a file such as `postmortem.md`; the ending, `.md` or `.yaml`, decides how to escape."""
    return (_MARKDOWN if file.endswith(".md") else _YAML).get_template(f"{file}.j2").render(values)


def plain(text: str, limit: int = MAX_CHARS) -> str:
    """Return an untrusted text on one line: redacted, and escaped against Markdown's markup, links and mentions.

    It is shortened to `limit` characters before it is escaped.
    """
    return _MARKUP.sub(r"\\\1", safe_line(text, limit)).replace("://", r":\/\/").replace("@", "@\u2060")


def on_one_line(value: Any) -> str:
    """Format a value as YAML on one line, to follow `key: `; a string stays one string, whatever it contains."""
    flow: Any = {"default_flow_style": True, "sort_keys": False, "allow_unicode": True, "width": 10**9}
    return str(yaml.dump([value], Dumper=_OnOneLine, **flow))[1:-2]


class _OnOneLine(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_OnOneLine.add_representer(str, _text)


def _shortened(text: str, limit: int) -> Verbatim:
    return Verbatim(plain(text, limit))


def _code(text: str) -> Verbatim:
    """Return a text redacted, shortened, and indented by six spaces, as code in a Markdown list."""
    return Verbatim("\n".join(f"      {line}" for line in safe_text(text, MAX_NOTE).splitlines()))


def _literal(text: str, indent: int) -> str:
    """Return a script as a YAML block whose key is indented by `indent` spaces.

    A script with an invisible character is returned unchanged, so that the template escapes it.
    """
    lines = text.removesuffix("\n").split("\n")
    if not all(line.replace("\t", "").isprintable() for line in lines):
        return text
    return Verbatim("|2\n" + "\n".join(" " * (indent + 2) + line for line in lines))


def _environment(escape: Callable[[Any], str], **filters: Callable[..., Any]) -> Environment:
    environment = Environment(
        autoescape=False,  # noqa: S701 - nothing here is HTML; `finalize` escapes
        finalize=lambda value: value if isinstance(value, Verbatim) else escape(value),
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= filters
    return environment


_MARKDOWN = _environment(lambda value: plain(str(value)), at_most=_shortened, code=_code)
_YAML = _environment(on_one_line, literal=_literal)
