"""The incident that a Step Functions execution handles, and the hold that may delay it."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from firstline.models.alert import Location, NormalizedAlert
from firstline.models.frozen import Frozen, Lenient, Name, Text

FIRST_OF_STORM = "first_alert"
"""The label of a storm's alert that names the first one in it."""

TEST = "firstline_test"
"""The label of an alert that `firstline test` sent. Reports leave its incident out; all else is as for any other."""


class Hold(Frozen):
    """The reason why an incident waits before Firstline acts on it, and for how long.

    It ends at `until`, which is `seconds` after the decision, or earlier: when the alert resolves, when it gets worse
    or when a person ends it. `id` names the rule, silence, window or
    inhibition.
    """

    by: Literal["rule", "silence", "window", "inhibition"]
    id: Name
    reason: Text
    until: AwareDatetime
    seconds: int = Field(ge=1)
    until_resolved: bool = False
    """The silence ends with the first of its incidents that resolves."""


CANARY = "canary"
"""The source of Firstline's own alerts to itself."""


class Incident(Frozen):
    """The input of a Step Functions execution: the incident as it stood when it was opened.

    It must never change after the first write: StartExecution is idempotent only for the
    same name and the same bytes. What happens later (acknowledged, resolved) is state in the table.
    """

    incident_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}$")]
    group_key: Name
    opened_at: AwareDatetime
    alert: NormalizedAlert
    alert_count: int = Field(ge=1)
    hosts: list[Name]
    storm: bool = False
    flapping: bool = False
    opened_last_hour: int = Field(default=1, ge=1)
    """The number of incidents that its group has opened within the hour, this one included."""
    hold: Hold | None = None
    """The silence, maintenance window or inhibition that held all of its alerts when it was opened."""
    locations: list[Location] = []
    """The machines of its alerts, each location once; empty if one alert opened it."""

    levels: list[Name] = []
    """The levels of the paging policy that a storm pages, if its alerts have another route than those of no service."""

    @property
    def is_canary(self) -> bool:
        """Return True for Firstline's own flight through itself: it reaches nobody, and no list shows it."""
        return self.alert.source == CANARY

    @property
    def is_test(self) -> bool:
        """Return True if somebody tries with it whether Firstline works."""
        return TEST in self.alert.labels and not self.storm

    @property
    def first_alert(self) -> str:
        """The name of the incident's first alert, which for a storm is not the name of its own alert."""
        return self.alert.labels.get(FIRST_OF_STORM, self.alert.alert_name) if self.storm else self.alert.alert_name


class ExecutionInput(Lenient):
    """Input of an execution. Its bytes are the same for the same incident and generation."""

    incident: Incident
    generation: int = Field(default=1, ge=1)
