"""What people's words on a verdict mean: "was this right?"

The last word of each person counts. What follows from it for the next incident of the group stands in
`classification/history.py`; it never suffices to silence what a source calls more than `info`.
"""

from collections.abc import Sequence

from firstline.models import SEVERITY_RANK, Feedback, Severity


def last_words(feedback: Sequence[Feedback]) -> list[Feedback]:
    """The last word of each person, in the order in which they were said."""
    last = {word.person: number for number, word in enumerate(feedback)}
    return [feedback[number] for number in sorted(last.values())]


def calls_real(word: Feedback) -> bool:
    """Does the word say that somebody had to do something?"""
    return word.said == "real" or (word.said == "wrong_severity" and word.severity != "noise")


def calls_noise(word: Feedback) -> bool:
    """Does the word say that nobody ever had to?"""
    return word.said == "noise" or word.severity == "noise"


def called_real(words: Sequence[Feedback]) -> bool:
    """One person who says so is enough, whatever the others say: that is the safe side."""
    return any(map(calls_real, words))


def called_noise(words: Sequence[Feedback]) -> bool:
    """Somebody says so, and nobody the contrary."""
    return any(map(calls_noise, words)) and not called_real(words)


def said_wrong_cause(words: Sequence[Feedback]) -> list[Feedback]:
    """The words which say that the cause was wrong. One is enough: what follows from it takes power away only."""
    return [word for word in words if word.said == "wrong_cause"]


def severity_said(words: Sequence[Feedback]) -> Severity | None:
    """What people say it should have been; of several, the worst."""
    said = [word.severity for word in words if word.severity is not None]
    return max(said, key=SEVERITY_RANK.__getitem__, default=None)


def was_right(severity: Severity, words: Sequence[Feedback]) -> bool | None:
    """Do people say that a verdict was right? None when nobody said anything; a draw means no."""
    if not words:
        return None
    return 2 * sum(_agrees(severity, word) for word in words) > len(words)


def confirmed(severity: Severity, words: Sequence[Feedback]) -> Severity | None:
    """The severity that everybody who spoke agrees on, given the verdict's; None when nobody spoke, or they differ."""
    meant = {_meant(severity, word) for word in words}
    return meant.pop() if len(meant) == 1 else None


def _meant(severity: Severity, word: Feedback) -> Severity | None:
    """What a word says that it was; None when noise was real (nobody says how bad), or only the cause was wrong."""
    if calls_noise(word):
        return "noise"
    if word.said == "real":
        return None if severity == "noise" else severity
    return word.severity


def _agrees(severity: Severity, word: Feedback) -> bool:
    return word.said != "wrong_cause" and _meant(severity, word) == severity
