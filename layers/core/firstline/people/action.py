"""A person's action on an incident, as Slack's buttons, the command line and the console ask for it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from firstline.models import Frozen, Severity, Text

type Does = Literal[
    "acknowledge", "resolve", "reopen", "escalate", "note", "judge", "word", "approve", "refuse"
]  # fmt: skip
"""The actions. `judge` says whether the verdict was right, `word` sets the alert's severity from now on."""


class Action(Frozen):
    """An action of a person. Where a description begins like `resolve, note: …`, only those actions use the field.

    Parameters
    ----------
    seen
        resolve, note: how many alerts had joined when the person looked (`Live.joined`); escalate: the number of the
        newest page that the person saw (`Live.paged_seq`); None if unknown.
    text
        note: the text of the note; reopen, escalate: the reason.
    resolves
        note: True if the note also resolves the incident.
    said
        judge: what the person says of the verdict, such as `noise`.
    severity
        word, or judge with `said` as `wrong_severity`: the right severity.
    subject
        word: the key of the kind of alert that the person saw; None if they saw none.
    plan_digest
        approve, refuse: the digest of the plan that the person read.
    """

    does: Does
    seen: int | None = Field(default=None, ge=0, le=1_000_000_000)
    text: Text = ""
    resolves: bool = False
    said: Literal["real", "noise", "wrong_severity", "wrong_cause", "word"] | None = None
    severity: Severity | None = None
    subject: Text | None = None
    plan_digest: Text = ""

    @model_validator(mode="after")
    def _answers_are_whole(self) -> Self:
        if self.does == "judge" and (self.said is None or self.said == "word"):
            raise ValueError(
                "judge needs `said`: real, noise, wrong_cause, or wrong_severity with the right `severity`"
            )
        names_one = self.does == "word" or (self.does == "judge" and self.said == "wrong_severity")
        if names_one != (self.severity is not None):
            raise ValueError(
                "give `severity`, the right one, if you send a word or judge `wrong_severity`; leave it out otherwise"
            )
        return self
