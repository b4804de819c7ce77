"""A person's lasting word on an alert: who may say it, and what follows.

Anybody may say that an alert pages or is told. Only an approver may drop it, because nobody sees what is dropped.
"""

from firstline.errors import FeedbackRefused
from firstline.models import DROPS_FOR, PAGING_RANK, SEVERITY_RANK, AlertKind, Feedback, IncidentRecord, Severity, Word
from firstline.policy.people import FILE


def choices(guess: Severity) -> dict[str, Severity]:
    """Return the severity that each button stands for. Page keeps what was guessed to be critical critical."""
    return {"page": "critical" if guess == "critical" else "high", "tell": "medium", "drop": "noise"}


def is_asked(record: IncidentRecord) -> bool:
    """Return True if the incident's message asks for a word: nobody judged its alert, and nobody has since."""
    asks = record.classification is not None and record.classification.asks
    return asks and not any(answer.said == "word" for answer in record.feedback)


def kind_in(record: IncidentRecord, key: str | None = None) -> AlertKind:
    """Return what a word on this incident is about.

    Parameters
    ----------
    key
        The key that the pressed button carried; None if nobody pressed one.

    Raises
    ------
    FeedbackRefused
        Its source or a rule states the severity, or the incident is judged by another alert by now.
    """
    subject = record.classification.subject if record.classification else None
    if subject is None:
        raise FeedbackRefused("The source or a rule says how bad this alert is: change it there.")
    if key is not None and key != subject.key:
        raise FeedbackRefused("Another alert of this incident is the worst by now. Look at its newest message.")
    return subject


def word_of(answer: Feedback, subject: AlertKind, *, approver: bool) -> Word:
    """Return the word that an answer with a severity says on a subject.

    Raises
    ------
    FeedbackRefused
        It drops the alert, and the person is no approver.
    """
    if answer.severity is None:
        raise ValueError(f"an answer without a severity is no word: {answer.said}")
    if answer.severity == "noise" and not approver:
        raise FeedbackRefused(f"Only an approver ({FILE}) can drop an alert. Tell keeps it from paging.")
    return Word(subject=subject, severity=answer.severity, person=answer.person, by=answer.by, at=answer.at)


def what_follows(word: Word) -> str:
    """Return a sentence that tells the person what their word does from now on."""
    if word.severity == "noise":
        return f"From the next one on, this alert is dropped. You are asked again after {DROPS_FOR.days} days."
    does = "pages" if SEVERITY_RANK[word.severity] >= PAGING_RANK else "is told, and pages nobody"
    return f"From the next one on, this alert is {word.severity}: it {does}."
