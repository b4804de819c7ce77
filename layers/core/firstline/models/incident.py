"""The incident that a Step Functions execution handles, and the hold that may delay it."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from firstline.models.alert import Location, NormalizedAlert
from firstline.models.frozen import Frozen, Lenient, Name, Text

FIRST_OF_STORM = "first_alert"
"""The label, on the alert that stands for a storm, whose value is the name of the storm's first alert."""

TEST = "firstline_test"
"""The label of an alert that `firstline test` sent. Its incident is handled like any other; reports leave it out."""


class Hold(Frozen):
    """The reason why an incident waits before Firstline acts on it, and for how long.

    A hold ends at `until`, which is `seconds` after the decision, or earlier: when the alert resolves, when it gets
    worse or when a person ends the hold. `id` names the rule, silence, window or inhibition.
    """

    by: Literal["rule", "silence", "window", "inhibition"]
    id: Name
    reason: Text
    until: AwareDatetime
    seconds: int = Field(ge=1)
    until_resolved: bool = False
    """True if the silence behind this hold ends as soon as one of its incidents resolves."""


INCIDENT_ID = r"[A-Za-z0-9_-]{1,80}"
"""The pattern of an incident's id, which is also the name of its execution."""

CANARY = "canary"
"""The source of Firstline's own alerts to itself."""


class Incident(Frozen):
    """The incident as it stood when it was opened; its Step Functions execution gets it as input (`ExecutionInput`).

    An incident never changes after its first write, because StartExecution is idempotent only for the same name and the
    same bytes. What happens later (acknowledged, resolved) is state in the table (`Live`, `IncidentRecord`).
    """

    incident_id: Annotated[str, StringConstraints(pattern=f"^{INCIDENT_ID}$")]
    group_key: Name
    opened_at: AwareDatetime
    alert: NormalizedAlert
    alert_count: int = Field(ge=1)
    hosts: list[Name]
    storm: bool = False
    flapping: bool = False
    opened_last_hour: int = Field(default=1, ge=1)
    """The number of incidents that the group has opened within the hour, this incident included."""
    hold: Hold | None = None
    """The silence, maintenance window or inhibition that held all of the incident's alerts when it was opened."""
    locations: list[Location] = []
    """The machines of the incident's alerts, each location once; empty if a single alert opened the incident."""

    levels: list[Name] = []
    """The escalation levels that a storm pages; empty if they are the usual ones of its source."""

    @property
    def is_canary(self) -> bool:
        """True if this is the incident of Firstline's self-test, which reaches nobody and stands in no list."""
        return self.alert.source == CANARY

    @property
    def is_test(self) -> bool:
        """True if `firstline test` opened the incident. A storm is no test, even with a test alert in it."""
        return TEST in self.alert.labels and not self.storm

    @property
    def first_alert(self) -> str:
        """The name of the incident's first alert; for a storm, whose `alert` is made up, of the first it collected."""
        return self.alert.labels.get(FIRST_OF_STORM, self.alert.alert_name) if self.storm else self.alert.alert_name


class ExecutionInput(Lenient):
    """The input of a Step Functions execution: an incident and, from 1, the execution's number in it (`generation`).

    The input is always the same bytes for the same incident and `generation`.
    """

    incident: Incident
    generation: int = Field(default=1, ge=1)
