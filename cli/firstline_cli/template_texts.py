"""The texts of monitoring tools' templates: what an alert will say, without the code that fills the gaps."""

import re
from dataclasses import dataclass

GAP = "..."
"""The text that stands for a value that is only known when the alert comes."""

_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_OPENS = ("if", "with", "range", "define")
_SAYS_NOTHING = re.compile(r"/\*|\$\w+\s*:?=(?!=)")
"""The beginning of an action without output: a comment, or an assignment to a variable."""


@dataclass
class _Block:
    opened_by: str = ""
    text: str = ""
    is_kept: bool = True


def spoken(template: str) -> str:
    """Return the text of a template of Prometheus, Grafana or Datadog, without its code. A value becomes `...`.

    Of an `if` with an `else` in Prometheus, only one branch is sent and nobody knows which, so neither is kept. Of
    Datadog's conditions all are kept, because any may name whom to tell, but for what is sent at a recovery.

    Example
    -------
    >>> spoken("{{ if gt $value 9.0 }}Full{{ else }}Low{{ end }} disk {{ $labels.device }}: {{ $value }}%")
    ' disk ...: ...%'
    >>> spoken("{{#is_alert}}Down @pagerduty-shop{{/is_alert}}{{#is_recovery}}Up @slack-shop{{/is_recovery}}")
    ' Down @pagerduty-shop  '
    """
    blocks, end = [_Block()], 0
    for action in _ACTION.finditer(template):
        blocks[-1].text += template[end : action.start()]
        code, end = action[1].strip("- \n"), action.end()
        word = (code.split(maxsplit=1) or [""])[0]
        if word in _OPENS or word.startswith(("#", "^")):
            blocks.append(_Block(word, is_kept=word != "define" and not (word[0] == "#" and "recovery" in word)))
        elif word == "end" or (word.startswith("/") and not word.startswith("/*")):
            inner = blocks.pop() if len(blocks) > 1 else _Block()
            edge = "" if inner.opened_by in _OPENS else " "
            blocks[-1].text += f"{edge}{inner.text}{edge}" if inner.is_kept else edge
        elif word == "else":
            blocks[-1].is_kept &= blocks[-1].opened_by not in _OPENS
            blocks[-1].text += " "
        elif not _SAYS_NOTHING.match(code):
            blocks[-1].text += GAP
    return "".join(block.text for block in blocks) + template[end:]
