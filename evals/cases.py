"""Labelled cases: an alert, the evidence at that moment, and the truth, each a file in the case's folder.

`evals/cases/<kind>/<name>/{alert,evidence,truth}.yaml`, and `declared.yaml` where rules, windows or silences matter.
Ages in them are relative to `now`, so that a case reads like a story. Alerts go through the real normalisers and
snapshots through the real `gather`: what the evals measure is what runs.
"""

import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from firstline.classification.evidence import gather
from firstline.classification.templates import family, mask
from firstline.errors import ConfigurationError, HistoryUnavailable, UnreadablePayload
from firstline.models import (
    AlertCount,
    AlertKind,
    Deployment,
    EarlierIncident,
    Evidence,
    Feedback,
    Incident,
    NormalizedAlert,
    Outcome,
    ServiceActivity,
    Severity,
    Word,
)
from firstline.policy.files import load_policy
from firstline.policy.holds import Silence, Window
from firstline.policy.rules import Rule, Rules
from firstline.sources import normalize
from firstline.sources.identity import digest
from firstline.sources.severity import UNSTATED

CASES = Path(__file__).parent / "cases"

type Kind = Literal[
    "real",
    "noise",
    "false-alarm",
    "misleading-deployment",
    "missing-data",
    "no-fault",
    "storm",
    "recurring",
    "unknown",
    "injection",
]
KINDS: tuple[str, ...] = get_args(Kind.__value__)

type Cause = Literal[
    "deployment",
    "capacity",
    "load",
    "dependency",
    "hardware",
    "network",
    "certificate",
    "configuration",
    "software",
    "security",
    "people",
    "nothing",
    "unknown",
]
"""`nothing`: nobody has to do anything. `unknown`: the evidence does not say, and saying so is right."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _age(value: object) -> object:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write an age as 90s, 12m, 3h or 2d")
    return timedelta(**{_UNITS[found[2]]: float(found[1])})


type Age = Annotated[timedelta, BeforeValidator(_age)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Truth(_Strict):
    """The judgement of an experienced engineer afterwards. `never` are runbooks that would do harm here.

    waits
        A declared rule, window or silence rightly holds it for a while.
    """

    severity: Severity
    cause: Cause
    runbook: str | None
    why: Annotated[str, Field(min_length=10)]
    never: tuple[str, ...] = ()
    waits: bool = False


class Declared(_Strict):
    """The declarations of this case's owners; they stand before the project's own rules."""

    rules: tuple[Rule, ...] = ()
    maintenance: tuple[Window, ...] = ()
    silences: tuple[Silence, ...] = ()

    def before(self, others: Rules) -> Rules:
        """Return these rules and windows, followed by the others."""
        return Rules(rules=(*self.rules, *others.rules), maintenance=(*self.maintenance, *others.maintenance))


class _Circumstances(_Strict):
    opened: Age = timedelta(0)
    alert_count: int = 1
    hosts: tuple[str, ...] | None = None
    storm: bool = False
    flapping: bool = False


class _AlertFile(_Strict):
    """The alert of a case: `body` as its source would post it, or `alert` in Firstline's shape where that is enough."""

    source: str
    body: Any = None
    alert: dict[str, Any] | None = None
    incident: _Circumstances = _Circumstances()

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.body is None) == (self.alert is None):
            raise ValueError("give either `body` (as the source posts it) or `alert` (our shape)")
        return self


class _Earlier(_Strict):
    ago: Age
    severity: Severity
    outcome: Outcome
    lasted: Age = timedelta(minutes=20)
    runbook: str | None = None
    note: str | None = None
    said: dict[str, Literal["real", "noise", "wrong_cause", "critical", "high", "medium", "low"]] = {}
    """People's answers to "was this right?"; a severity means that this one would have been right."""

    blamed_deployment: bool = False
    """Firstline said that a deployment had caused it."""

    fixed_by: str | None = None
    """A person's note of what fixed it."""

    times: int = Field(default=1, ge=1)
    """The number of equal incidents, `ago` apart: a long history in one line."""


class _Similar(_Earlier):
    """An incident of another group: what its alert said, and how it ended."""

    name: str
    message: str
    service: str | None = None


class _Deployed(_Strict):
    service: str
    version: str
    ago: Age
    environment: str | None = None

    def before(self, now: datetime) -> Deployment:
        return Deployment(deployed_at=now - self.ago, **self.model_dump(exclude={"ago"}))


class _EvidenceFile(_Strict):
    now: AwareDatetime
    time_zone: str = "UTC"
    same_name_last_hour: int = 1
    same_name_last_day: int = 1
    same_service: AlertCount | None = None
    earlier: tuple[_Earlier, ...] = ()
    similar: tuple[_Similar, ...] = ()
    deployments: tuple[_Deployed, ...] = ()
    word: Severity | None = None
    """The word of a person on this alert, said before it came, if its source states no severity."""

    unreadable: tuple[Literal["alerts", "service", "earlier", "similar", "deployments"], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled incident. `name` is `<kind>/<folder>`."""

    name: str
    kind: Kind
    incident: Incident
    evidence: Evidence
    truth: Truth
    now: datetime
    declared: Declared = field(default_factory=Declared)

    def without_history(self) -> Self:
        """Return the same case without its history, as if it were the first of its kind."""
        first = {"earlier": [], "similar": [], "same_name_last_hour": 1, "same_name_last_day": 1}
        return replace(self, evidence=self.evidence.model_copy(update=first))


_FILES = ("alert.yaml", "evidence.yaml", "truth.yaml")


def load(folder: Path = CASES) -> list[Case]:
    """Load all cases, in the order of their names.

    Raises
    ------
    ConfigurationError
        A case cannot be read, or lacks a file; the message names the file and what is wrong.
    """
    return [read(path) for path in sorted({path.parent for name in _FILES for path in folder.glob(f"*/*/{name}")})]


def read(folder: Path) -> Case:
    """Load the case of one folder."""
    kind: Any = folder.parent.name
    if kind not in KINDS:
        raise ConfigurationError(f"{folder}: {kind} is no kind of case; kinds are {', '.join(KINDS)}")
    alert_file = _parsed(folder / "alert.yaml", _AlertFile)
    snapshot = _parsed(folder / "evidence.yaml", _EvidenceFile)
    truth = _parsed(folder / "truth.yaml", Truth)
    declared = _parsed(folder / "declared.yaml", Declared) if (folder / "declared.yaml").exists() else Declared()
    incident = _incident(alert_file, folder, snapshot.now)
    evidence = gather(incident, _Snapshot(snapshot), time_zone=snapshot.time_zone, now=snapshot.now)
    return Case(f"{kind}/{folder.name}", kind, incident, evidence, truth, snapshot.now.astimezone(UTC), declared)


class _Snapshot:
    """The table as it stood: an `EvidenceSource` that answers from the case's evidence file."""

    def __init__(self, file: _EvidenceFile) -> None:
        self._file = file

    def alerts_named(self, alert_name: str, now: datetime) -> AlertCount:  # noqa: ARG002 - the reader's signature
        self._refuse("alerts")
        hour, day = self._file.same_name_last_hour, self._file.same_name_last_day
        return AlertCount(last_hour=hour, last_day=max(hour, day))

    def service_activity(self, service: str, now: datetime) -> ServiceActivity:  # noqa: ARG002
        self._refuse("service")
        alerts = self._file.same_service or AlertCount(last_hour=0, last_day=0)
        return ServiceActivity(alerts=alerts, deployments=self._deployments())

    def earlier_incidents(self, group_key: str, limit: int = 20) -> list[EarlierIncident]:  # noqa: ARG002
        self._refuse("earlier")
        found = [
            _earlier(earlier, self._file.now - earlier.ago * number)
            for earlier in self._file.earlier
            for number in range(1, earlier.times + 1)
        ]
        return sorted(found, key=lambda incident: incident.opened_at, reverse=True)[:limit]

    def incidents_like(self, alert: NormalizedAlert) -> list[EarlierIncident]:  # noqa: ARG002
        self._refuse("similar")
        return [_similar(similar, self._file.now) for similar in self._file.similar]

    def deployments_since(self, since: datetime) -> list[Deployment]:
        self._refuse("deployments")
        return [deployment for deployment in self._deployments() if deployment.deployed_at >= since]

    def word_on(self, subject: AlertKind) -> Word | None:
        said = self._file.word
        known = {"subject": subject, "person": "case:1", "by": "somebody", "at": self._file.now}
        return None if said is None else Word.model_validate({"severity": said, **known})

    def words(self) -> list[Word]:
        return []

    def _deployments(self) -> list[Deployment]:
        return [deployed.before(self._file.now) for deployed in self._file.deployments]

    def _refuse(self, what: str) -> None:
        if what in self._file.unreadable:
            raise HistoryUnavailable("the table throttled the read")


def _earlier(earlier: _Earlier, opened_at: datetime) -> EarlierIncident:
    return EarlierIncident(
        incident_id=f"Earlier-{opened_at:%Y%m%dT%H%M%SZ}",
        opened_at=opened_at.astimezone(UTC),
        closed_at=(opened_at + earlier.lasted).astimezone(UTC),
        severity=earlier.severity,
        outcome=earlier.outcome,
        runbook_id=earlier.runbook,
        outcome_reason=earlier.note,
        feedback=[_word(by, said, opened_at) for by, said in earlier.said.items()],
        note=earlier.fixed_by,
        blamed_deployment=earlier.blamed_deployment,
    )


def _word(by: str, said: str, at: datetime) -> Feedback:
    wrong = None if said in ("real", "noise", "wrong_cause") else said
    said = "wrong_severity" if wrong else said
    return Feedback.model_validate({"person": f"case:{by}", "by": by, "said": said, "severity": wrong, "at": at})


def _similar(similar: _Similar, now: datetime) -> EarlierIncident:
    key = f"similar:{digest(similar.name, similar.service, similar.message)}"
    template = f"{family(similar.name)}: {mask(similar.message)}"
    alert = {"group_key": key, "alert_name": similar.name, "service": similar.service, "template": template}
    return _earlier(similar, now - similar.ago).model_copy(update=alert)


def _incident(file: _AlertFile, folder: Path, now: datetime) -> Incident:
    around = file.incident
    opened_at = (now - around.opened).astimezone(UTC)
    alert = _alert(file, folder, opened_at).without_raw()
    hosts = around.hosts if around.hosts is not None else [alert.host] if alert.host else []
    return Incident(
        incident_id=f"Eval-{opened_at:%Y%m%dT%H%M%SZ}-{digest(folder.parent.name, folder.name)[:8]}",
        group_key=alert.group_key,
        opened_at=opened_at,
        alert=alert,
        hosts=list(hosts),
        **around.model_dump(include={"alert_count", "storm", "flapping"}),
    )


def _alert(file: _AlertFile, folder: Path, opened_at: datetime) -> NormalizedAlert:
    path = folder / "alert.yaml"
    given = file.alert
    if given is not None:
        name = digest(folder.name)
        severity = {"severity_stated": "severity" in given, "severity": UNSTATED}
        known = {"source": file.source, "timestamp": opened_at, "raw_payload": None, "status": "firing", "labels": {}}
        identity = {"fingerprint": name, "group_key": f"{file.source}:{name}"}
        try:
            return NormalizedAlert.model_validate(severity | known | identity | given)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
            raise ConfigurationError(f"{path}: {wrong}") from None
    try:
        alerts = normalize(file.source, _body(file), received_at=opened_at)
    except UnreadablePayload as error:
        raise ConfigurationError(f"{path}: {error}") from None
    firing = [alert for alert in alerts if alert.status == "firing"]
    if not firing:
        raise ConfigurationError(f"{path}: the body holds no firing alert, so there is nothing to classify")
    return firing[0]


def _body(file: _AlertFile) -> Any:
    """Return the body, with an SNS message that a case may write as YAML turned into the JSON text that SNS carries."""
    body = file.body
    if isinstance(body, dict) and isinstance(body.get("Message"), dict):
        return body | {"Message": json.dumps(body["Message"])}
    return body


def _parsed[M: BaseModel](path: Path, model: type[M]) -> M:
    return load_policy(path, model, missing="a case has three files: alert.yaml, evidence.yaml and truth.yaml")
