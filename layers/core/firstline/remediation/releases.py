"""The choice of the release to take back and of the one to put back, from the history of CodeDeploy or AppConfig.

The release to take back is the last one deployed. The release to put back is the newest one before it that succeeded,
differs from it and was in place for a while. If there is any doubt there is no plan, and a human is called.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, Protocol

from pydantic import AwareDatetime, Field

from firstline.errors import NoPlan, ReleasesUnreadable
from firstline.models import Frozen, Incident, Name, PlannedRelease, Released, Text
from firstline.runbooks.release_steps import AppConfigRollback, CodeDeployRollback, ReleaseStep
from firstline.text import in_words


class Deployed(Frozen):
    """One deployment of CodeDeploy or AppConfig.

    `what` names the deployed revision or version. `request` is a request that deploys exactly this again; None if the
    service does not say exactly what it deployed. `rollback` is true if the service itself made the deployment to take
    another one back.
    """

    deployment: Name
    what: Text
    state: Literal["in progress", "good", "failed", "taken back"]
    at: AwareDatetime
    ended_at: AwareDatetime | None
    rollback: bool = False
    request: dict[str, Any] | None = None


class ReleaseHistory(Frozen):
    """The deployments to one place, newest first.

    `latest` is the newest deployment to the place, of any content: as long as it stays the newest, nobody has changed
    the place. `busy_with` is a deployment in progress to the same place that deploys something else. Each of `alarms`
    stops deployments to the place while it fires.
    """

    deployed: list[Deployed]
    latest: str
    busy_with: str | None = None
    alarms: list[str] = Field(default=[])


class Releases(Protocol):
    """The reader of deployments in CodeDeploy and AppConfig. Both methods raise `ReleasesUnreadable`."""

    def of_group(self, application: str, deployment_group: str) -> ReleaseHistory:
        """Read CodeDeploy's deployments to a deployment group."""

    def of_configuration(self, application: str, environment: str, profile: str) -> ReleaseHistory:
        """Read AppConfig's deployments of a configuration profile to an environment, all named by id."""


class _Place(NamedTuple):
    """A deployment group or environment: its history, and the request for a deployment to it, without the release."""

    through: Literal["codedeploy", "appconfig"]
    name: str
    history: ReleaseHistory
    request: dict[str, Any]


def plan_release(
    step: ReleaseStep, values: dict[str, str], incident: Incident, *, releases: Releases, listed: Collection[str]
) -> PlannedRelease:
    """Plan the deployment that a step takes back, and the release that it puts back.

    Parameters
    ----------
    values
        The values of the runbook's parameters.
    listed
        The ARNs in the stack's ReleaseArns. Only these places are read; IAM enforces the same.

    Raises
    ------
    NoPlan
        The place is not listed, or it has no release to blame or none to go back to.
    """
    through, place, history, request = _read_place(step, values, releases, listed)
    bad, good = _choose(history, place, incident, step)
    marker, stop = f"Firstline: {incident.incident_id}", bad.state == "in progress"
    if through == "appconfig" and stop:
        if good is not history.deployed[1]:
            raise NoPlan(f"cannot determine which version {place} runs after deployment {bad.deployment} is stopped")
        where = {name: request[name] for name in ("ApplicationId", "EnvironmentId")}
        # Without AllowRevert only a deployment that still grows can be stopped, not one that bakes.
        request = {**where, "DeploymentNumber": int(bad.deployment), "AllowRevert": True}
    else:
        request = {**request, "Description": marker, **(good.request or {})}
    return PlannedRelease(
        step_id=step.id,
        through=through,
        place=place,
        taken_back=_released(bad),
        put_back=_released(good),
        latest=history.latest,
        stop=stop,
        request=request,
        marker=marker,
        timeout_seconds=int(step.timeout.total_seconds()),
    )


def _read_place(step: ReleaseStep, values: dict[str, str], releases: Releases, listed: Collection[str]) -> _Place:
    try:
        match step:
            case CodeDeployRollback():
                application, group = step.value("application", values), step.value("deployment_group", values)
                _ensure_listed(f":deploymentgroup:{application}/{group}", listed)
                # The group's own rollback would put the bad release back.
                fields = {"ApplicationName": application, "DeploymentGroupName": group}
                request = {**fields, "AutoRollbackConfiguration": {"Enabled": False}}
                return _Place("codedeploy", f"{application}/{group}", releases.of_group(application, group), request)
            case AppConfigRollback():
                application, environment = step.value("application", values), step.value("environment", values)
                profile = step.value("configuration_profile", values)
                _ensure_listed(f":application/{application}/environment/{environment}", listed)
                _ensure_listed(f":application/{application}/configurationprofile/{profile}", listed)
                history = releases.of_configuration(application, environment, profile)
                fields = {"ApplicationId": application, "EnvironmentId": environment, "ConfigurationProfileId": profile}
                request = {**fields, "DeploymentStrategyId": step.strategy}
                return _Place("appconfig", f"{application}/{environment}", history, request)
    except ReleasesUnreadable as error:
        raise NoPlan(str(error)) from None
    raise NoPlan(
        f"step {step.id} is a {type(step).__name__}, which this release of the stack cannot do; deploy the stack again"
    )


def _choose(history: ReleaseHistory, place: str, incident: Incident, step: ReleaseStep) -> tuple[Deployed, Deployed]:
    """Return the release to blame and the release to put back, or raise NoPlan.

    `place` names the place of the history in the reasons for people.
    """
    if not history.deployed:
        raise NoPlan(f"nothing was ever released to {place}")
    if history.busy_with:
        raise NoPlan(f"deployment {history.busy_with} to {place} is in progress, and deploys something else")
    last, *before = history.deployed
    _ensure_to_blame(last, before, place, incident.alert.timestamp, step.released_within)
    alarm = incident.alert.alert_name
    if alarm in history.alarms:
        raise NoPlan(f"the alarm {alarm} fires, and it stops every deployment to {place} until it ends")
    good = _good(last, before, step.stood_for)
    if good is None:
        raise NoPlan(f"{place} has no earlier release that was in place for {in_words(step.stood_for)}")
    if good.request is None:
        raise NoPlan(f"cannot determine exactly what {good.deployment} released to {place}: {good.what}")
    return last, good


def _ensure_to_blame(
    last: Deployed, before: Sequence[Deployed], place: str, began: datetime, within: timedelta
) -> None:
    """Raise NoPlan unless the alert began at most `within` after a new release that was not taken back already.

    `last` is the newest deployment to the place, `before` are the earlier ones, newest first, and `began` is the
    alert's time. `place` names the place in the reasons for people.
    """
    earlier = [deployed.what for deployed in before if deployed.state == "good"]
    if last.state == "taken back" or last.rollback:
        raise NoPlan(f"the last release to {place} was taken back already, by deployment {last.deployment}")
    if last.what in earlier:
        if earlier[0] == last.what:
            raise NoPlan(f"the last deployment to {place} brought nothing new: {last.what}")
        raise NoPlan(f"an earlier release was put back on {place} already, by deployment {last.deployment}")
    if last.at > began:
        raise NoPlan(f"deployment {last.deployment} to {place} began after the alert: it is not the cause")
    since = began - (last.ended_at or last.at)
    if since > within:
        limit = in_words(within)
        raise NoPlan(f"the last release to {place} was {in_words(since)} before the alert; {limit} is the limit")


def _good(last: Deployed, before: Sequence[Deployed], stood_for: timedelta) -> Deployed | None:
    """Return the newest release in `before` that succeeded, differs from `last`, and was in place for `stood_for`."""
    newer = [last]
    for deployed in before:
        if deployed.state == "good":
            replaced_at = next(later.at for later in reversed(newer) if later.what != deployed.what)
            if replaced_at - (deployed.ended_at or deployed.at) >= stood_for:
                return deployed
            newer.append(deployed)
    return None


def _ensure_listed(ending: str, listed: Collection[str]) -> None:
    if not any(arn.endswith(ending) for arn in listed):
        raise NoPlan(f"{ending.lstrip(':')} is not among the stack's ReleaseArns: add its ARN to allow this")


def _released(deployed: Deployed) -> Released:
    return Released(deployment=deployed.deployment, what=deployed.what, at=deployed.ended_at or deployed.at)
