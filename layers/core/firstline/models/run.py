"""A runbook that was planned for an incident, as limits and autonomy count it."""

from typing import Literal

from pydantic import AwareDatetime

from firstline.models.frozen import Frozen, Name

type RunOutcome = Literal["verified", "failed", "undone", "looked", "not_run"]
"""How a planned run ended: it acted and the host recovered; it acted and did not help; the same, but it was rolled
back; it only looked; nothing was ever sent."""


class RunbookRun(Frozen):
    """A runbook that was planned for an incident: what limits and cool-downs count, and what autonomy is earned with.

    `instance_ids` are the hosts, or the places of the releases that it takes back.
    `at` is when it was planned, which reserves it, and `until` when it is over even if nobody ever says so. `accepted`
    is a person's decision, None where nobody was asked or nobody answered. `outcome` and `ended_at` come last.
    """

    runbook_id: Name
    incident_id: Name
    instance_ids: list[Name]
    decision: Literal["auto", "approve", "shadow"]
    at: AwareDatetime
    until: AwareDatetime
    accepted: bool | None = None
    outcome: RunOutcome | None = None
    ended_at: AwareDatetime | None = None
