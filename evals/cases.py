"""Labelled cases: each is a folder with an alert, the evidence at that moment, and the right judgement.

The files are `evals/cases/<kind>/<name>/{alert,evidence,truth}.yaml`, and `declared.yaml` if rules, windows or silences
matter. Ages in them are relative to `now`. Alerts go through the real normalisers and evidence through the real
`gather`, so that the evals measure the code that runs.
"""

import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from firstline.classification.evidence import gather
from firstline.classification.owner_tags import KnownTags
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
    OwnerTags,
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
"""The cause of an incident. `nothing`: there is nothing to do. `unknown`: the evidence does not tell the cause."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _age(value: object) -> object:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no age: write 90s, 12m, 3h or 2d")
    return timedelta(**{_UNITS[found[2]]: float(found[1])})


type Age = Annotated[timedelta, BeforeValidator(_age)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Truth(_Strict):
    """The right judgement of a case, as an experienced engineer gives it after the incident.

    Attributes
    ----------
    never
        The runbooks that would do harm here.
    waits
        True if a declared rule, window or silence rightly holds the incident for a while.
    """

    severity: Severity
    cause: Cause
    runbook: str | None
    why: Annotated[str, Field(min_length=10)]
    never: tuple[str, ...] = ()
    waits: bool = False


class Declared(_Strict):
    """The rules, windows and silences that a case's owners declared."""

    rules: tuple[Rule, ...] = ()
    maintenance: tuple[Window, ...] = ()
    silences: tuple[Silence, ...] = ()

    def before(self, others: Rules) -> Rules:
        """Return the owners' rules and windows followed by `others`, so that the owners' count first."""
        return Rules(rules=(*self.rules, *others.rules), maintenance=(*self.maintenance, *others.maintenance))


class _Circumstances(_Strict):
    opened: Age = timedelta(0)
    alert_count: int = 1
    hosts: tuple[str, ...] | None = None
    storm: bool = False
    flapping: bool = False


class _AlertFile(_Strict):
    """The alert of a case: `body` as its source posts it, or `alert` with the fields of a NormalizedAlert."""

    source: str
    body: Any = None
    alert: dict[str, Any] | None = None
    incident: _Circumstances = _Circumstances()

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.body is None) == (self.alert is None):
            raise ValueError("give either `body` (as the source posts it) or `alert` (fields of a NormalizedAlert)")
        return self


class _Earlier(_Strict):
    ago: Age
    severity: Severity
    outcome: Outcome
    lasted: Age = timedelta(minutes=20)
    runbook: str | None = None
    note: str | None = None
    said: dict[str, Literal["real", "noise", "wrong_cause", "critical", "high", "medium", "low"]] = {}
    """People's answers to "was this right?", by name; a severity is the one that would have been right."""

    blamed_deployment: bool = False
    """True if Firstline's verdict blamed a deployment."""

    fixed_by: str | None = None
    """A person's note about what fixed the incident."""

    times: int = Field(default=1, ge=1)
    """The number of such incidents, each `ago` before the next."""


class _Similar(_Earlier):
    """An earlier incident of another group, with its alert's name and message."""

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
    """The severity that a person gave to such alerts earlier, for an alert whose source states none."""

    tags: OwnerTags = OwnerTags()
    """The owner's tags of the alarm and its resource."""

    unreadable: tuple[Literal["alerts", "service", "earlier", "similar", "deployments"], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled incident. `name` is `<kind>/<folder>`."""

    name: str
    kind: Kind
    incident: Incident
    evidence: Evidence
    truth: Truth
    now: datetime
    declared: Declared = field(default_factory=Declared)

    def without_history(self) -> Self:
        """Return the case as if its alert were the first of its kind."""
        first = {"earlier": [], "similar": [], "same_name_last_hour": 1, "same_name_last_day": 1}
        return replace(self, evidence=self.evidence.model_copy(update=first))


_FILES = ("alert.yaml", "evidence.yaml", "truth.yaml")


def load(folder: Path = CASES) -> list[Case]:
    """Load all cases of a folder, sorted by name.

    Raises
    ------
    ConfigurationError
        A case lacks a file or a file is wrong; the message names the file and the mistake.
    """
    return [read(path) for path in sorted({path.parent for name in _FILES for path in folder.glob(f"*/*/{name}")})]


def read(folder: Path) -> Case:
    """Load the case in a folder. Raises ConfigurationError if a file is missing or wrong."""
    kind: Any = folder.parent.name
    if kind not in KINDS:
        raise ConfigurationError(f"{folder}: {kind} is no kind of case; move it to one of {', '.join(KINDS)}")
    alert_file = _parsed(folder / "alert.yaml", _AlertFile)
    snapshot = _parsed(folder / "evidence.yaml", _EvidenceFile)
    truth = _parsed(folder / "truth.yaml", Truth)
    declared = _parsed(folder / "declared.yaml", Declared) if (folder / "declared.yaml").exists() else Declared()
    incident = _incident(alert_file, folder, snapshot.now)
    past, tags = _Snapshot(snapshot), KnownTags(snapshot.tags)
    evidence = gather(incident, past, time_zone=snapshot.time_zone, now=snapshot.now, alarms=tags)
    return Case(f"{kind}/{folder.name}", kind, incident, evidence, truth, snapshot.now.astimezone(UTC), declared)


class _Snapshot:
    """An `EvidenceSource` that answers from a case's evidence file instead of the table."""

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
            raise HistoryUnavailable(f"the table throttled the read of {what}")


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
    """Return the body of a case's alert, with SNS's `Message` as JSON text even if the case writes it as YAML."""
    body = file.body
    if isinstance(body, dict) and isinstance(body.get("Message"), dict):
        return body | {"Message": json.dumps(body["Message"])}
    return body


def _parsed[M: BaseModel](path: Path, model: type[M]) -> M:
    return load_policy(path, model, missing="a case has three files: alert.yaml, evidence.yaml and truth.yaml")
