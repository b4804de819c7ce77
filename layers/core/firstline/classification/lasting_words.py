"""A person's lasting word on how bad an alert is each time that it comes: who may give it, and what follows.

Anybody may let an alert page people or be told to them. Only an approver may drop it, as nobody sees a dropped alert.
"""

from firstline.errors import FeedbackRefused
from firstline.models import DROPS_FOR, PAGING_RANK, SEVERITY_RANK, AlertKind, Feedback, IncidentRecord, Severity, Word
from firstline.policy.people import FILE


def choices(guess: Severity) -> dict[str, Severity]:
    """Return the severity that each button sets: `page` high, `tell` medium, `drop` noise.

    `page` sets critical if Firstline's guess at the alert's severity (`guess`) is critical.
    """
    return {"page": "critical" if guess == "critical" else "high", "tell": "medium", "drop": "noise"}


def is_asked(record: IncidentRecord) -> bool:
    """Return True if the incident's message asks people how bad its alert is each time that it comes.

    The message asks if the verdict does, and nobody has answered yet.
    """
    asks = record.classification is not None and record.classification.asks
    return asks and not any(answer.said == "word" for answer in record.feedback)


def kind_in(record: IncidentRecord, key: str | None = None) -> AlertKind:
    """Return the kind of alert that a person means who says, on this incident, how bad its alert is from now on.

    Parameters
    ----------
    key
        The key of the kind of alert, from the value of the pressed button; None if no button was pressed.

    Raises
    ------
    FeedbackRefused
        The source or a rule states the severity, or the incident is now judged by an alert of another kind.
    """
    subject = record.classification.subject if record.classification else None
    if subject is None:
        raise FeedbackRefused("The source or a rule states the severity of this alert: change it there.")
    if key is not None and key != subject.key:
        raise FeedbackRefused(
            "Another alert of this incident is the worst by now. Use the buttons of the incident's newest message."
        )
    return subject


def word_of(answer: Feedback, subject: AlertKind, *, approver: bool) -> Word:
    """Return a person's answer as a lasting statement of how bad a kind of alert is.

    Raises
    ------
    FeedbackRefused
        The answer drops such alerts, and the person is not an approver.
    """
    if answer.severity is None:
        raise ValueError(f"a word needs a severity; the answer {answer.said} has none")
    if answer.severity == "noise" and not approver:
        raise FeedbackRefused(
            f"Only an approver (see {FILE}) can drop an alert. Ask one, or press Tell: then it pages nobody."
        )
    return Word(subject=subject, severity=answer.severity, person=answer.person, by=answer.by, at=answer.at)


def what_follows(word: Word) -> str:
    """Return a sentence for the person who said how bad a kind of alert is: what happens to the next one."""
    if word.severity == "noise":
        return f"From the next time on, this alert is dropped. Firstline asks again after {DROPS_FOR.days} days."
    does = "pages" if SEVERITY_RANK[word.severity] >= PAGING_RANK else "is told, and pages nobody"
    return f"From the next time on, this alert is {word.severity}: it {does}."
