"""The evals' second set of cases: alerts without a stated severity, a person's word or a history.

The first set is in `evals/cases/`.
"""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel

from evals.cases import Case, Truth
from firstline.models import Evidence, Incident, NormalizedAlert, Severity
from firstline.policy.files import load_policy
from firstline.sources.identity import digest
from firstline.sources.severity import UNSTATED

FILE = Path(__file__).parent / "unstated.yaml"
_NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    name: str
    message: str
    severity: Severity


class _Lines(RootModel[tuple[_Line, ...]]):
    """The content of `unstated.yaml`: a list of alerts."""


def load(path: Path = FILE) -> list[Case]:
    """Load the cases of `unstated.yaml`, each made from an alert.

    Raises
    ------
    ConfigurationError
        The file is missing or an alert in it is wrong; the message names the file and the mistake.
    """
    return [_case(line) for line in load_policy(path, _Lines, missing="it lists the alerts of the second set").root]


def _case(line: _Line) -> Case:
    key = digest(line.source, line.name)
    alert = NormalizedAlert(
        source=line.source,
        alert_name=line.name,
        severity=UNSTATED,
        severity_stated=False,
        message=line.message,
        labels={},
        timestamp=_NOON,
        raw_payload=None,
        status="firing",
        fingerprint=key,
        group_key=f"{line.source}:{key}",
    )
    known = {"same_name_last_hour": 1, "earlier": [], "deployments": [], "local_time": _NOON, "business_hours": True}
    incident = Incident(
        incident_id=f"Eval-{key[:8]}",
        group_key=alert.group_key,
        opened_at=_NOON,
        alert=alert.without_raw(),
        alert_count=1,
        hosts=[],
    )
    truth = Truth(severity=line.severity, cause="unknown", runbook=None, why="Only its words are known.")
    return Case(f"unstated/{line.name}", "missing-data", incident, Evidence.model_validate(known), truth, _NOON)
