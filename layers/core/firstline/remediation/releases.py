"""Which release is taken back, and in favour of which? Decided from what CodeDeploy or AppConfig says was released.

A release that is taken back is the last thing that was deployed. The good one is the last that succeeded before, was
something else, and stood for a while. Whenever that is not beyond doubt there is no plan: a human can look further.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from pydantic import AwareDatetime, Field

from firstline.errors import NoPlan, ReleasesUnreadable
from firstline.models import Frozen, Incident, Name, PlannedRelease, Released, Text
from firstline.runbooks.release_steps import AppConfigRollback, CodeDeployRollback, ReleaseStep
from firstline.text import in_words


class Deployed(Frozen):
    """One deployment, as its service has it.

    `what` names the revision or version; where it is the same, the same was deployed. `request` deploys exactly that
    again; None where the service does not say exactly enough what it was. `rollback` is true when the service made it
    by itself to take another one back.
    """

    deployment: Name
    what: Text
    state: Literal["in progress", "good", "failed", "taken back"]
    at: AwareDatetime
    ended_at: AwareDatetime | None
    rollback: bool = False
    request: dict[str, Any] | None = None


class ReleaseHistory(Frozen):
    """What was deployed at one place, the newest first. Any of `alarms` would stop a deployment while it fires.

    `latest` is the newest deployment there, whatever it brought: the place is untouched while that is the newest.
    `busy_with` is a deployment in progress there that is about something else.
    """

    deployed: list[Deployed]
    latest: str
    busy_with: str | None = None
    alarms: list[str] = Field(default=[])


class Releases(Protocol):
    """The deployments that CodeDeploy and AppConfig know. Both methods raise `ReleasesUnreadable`."""

    def of_group(self, application: str, deployment_group: str) -> ReleaseHistory:
        """Read the deployments of CodeDeploy to a deployment group."""

    def of_configuration(self, application: str, environment: str, profile: str) -> ReleaseHistory:
        """Read the deployments of AppConfig of a configuration profile to an environment, by ids."""


def plan_release(
    step: ReleaseStep, values: dict[str, str], incident: Incident, *, releases: Releases, listed: Collection[str]
) -> PlannedRelease:
    """The release that a step takes back, pinned: this deployment, in favour of exactly that one.

    Parameters
    ----------
    values
        The runbook's parameters.
    listed
        The ARNs in the stack's ReleaseArns. Nothing else is even looked at; IAM says the same once more.

    Raises
    ------
    NoPlan
        It is not listed, or there is no release to go back to, or none to blame.
    """
    match step:
        case CodeDeployRollback():
            return _of_group(step, values, incident, releases, listed)
        case AppConfigRollback():
            return _of_configuration(step, values, incident, releases, listed)
    raise NoPlan(f"step {step.id} is of a kind that nobody knows")


def _of_group(
    step: CodeDeployRollback, values: dict[str, str], incident: Incident, releases: Releases, listed: Collection[str]
) -> PlannedRelease:
    application, group = step.value("application", values), step.value("deployment_group", values)
    place = f"{application}/{group}"
    _ensure_listed(f":deploymentgroup:{place}", listed)
    try:
        history = releases.of_group(application, group)
    except ReleasesUnreadable as error:
        raise NoPlan(str(error)) from None
    bad, good = decide(history, place, incident, step)
    marker = _marker(incident)
    return PlannedRelease(
        step_id=step.id,
        through="codedeploy",
        place=place,
        taken_back=_released(bad),
        put_back=_released(good),
        latest=history.latest,
        stop=bad.state == "in progress",
        request={
            "ApplicationName": application,
            "DeploymentGroupName": group,
            "Description": marker,
            # The group's own rollback would put the release back that is being taken away.
            "AutoRollbackConfiguration": {"Enabled": False},
            **(good.request or {}),
        },
        marker=marker,
        timeout_seconds=int(step.timeout.total_seconds()),
    )


def _of_configuration(
    step: AppConfigRollback, values: dict[str, str], incident: Incident, releases: Releases, listed: Collection[str]
) -> PlannedRelease:
    application, environment = step.value("application", values), step.value("environment", values)
    profile = step.value("configuration_profile", values)
    place = f"{application}/{environment}"
    _ensure_listed(f":application/{application}/environment/{environment}", listed)
    _ensure_listed(f":application/{application}/configurationprofile/{profile}", listed)
    try:
        history = releases.of_configuration(application, environment, profile)
    except ReleasesUnreadable as error:
        raise NoPlan(str(error)) from None
    bad, good = decide(history, place, incident, step)
    marker = _marker(incident)
    stop = bad.state == "in progress"
    if stop and good is not history.deployed[1]:
        raise NoPlan(f"nobody can tell what is there once deployment {bad.deployment} to {place} is stopped")
    where = {"ApplicationId": application, "EnvironmentId": environment}
    return PlannedRelease(
        step_id=step.id,
        through="appconfig",
        place=place,
        taken_back=_released(bad),
        put_back=_released(good),
        latest=history.latest,
        stop=stop,
        # Without AllowRevert only a deployment that still grows can be stopped, not one that bakes.
        request={**where, "DeploymentNumber": int(bad.deployment), "AllowRevert": True}
        if stop
        else {
            **where,
            "ConfigurationProfileId": profile,
            "DeploymentStrategyId": step.strategy,
            "Description": marker,
            **(good.request or {}),
        },
        marker=marker,
        timeout_seconds=int(step.timeout.total_seconds()),
    )


def decide(history: ReleaseHistory, place: str, incident: Incident, step: ReleaseStep) -> tuple[Deployed, Deployed]:
    """The release to blame, and the one to go back to.

    Raises
    ------
    NoPlan
        With the reason in words.
    """
    if not history.deployed:
        raise NoPlan(f"nothing was ever released to {place}")
    if history.busy_with:
        raise NoPlan(f"deployment {history.busy_with} to {place} is in progress, and about something else")
    last, *before = history.deployed
    _ensure_to_blame(last, before, place, incident.alert.timestamp, step.released_within)
    if incident.alert.alert_name in history.alarms:
        raise NoPlan(
            f"the alarm {incident.alert.alert_name} fires, and it stops every deployment to {place} until it ends"
        )
    good = _good(last, before, step.stood_for)
    if good is None:
        raise NoPlan(f"{place} has no earlier release that stood for {in_words(step.stood_for)}")
    if good.request is None:
        raise NoPlan(f"nobody can tell exactly what {good.deployment} released to {place}: {good.what}")
    return last, good


def _ensure_to_blame(
    last: Deployed, before: Sequence[Deployed], place: str, began: datetime, within: timedelta
) -> None:
    """That the alert follows a release, and that nobody has dealt with it already."""
    earlier = [one.what for one in before if one.state == "good"]
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
    """The newest release that succeeded, was another one, and stood until something else replaced it."""
    newer = [last]
    for one in before:
        if one.state == "good":
            replaced_at = next(other.at for other in reversed(newer) if other.what != one.what)
            if replaced_at - (one.ended_at or one.at) >= stood_for:
                return one
            newer.append(one)
    return None


def _ensure_listed(ending: str, listed: Collection[str]) -> None:
    if not any(arn.endswith(ending) for arn in listed):
        raise NoPlan(f"{ending.lstrip(':')} is not among the stack's ReleaseArns")


def _released(deployed: Deployed) -> Released:
    return Released(deployment=deployed.deployment, what=deployed.what, at=deployed.ended_at or deployed.at)


def _marker(incident: Incident) -> str:
    return f"Firstline: {incident.incident_id}"
