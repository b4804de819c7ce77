"""What people say of an incident, said on the command line: the same as in Slack, in the login's name."""

from datetime import UTC, datetime
from typing import get_args

from firstline import judging
from firstline.adapters.history import History
from firstline.adapters.table import Table
from firstline.adapters.trail import TableTrail
from firstline.channels.slack_judging import said
from firstline.errors import FeedbackRefused
from firstline.models import Feedback, Severity
from firstline.trail import judged, noted, witness

_SEVERITIES = get_args(Severity.__value__)
_ANSWERS = ("real", "noise", "wrong-cause")


def say(table: Table, incident_id: str, answer: str, by: str) -> str:
    """Keep a word on the verdict, and tell what follows from it.

    Raises
    ------
    FeedbackRefused
        Nobody can say that, or not of this incident; the message says why.
    """
    now = datetime.now(UTC)
    word = _word(answer, by, now)
    record = judging.give(incident_id, word, history=History(table))
    witness(TableTrail(table), incident_id, [judged(word)], now)
    return f"Noted: {said(word)}. {judging.consequence(record, word)}"


def write(table: Table, incident_id: str, text: str, by: str) -> str:
    """Keep what fixed it. Raises FeedbackRefused, as `say` does."""
    now = datetime.now(UTC)
    record = judging.note(incident_id, _named(by), text, now, history=History(table))
    witness(TableTrail(table), incident_id, [noted(record.notes[-1])], now)
    return "Thank you: whoever meets this next reads it."


def _word(answer: str, by: str, now: datetime) -> Feedback:
    person = {"person": f"shell:{by}", "by": _named(by), "at": now}
    # `noise` is both an answer and a severity, and means the same.
    if answer in _ANSWERS:
        return Feedback.model_validate({**person, "said": answer.replace("-", "_")})
    if answer in _SEVERITIES:
        return Feedback.model_validate({**person, "said": "wrong_severity", "severity": answer})
    raise FeedbackRefused(f"{answer!r} is no answer; say {', '.join(_ANSWERS)}, {', '.join(_SEVERITIES[:-1])}.")


def _named(by: str) -> str:
    return f"{by} (command line)"
