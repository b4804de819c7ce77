"""Slack's menu "Was this right?" under an incident's message, and the form for a note on what fixed it.

The value of a choice is `<incident id>#<answer>`. Slack allows 150 characters, and an incident's id has at most 80.
"""

from collections.abc import Sequence
from typing import Any

from firstline.classification.feedback import last_words
from firstline.classification.lasting_words import choices, is_asked
from firstline.models import SEVERITIES, Feedback, IncidentRecord
from firstline.text import one_line

MAX_OPTION = 150
MAX_NOTE = 2_000
NOTE_BLOCK = "note"
"""The id of the form's one block, and of the text field in that block."""

ANSWERS: dict[str, str] = {
    "real": "Yes: it was real",
    "noise": "It was noise",
    **{f"severity-{severity}": f"Wrong severity: {severity} would be right" for severity in SEVERITIES},
    "wrong_cause": "Wrong cause",
}
"""The answers that the menu offers, and the words that people read."""


def question(incident_id: str) -> dict[str, Any]:
    """Return the menu "Was this right?", which asks about an incident's verdict."""
    entries = ((words, f"{incident_id}#{answer}"[:MAX_OPTION]) for answer, words in ANSWERS.items())
    options = [{"text": _plain(words), "value": value} for words, value in entries]
    asked = _plain("Was this right?")
    return {"type": "static_select", "action_id": "judge", "placeholder": asked, "options": options}


def word_question(record: IncidentRecord) -> list[dict[str, Any]]:
    """Return the blocks that ask with buttons how bad an alert is each time that it comes.

    None are returned if the alert's source, a rule or a person has stated its severity. A button's value is
    `<incident id>#<severity>#<key of the kind of alert>`, because another alert may be the incident's worst one when a
    person presses the button.
    """
    verdict = record.classification
    if verdict is None or verdict.subject is None or not is_asked(record):
        return []
    before = verdict.came_before
    often = f" It has come {'once' if before == 1 else f'{before} times'} before." if before else ""
    text = (
        "Its source states no severity, and nobody said yet how bad this alert is."
        f"{often} What shall it do from now on?"
    )
    buttons = [
        {
            "type": "button",
            "action_id": f"word-{name}",
            "value": f"{record.incident.incident_id}#{severity}#{verdict.subject.key}",
            "text": _plain(name.capitalize()),
        }
        for name, severity in choices(verdict.severity).items()
    ]
    return [{"type": "section", "text": _plain(text)}, {"type": "actions", "elements": buttons}]


def note_button(record: IncidentRecord) -> dict[str, Any]:
    """Return the button that opens the form for a note. While the incident is open, the form also resolves it.

    For an open incident, the button's value ends with the number of alerts that had joined when it was written.
    """
    over = record.resolved_by is not None or record.status == "CLOSED"
    seen = record.live.joined if record.live else ""
    value = f"{record.incident.incident_id}{'' if over else f'#resolve#{seen}'}"
    text = _plain("What fixed it?" if over else "Resolve with a note")
    return {"type": "button", "action_id": "note", "value": value, "text": text}


def note_form(incident_id: str, channel: str, *, resolves: bool, seen: int | None = None) -> dict[str, Any]:
    """Return the form for a note on what fixed an incident; with `resolves`, sending it also resolves the incident.

    `channel` is the Slack channel in which the person opened the form, `seen` the number of alerts that the person knew
    of (None: unknown). Slack sends the form's `private_metadata` back, signed.
    """
    then = f"resolve#{'' if seen is None else seen}" if resolves else ""
    label = _plain("What was it, and what fixed it?")
    hint = "Whoever meets this next reads your note. Write commands that helped one a line, each beginning with $."
    field = {"type": "plain_text_input", "action_id": NOTE_BLOCK, "multiline": True, "max_length": MAX_NOTE}
    return {
        "type": "modal",
        "callback_id": "note",
        "private_metadata": f"{incident_id}#{channel}#{then}",
        "title": _plain("What fixed it?"),
        "submit": _plain("Resolve" if resolves else "Save"),
        "close": _plain("Cancel"),
        "blocks": [{"type": "input", "block_id": NOTE_BLOCK, "label": label, "hint": _plain(hint), "element": field}],
    }


def people_say(feedback: Sequence[Feedback]) -> str:
    """Return the last answers of at most five people on one line; empty if there are none."""
    return "; ".join(f"{one_line(answer.by, 80)}: {said(answer)}" for answer in last_words(feedback)[-5:])


def said(answer: Feedback) -> str:
    """Return a person's feedback in words, such as `it was noise` or `from now on, low`."""
    if answer.said == "word":
        return f"from now on, {answer.severity}"
    if answer.said == "wrong_severity":
        return f"wrong severity, {answer.severity} would be right"
    return {"real": "it was real", "noise": "it was noise"}.get(answer.said, "wrong cause")


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
