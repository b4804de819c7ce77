"""The meaning of people's answers to the question "was this right?".

The last answer of each person counts. `classification/history.py` says what follows for the next incident of the group;
answers alone never silence an alert that its source calls more than `info`.
"""

from collections.abc import Sequence

from firstline.models import SEVERITY_RANK, Feedback, Severity


def last_words(feedback: Sequence[Feedback]) -> list[Feedback]:
    """Return the last answer of each person, in the order in which the answers were given."""
    last = {word.person: number for number, word in enumerate(feedback)}
    return [feedback[number] for number in sorted(last.values())]


def calls_real(word: Feedback) -> bool:
    """Return True if the answer says that a person had to act."""
    return word.said == "real" or (word.said == "wrong_severity" and word.severity != "noise")


def calls_noise(word: Feedback) -> bool:
    """Return True if the answer says that no person ever had to act."""
    return word.said == "noise" or word.severity == "noise"


def called_real(words: Sequence[Feedback]) -> bool:
    """Return True if any person called it real; the others do not outvote that person, to stay on the safe side."""
    return any(map(calls_real, words))


def called_noise(words: Sequence[Feedback]) -> bool:
    """Return True if a person called it noise and no person called it real."""
    return any(map(calls_noise, words)) and not called_real(words)


def said_wrong_cause(words: Sequence[Feedback]) -> list[Feedback]:
    """Return the answers that call the cause wrong. One is enough: its consequences only take power away."""
    return [word for word in words if word.said == "wrong_cause"]


def severity_said(words: Sequence[Feedback]) -> Severity | None:
    """Return the severity that people say was right; of several, the gravest."""
    said = [word.severity for word in words if word.severity is not None]
    return max(said, key=SEVERITY_RANK.__getitem__, default=None)


def was_right(severity: Severity, words: Sequence[Feedback]) -> bool | None:
    """Return whether most answers agree with a verdict's severity, or None without answers. A draw means no."""
    if not words:
        return None
    return 2 * sum(_agrees(severity, word) for word in words) > len(words)


def confirmed(severity: Severity, words: Sequence[Feedback]) -> Severity | None:
    """Return the severity that all answers agree on, given the verdict's; None if they differ or there are none."""
    meant = {_meant(severity, word) for word in words}
    return meant.pop() if len(meant) == 1 else None


def _meant(severity: Severity, word: Feedback) -> Severity | None:
    """Return the severity that an answer implies, or None if it names none.

    "Real" names none if the verdict was noise, and "wrong cause" never does.
    """
    if calls_noise(word):
        return "noise"
    if word.said == "real":
        return None if severity == "noise" else severity
    return word.severity


def _agrees(severity: Severity, word: Feedback) -> bool:
    return word.said != "wrong_cause" and _meant(severity, word) == severity
