"""The meaning of people's answers to the question "was this verdict right?".

The last answer of each person counts. `classification/history.py` uses the answers for the next incident of the group.
Answers alone never silence an alert that its source calls more than `info`.
"""

from collections.abc import Sequence

from firstline.models import SEVERITY_RANK, Feedback, Severity


def last_words(feedback: Sequence[Feedback]) -> list[Feedback]:
    """Return the last answer of each person, in the order in which the answers were given."""
    last = {answer.person: number for number, answer in enumerate(feedback)}
    return [feedback[number] for number in sorted(last.values())]


def calls_real(answer: Feedback) -> bool:
    """Return True if the answer says that a person had to act."""
    return answer.said == "real" or answer.severity not in (None, "noise")


def calls_noise(answer: Feedback) -> bool:
    """Return True if the answer says that no person ever had to act."""
    return answer.said == "noise" or answer.severity == "noise"


def called_real(answers: Sequence[Feedback]) -> bool:
    """Return True if any person said that the incident was real, however many others said noise."""
    return any(map(calls_real, answers))


def called_noise(answers: Sequence[Feedback]) -> bool:
    """Return True if a person said that the incident was noise, and nobody that it was real."""
    return any(map(calls_noise, answers)) and not called_real(answers)


def said_wrong_cause(answers: Sequence[Feedback]) -> list[Feedback]:
    """Return the answers that call the verdict's cause wrong."""
    return [answer for answer in answers if answer.said == "wrong_cause"]


def severity_said(answers: Sequence[Feedback]) -> Severity | None:
    """Return the worst of the severities that people called right, or None if no answer names a severity."""
    said = [answer.severity for answer in answers if answer.severity is not None]
    return max(said, key=SEVERITY_RANK.__getitem__, default=None)


def was_right(severity: Severity, answers: Sequence[Feedback]) -> bool | None:
    """Return True if most answers agree with a verdict's severity, False if half or fewer do, None without answers."""
    if not answers:
        return None
    return 2 * sum(_agrees(severity, answer) for answer in answers) > len(answers)


def confirmed(severity: Severity, answers: Sequence[Feedback]) -> Severity | None:
    """Return the severity that all answers agree on; None if they differ, name none, or there are no answers.

    `severity` is the verdict's: the answer "real" confirms it.
    """
    meant = {_meant(severity, answer) for answer in answers}
    return meant.pop() if len(meant) == 1 else None


def _meant(severity: Severity, answer: Feedback) -> Severity | None:
    """Return the severity that an answer to a verdict of this severity implies, or None if it implies none.

    "Real" implies none if the verdict was noise; "wrong cause" never implies one.
    """
    if calls_noise(answer):
        return "noise"
    if answer.said == "real":
        return None if severity == "noise" else severity
    return answer.severity


def _agrees(severity: Severity, answer: Feedback) -> bool:
    return answer.said != "wrong_cause" and _meant(severity, answer) == severity
