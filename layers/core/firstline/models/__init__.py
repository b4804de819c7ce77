"""The nouns of Firstline, in the order in which data flows through it.

raw event -> `NormalizedAlert` -> `Incident` -> `Classification` -> `RemediationPlan` -> `StepResult` -> `Notification`.
A later type may refer to an earlier one, never the reverse. All are immutable and refuse unknown fields; all of them
survive `model_dump(mode="json")` and back, because that is how Step Functions carries them.

Read `alert.py` first, then `incident`, `metric`, `classification` and `plan`, which an execution hands on; `live` and
`record`, which the table stores; and `evidence`, which the next classification rests on. All are made of `frozen` and
`severity`.
"""

from typing import TYPE_CHECKING

from firstline import late_names

if TYPE_CHECKING:
    from firstline.models.alert import AlertLink, Direction, Location, Measured, NormalizedAlert, OwnerTags
    from firstline.models.classification import Classification, DecidedBy, Stance, Usage
    from firstline.models.evidence import (
        AlarmEvidence,
        AlertCount,
        Deployment,
        DeploymentState,
        EarlierIncident,
        ErrorLine,
        ErrorLog,
        Evidence,
        Maintenance,
        MetricReading,
        Resource,
        ResourceChange,
        ResourceFact,
        ServiceActivity,
        SimilarIncident,
    )
    from firstline.models.frozen import Frozen, Lenient, Name, RouteName, Text
    from firstline.models.incident import FIRST_OF_STORM, INCIDENT_ID, TEST, ExecutionInput, Hold, Incident
    from firstline.models.live import AlertWrite, Awaiting, Change, Counts, Live, Loud, StoredAlert, covered
    from firstline.models.metric import MetricSeries
    from firstline.models.plan import (
        MOST_OUTPUT,
        SHARE,
        AnyPlannedStep,
        PlanLimits,
        PlannedRelease,
        PlannedStep,
        Released,
        RemediationPlan,
        RunbookRun,
        RunOutcome,
        StepKind,
        StepResult,
        Target,
    )
    from firstline.models.record import (
        Approval,
        Decision,
        Feedback,
        IncidentRecord,
        Member,
        Note,
        Notification,
        NotificationKind,
        Outcome,
        Page,
    )
    from firstline.models.severity import PAGING_RANK, SEVERITIES, SEVERITY_RANK, Severity, SourceSeverity
    from firstline.models.word import (
        DROPS_FOR,
        EVERYWHERE,
        NO_DATA,
        AlertKind,
        NearWord,
        Word,
        kind_of,
        short_environment,
    )

__all__ = [
    "DROPS_FOR", "EVERYWHERE", "FIRST_OF_STORM", "INCIDENT_ID", "MOST_OUTPUT", "NO_DATA", "PAGING_RANK",
    "SEVERITIES", "SEVERITY_RANK", "SHARE", "TEST",
    "AlarmEvidence", "AlertCount", "AlertKind", "AlertLink", "AlertWrite", "AnyPlannedStep", "Approval", "Awaiting",
    "Change", "Classification", "Counts", "DecidedBy", "Decision", "Deployment", "DeploymentState", "Direction",
    "EarlierIncident", "ErrorLine", "ErrorLog", "Evidence", "ExecutionInput", "Feedback", "Frozen", "Hold", "Incident",
    "IncidentRecord", "Lenient", "Live", "Location", "Loud", "Maintenance", "Measured", "Member",
    "MetricReading", "MetricSeries", "Name", "NearWord",
    "NormalizedAlert", "Note", "Notification", "NotificationKind", "Outcome", "OwnerTags", "Page", "PlanLimits",
    "PlannedRelease", "PlannedStep", "Released", "RemediationPlan", "Resource", "ResourceChange", "ResourceFact",
    "RouteName", "RunOutcome", "RunbookRun", "ServiceActivity", "Severity", "SimilarIncident", "SourceSeverity",
    "Stance", "StepKind", "StepResult", "StoredAlert", "Target", "Text", "Usage", "Word", "covered", "kind_of",
    "short_environment",
]  # fmt: skip

_NAMES = {
    "alert": "AlertLink Direction Location Measured NormalizedAlert OwnerTags",
    "classification": "Classification DecidedBy Stance Usage",
    "evidence": (
        "AlarmEvidence AlertCount Deployment DeploymentState EarlierIncident ErrorLine ErrorLog Evidence "
        "Maintenance MetricReading Resource ResourceChange ResourceFact ServiceActivity "
        "SimilarIncident"
    ),
    "frozen": "Frozen Lenient Name RouteName Text",
    "incident": "FIRST_OF_STORM INCIDENT_ID TEST ExecutionInput Hold Incident",
    "live": "AlertWrite Awaiting Change Counts Live Loud StoredAlert covered",
    "metric": "MetricSeries",
    "plan": (
        "MOST_OUTPUT SHARE AnyPlannedStep PlanLimits PlannedRelease PlannedStep Released RemediationPlan "
        "RunbookRun RunOutcome StepKind StepResult Target"
    ),
    "record": "Approval Decision Feedback IncidentRecord Member Note Notification NotificationKind Outcome Page",
    "severity": "PAGING_RANK SEVERITIES SEVERITY_RANK Severity SourceSeverity",
    "word": "DROPS_FOR EVERYWHERE NO_DATA AlertKind NearWord Word kind_of short_environment",
}

if not TYPE_CHECKING:  # A type checker knows the names from above, and refuses any other.
    __getattr__ = late_names(__name__, _NAMES)
