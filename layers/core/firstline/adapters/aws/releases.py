"""CodeDeploy and AppConfig: what was released, and when. Read only; the state machine is what deploys."""

from collections.abc import Callable, Iterator, Mapping
from itertools import batched
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from firstline.errors import ReleasesUnreadable
from firstline.remediation.releases import Deployed, ReleaseHistory

if TYPE_CHECKING:
    from mypy_boto3_appconfig import AppConfigClient
    from mypy_boto3_appconfig.type_defs import DeploymentSummaryTypeDef
    from mypy_boto3_codedeploy import CodeDeployClient
    from mypy_boto3_codedeploy.type_defs import DeploymentInfoTypeDef, RevisionLocationTypeDef

LOOKED_BACK = 100
"""How many deployments of a group are read, what ListDeployments shows at once."""

AT_ONCE = 25
"""How many BatchGetDeployments takes, and how many of an environment are read."""

type State = Literal["in progress", "good", "failed", "taken back"]

_CODE_DEPLOY: dict[str, State] = {"Succeeded": "good", "Failed": "failed", "Stopped": "failed"}
_APP_CONFIG: dict[str, State] = {
    "COMPLETE": "good",
    "ROLLING_BACK": "taken back",
    "ROLLED_BACK": "taken back",
    "REVERTED": "taken back",
}
"""Every other state is one of a deployment in progress."""

_SCALING = ("autoscaling", "autoscalingTermination", "CodeDeployAutoUpdate")
"""Creators of a deployment that brings hosts what the others have already: nothing was released."""

_BY_ITSELF = ("codeDeployRollback", "CloudFormationRollback")
"""Creators of a deployment that takes another one back."""


class ReleaseRecords:
    """What was released, as the services tell it.

    The clients are asked for when they are needed: most plans need neither, and a cold start waits for each.
    """

    def __init__(
        self, codedeploy: "Callable[[], CodeDeployClient]", appconfig: "Callable[[], AppConfigClient]"
    ) -> None:
        self._codedeploy, self._appconfig = codedeploy, appconfig

    def of_group(self, application: str, deployment_group: str) -> ReleaseHistory:
        """What CodeDeploy deployed to a deployment group, of its last 100 deployments those that released something.

        Only to EC2 and on-premises hosts: a revision for ECS or Lambda is a text that GetDeployment leaves out, and one
        for Lambda names the version that it comes from.

        Raises
        ------
        ReleasesUnreadable
            CodeDeploy does not answer, or not what it must.
        """
        place = f"{application}/{deployment_group}"
        try:
            group = self._codedeploy().get_deployment_group(
                applicationName=application, deploymentGroupName=deployment_group
            )["deploymentGroupInfo"]
            if group.get("computePlatform", "Server") != "Server":
                raise ReleasesUnreadable(f"{place} is for {group['computePlatform']}; only hosts can be put back")
            ids = self._codedeploy().list_deployments(
                applicationName=application, deploymentGroupName=deployment_group
            )["deployments"][:LOOKED_BACK]
            infos = [
                info
                for some in batched(ids, AT_ONCE, strict=False)
                for info in self._codedeploy().batch_get_deployments(deploymentIds=list(some))["deploymentsInfo"]
            ]
        except (ClientError, BotoCoreError) as error:
            raise ReleasesUnreadable(f"CodeDeploy does not say what was released to {place}: {error}") from error
        began = {info["deploymentId"]: info["createTime"] for info in infos}
        released = [_of_code_deploy(info) for info in infos if info.get("creator") not in _SCALING]
        deployed = sorted(released, key=lambda one: one.at, reverse=True)
        latest = group.get("lastAttemptedDeployment", {}).get("deploymentId", "")
        # The order of ListDeployments is not documented. Nothing that was read may be newer than the group's last one.
        if (latest or infos) and (latest not in began or any(one.at > began[latest] for one in deployed)):
            raise ReleasesUnreadable(f"CodeDeploy does not agree with itself on what was released last to {place}")
        watched = group.get("alarmConfiguration", {})
        alarms = [alarm["name"] for alarm in watched.get("alarms", [])] if watched.get("enabled") else []
        return ReleaseHistory(deployed=deployed, latest=latest, alarms=alarms)

    def of_configuration(self, application: str, environment: str, profile: str) -> ReleaseHistory:
        """What AppConfig deployed of a configuration profile to an environment, the last 25 times or fewer.

        Raises
        ------
        ReleasesUnreadable
            AppConfig does not answer.
        """
        place = f"{application}/{environment}"
        try:
            where = self._appconfig().get_environment(ApplicationId=application, EnvironmentId=environment)
            name = self._appconfig().get_configuration_profile(
                ApplicationId=application, ConfigurationProfileId=profile
            )["Name"]
            items = self._appconfig().list_deployments(
                ApplicationId=application, EnvironmentId=environment, MaxResults=AT_ONCE
            )["Items"]
        except (ClientError, BotoCoreError) as error:
            raise ReleasesUnreadable(f"AppConfig does not say what was released to {place}: {error}") from error
        newest_first = sorted(items, key=lambda item: item["DeploymentNumber"], reverse=True)
        others = [_of_app_config(item) for item in newest_first if not _is_of(item, profile, name)]
        return ReleaseHistory(
            deployed=[_of_app_config(item) for item in newest_first if _is_of(item, profile, name)],
            # An environment takes one deployment at a time.
            busy_with=next((one.deployment for one in others if one.state == "in progress"), None),
            latest=str(newest_first[0]["DeploymentNumber"]) if newest_first else "",
            alarms=[monitor["AlarmArn"].split(":alarm:")[-1] for monitor in where.get("Monitors", [])],
        )


def _of_code_deploy(info: "DeploymentInfoTypeDef") -> Deployed:
    revision = _revision(info.get("revision", {}))
    again: dict[str, Any] = {"Revision": revision}
    # As it was deployed then, not as the group's defaults are now.
    for name in ("deploymentConfigName", "fileExistsBehavior", "ignoreApplicationStopFailures"):
        if info.get(name):
            again[_pascal(name)] = info[name]
    return Deployed(
        deployment=info["deploymentId"],
        what=_words(info.get("revision", {})),
        state=_CODE_DEPLOY.get(info["status"], "in progress"),
        at=info["createTime"],
        ended_at=info.get("completeTime"),
        rollback=info.get("creator") in _BY_ITSELF or "rollbackTriggeringDeploymentId" in info.get("rollbackInfo", {}),
        request=again if revision else None,
    )


def _revision(revision: "RevisionLocationTypeDef") -> dict[str, Any] | None:
    """A revision as the state machine names it, if it can be only one: S3 with a version or ETag, GitHub's commit."""
    match revision.get("revisionType"):
        case "S3":
            location = revision["s3Location"]
            exact = location.get("version") or location.get("eTag")
            return {"RevisionType": "S3", "S3Location": _pascals(location)} if exact else None
        case "GitHub":
            return {"RevisionType": "GitHub", "GitHubLocation": _pascals(revision["gitHubLocation"])}
    return None


def _words(revision: "RevisionLocationTypeDef") -> str:
    match revision.get("revisionType"):
        case "S3":
            location = revision["s3Location"]
            exact = location.get("version") or location.get("eTag")
            return f"s3://{location.get('bucket')}/{location.get('key')}" + (f" ({exact.strip('"')})" if exact else "")
        case "GitHub":
            commit = revision["gitHubLocation"]
            return f"{commit.get('repository')} at {commit.get('commitId')}"
        case other:
            return f"a revision of the kind {other or 'unknown'}"


def _of_app_config(item: "DeploymentSummaryTypeDef") -> Deployed:
    label = f" ({item['VersionLabel']})" if item.get("VersionLabel") else ""
    return Deployed(
        deployment=str(item["DeploymentNumber"]),
        what=f"{item['ConfigurationName']} version {item['ConfigurationVersion']}{label}",
        state=_APP_CONFIG.get(item["State"], "in progress"),
        at=item["StartedAt"],
        ended_at=item.get("CompletedAt"),
        request={"ConfigurationVersion": item["ConfigurationVersion"]},
    )


def _is_of(item: "DeploymentSummaryTypeDef", profile: str, name: str) -> bool:
    """An older SDK does not read the profile's id; its name is unique in an application then."""
    return item.get("ConfigurationProfileId", profile) == profile and item["ConfigurationName"] == name


def _pascals(members: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_spelled(members))


def _spelled(members: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in members.items():
        if value:
            yield _pascal(name), value


def _pascal(name: str) -> str:
    """`s3Location` is `S3Location` to Step Functions, whatever the API calls it."""
    return name[0].upper() + name[1:]
