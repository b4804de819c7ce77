"""What people say of a verdict, and of what fixed it."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, StringConstraints, model_validator

from firstline.models.frozen import Frozen, Name
from firstline.models.severity import Severity


class Feedback(Frozen):
    """One person's word on a verdict: "was this right?" `severity` is what it should have been, if that was wrong.

    `person` tells people apart (`slack:<user id>`, `shell:<login>`), `by` is how messages name them.
    """

    person: Name
    by: Name
    said: Literal["real", "noise", "wrong_severity", "wrong_cause"]
    severity: Severity | None = None
    at: AwareDatetime

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if (self.said == "wrong_severity") != (self.severity is not None):
            raise ValueError("`severity` belongs to wrong_severity: it says which one would have been right")
        return self


class Note(Frozen):
    """What a person says fixed it, for the next one who meets it. Redacted before it is kept."""

    by: Name
    text: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    at: AwareDatetime
