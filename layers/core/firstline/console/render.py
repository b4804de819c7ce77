"""The rendering of the templates in `templates/`. Jinja2 escapes every value, so no text of an alert becomes markup."""

import base64
import json
import re
from datetime import datetime, timedelta
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstline.text import count, in_words, local_time, one_line, short_duration, strip_invisible, visible, zoned_time

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"

_RISKS = {
    "read_only": "It only looks.",
    "safe": "Safe: nothing that anybody needs is lost.",
    "disruptive": "Disruptive: a service may blink.",
    "destructive": "Destructive: data is lost for good.",
}

_OTHER_USER = re.compile(r'^exec runuser -u (\S+)(?: \$\([^)]*\))? -- bash -c "\$script" </dev/null$')


def render(template: str, **values: Any) -> str:
    """Render the template with this file name as HTML, with `values` as its variables."""
    return _environment().get_template(template).render(values)


def run_as(script: str) -> str:
    """Return the user that a script runs as, from its text (see `firstline.runbooks.documents.render_script`).

    A script that Firstline did not render may be for Linux or for Windows, where the agent's user has another name.
    """
    if found := _OTHER_USER.match(script.rstrip("\n").rsplit("\n", 1)[-1]):
        return found[1]
    return "root" if script.startswith("#!") else "root (on Windows as SYSTEM)"


@cache
def style() -> str:
    """Return the style sheet that each page contains, without indentation and line breaks."""
    lines = (_TEMPLATES / "console.css").read_text(encoding="utf-8").splitlines()
    return "".join(line.strip() for line in lines)


@cache
def style_hash() -> str:
    """Return the style sheet's hash as a content security policy names it: `sha256-<base64>`."""
    return f"sha256-{base64.b64encode(sha256(style().encode()).digest()).decode()}"


@cache
def _environment() -> "Environment":
    # Imported late: the same function answers Slack's buttons, which must not wait for Jinja2.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context

    @pass_context
    def clock(context: Any, moment: datetime) -> str:
        """Write a moment in the stack's time zone: `03:12`, on another day `Sun 1 Mar 03:12`.

        `context` is Jinja2's: the values with which the template is rendered, such as the time `now`.
        """
        return local_time(moment, context["zone"], context["now"])

    @pass_context
    def zoned(context: Any, moment: datetime) -> str:
        """Write a moment in the stack's time zone, with the zone's name: `03:12 CET`. `context` is as in `clock`."""
        return zoned_time(moment, context["zone"], context["now"])

    @pass_context
    def ago(context: Any, moment: datetime) -> str:
        """Write how long ago a moment was: `12 min ago`. `context` is as in `clock`."""
        return f"{short_duration(context['now'] - moment)} ago"

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "one_line": one_line,
        "visible": visible,
        "run_as": run_as,
        "zoned": zoned,
        "indented": partial(json.dumps, indent=2, sort_keys=True, ensure_ascii=False),
        "strip_invisible": strip_invisible,
        "counted": count,
        "short": short_duration,
        "seconds": lambda seconds: in_words(timedelta(seconds=seconds)),
        "clock": clock,
        "ago": ago,
    }
    environment.globals["risks"] = _RISKS
    environment.globals["style"] = style()
    return environment
