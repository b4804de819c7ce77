"""What each Task state of the state machine sends to its function, and what it gets back.

`<State>Input` and `<State>Output`; the state machine keeps each as an Assign variable and gives a Task only what it
needs. Every key is emitted, nulls included: an undefined field fails a JSONata expression.
"""

from typing import Literal

from pydantic import Field

from firstline.models import (
    Classification,
    Frozen,
    Incident,
    Outcome,
    Page,
    RemediationPlan,
    StepResult,
)


class ClassifyInput(Frozen):
    """State `Classify`."""

    incident: Incident


class ClassifyOutput(Frozen):
    """State `Classify`."""

    classification: Classification


class PlanRemediationInput(Frozen):
    """State `Plan Remediation`."""

    incident: Incident
    classification: Classification


class PlanRemediationOutput(Frozen):
    """State `Plan Remediation`. Without a plan, `reason` says why Firstline does not act."""

    plan: RemediationPlan | None
    reason: str


class PageOnCallInput(Frozen):
    """State `Page On-Call`. `classification` is null when classifying is what failed."""

    incident: Incident
    classification: Classification | None
    plan: RemediationPlan | None
    results: list[StepResult]
    reason: str
    level: int = Field(ge=0)


class PageOnCallOutput(Frozen):
    """State `Page On-Call`."""

    page: Page


class RecordSuppressionInput(Frozen):
    """State `Record Suppression`."""

    state: Literal["Record Suppression"]
    incident: Incident
    classification: Classification


class AnnounceRemediationInput(Frozen):
    """State `Announce Remediation`: tell people before a host is touched."""

    state: Literal["Announce Remediation"]
    incident: Incident
    plan: RemediationPlan


class RequestApprovalInput(Frozen):
    """State `Request Approval`: put the plan before the people who may approve it."""

    state: Literal["Request Approval"]
    incident: Incident
    plan: RemediationPlan


class NotifyOpsInput(Frozen):
    """State `Notify Ops`."""

    state: Literal["Notify Ops"]
    incident: Incident
    plan: RemediationPlan | None
    results: list[StepResult]
    reason: str


class CloseIncidentInput(Frozen):
    """State `Close Incident`. `ended_by` is what ended the waiting: a resolve, a verify that held, or nobody."""

    state: Literal["Close Incident"]
    incident: Incident
    results: list[StepResult]
    ended_by: Literal["resolved", "verified", "expired"]
    reason: str


class NotifyOutput(Frozen):
    """Every state of the notify function. `told` is false when no channel is configured."""

    told: bool
    outcome: Outcome | None
    resolve_within_seconds: int = Field(ge=1)
