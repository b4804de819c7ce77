"""The nouns of Firstline, in the order in which data flows through it.

raw event -> `NormalizedAlert` -> `Incident` -> `Classification` -> `RemediationPlan` -> `StepResult` -> `Notification`.
A later type may refer to an earlier one, never the reverse. All are immutable and refuse unknown fields; all of them
survive `model_dump(mode="json")` and back, because that is how Step Functions carries them.

Read the files in this order: `frozen` and `severity`, of which all are made; `alert`, `incident`, `verdict`, `plan` and
`step_result`, which an execution hands on; `run`, `page`, `approval`, `feedback` and `record`, which the table keeps;
`deployment`, `earlier` and `evidence`, which the next verdict rests on; and `notification`, which people read.
"""

from firstline.models.alert import NormalizedAlert
from firstline.models.approval import Approval, Decision
from firstline.models.deployment import Deployment
from firstline.models.earlier import EarlierIncident, SimilarIncident
from firstline.models.evidence import AlertCount, Evidence, Maintenance, MetricSeries, ServiceActivity
from firstline.models.feedback import Feedback, Note
from firstline.models.frozen import Frozen, Name, RouteName, Text
from firstline.models.incident import FIRST_OF_STORM, Hold, Incident
from firstline.models.notification import Notification, NotificationKind
from firstline.models.page import Page
from firstline.models.plan import (
    SHARE,
    AnyPlannedStep,
    PlannedRelease,
    PlannedStep,
    Released,
    RemediationPlan,
    StepKind,
    Target,
)
from firstline.models.record import IncidentRecord, Outcome
from firstline.models.run import RunbookRun, RunOutcome
from firstline.models.severity import PAGING_RANK, SEVERITY_RANK, Severity, SourceSeverity
from firstline.models.step_result import StepResult
from firstline.models.verdict import Classification, DecidedBy, Usage

__all__ = [
    "FIRST_OF_STORM",
    "PAGING_RANK",
    "SEVERITY_RANK",
    "SHARE",
    "AlertCount",
    "AnyPlannedStep",
    "Approval",
    "Classification",
    "DecidedBy",
    "Decision",
    "Deployment",
    "EarlierIncident",
    "Evidence",
    "Feedback",
    "Frozen",
    "Hold",
    "Incident",
    "IncidentRecord",
    "Maintenance",
    "MetricSeries",
    "Name",
    "NormalizedAlert",
    "Note",
    "Notification",
    "NotificationKind",
    "Outcome",
    "Page",
    "PlannedRelease",
    "PlannedStep",
    "Released",
    "RemediationPlan",
    "RouteName",
    "RunOutcome",
    "RunbookRun",
    "ServiceActivity",
    "Severity",
    "SimilarIncident",
    "SourceSeverity",
    "StepKind",
    "StepResult",
    "Target",
    "Text",
    "Usage",
]
