"""Releases as CodeDeploy and AppConfig recorded them. Read only; the state machine is what deploys."""

from collections.abc import Callable, Mapping
from itertools import batched
from typing import TYPE_CHECKING, Any, Literal

from firstline.adapters.aws.clients import raising
from firstline.errors import ReleasesUnreadable
from firstline.remediation.releases import Deployed, ReleaseHistory

if TYPE_CHECKING:
    from mypy_boto3_appconfig import AppConfigClient
    from mypy_boto3_appconfig.type_defs import DeploymentSummaryTypeDef
    from mypy_boto3_codedeploy import CodeDeployClient
    from mypy_boto3_codedeploy.type_defs import DeploymentInfoTypeDef, RevisionLocationTypeDef

LOOKED_BACK = 100
"""The number of a group's deployments that are read: what ListDeployments returns at once."""

AT_ONCE = 25
"""The number of deployments that BatchGetDeployments takes, and that are read of an environment."""

type State = Literal["in progress", "good", "failed", "taken back"]

_CODE_DEPLOY: dict[str, State] = {"Succeeded": "good", "Failed": "failed", "Stopped": "failed"}
_TAKEN_BACK: dict[str, State] = dict.fromkeys(("ROLLING_BACK", "ROLLED_BACK", "REVERTED"), "taken back")
_APP_CONFIG: dict[str, State] = {"COMPLETE": "good", **_TAKEN_BACK}
"""The states of AppConfig's deployments; every state that is not listed means that the deployment is in progress."""

_SCALING = ("autoscaling", "autoscalingTermination", "CodeDeployAutoUpdate")
"""Creators of a deployment that brings new hosts the revision of the others, so that nothing new is released."""

_BY_ITSELF = ("codeDeployRollback", "CloudFormationRollback")
"""Creators of a deployment that takes another one back."""


class ReleaseRecords:
    """A reader of the releases that CodeDeploy and AppConfig recorded.

    Each client is built when it is needed: most plans need none, and a cold start waits for each.
    """

    def __init__(
        self, codedeploy: "Callable[[], CodeDeployClient]", appconfig: "Callable[[], AppConfigClient]"
    ) -> None:
        self._codedeploy, self._appconfig = codedeploy, appconfig

    def of_group(self, application: str, deployment_group: str) -> ReleaseHistory:
        """Return a deployment group's last 100 deployments, newest first.

        Deployments that only bring the group's present revision to new hosts are left out.

        Only for EC2 and on-premises hosts: CodeDeploy does not return the whole revision of a deployment to ECS or
        Lambda, so it could not be deployed again.

        Raises
        ------
        ReleasesUnreadable
            CodeDeploy does not answer, or its answers contradict each other.
        """
        place = f"{application}/{deployment_group}"
        names: dict[str, Any] = {"applicationName": application, "deploymentGroupName": deployment_group}
        with raising(ReleasesUnreadable, f"CodeDeploy does not say what was released to {place}"):
            codedeploy = self._codedeploy()
            group = codedeploy.get_deployment_group(**names)["deploymentGroupInfo"]
            if group.get("computePlatform", "Server") != "Server":
                platform = group["computePlatform"]
                raise ReleasesUnreadable(f"{place} is for {platform}; only releases on hosts can be put back")
            ids = codedeploy.list_deployments(**names)["deployments"][:LOOKED_BACK]
            infos: list[DeploymentInfoTypeDef] = []
            for batch in batched(ids, AT_ONCE, strict=False):
                infos += codedeploy.batch_get_deployments(deploymentIds=list(batch))["deploymentsInfo"]
        began = {info["deploymentId"]: info["createTime"] for info in infos}
        released = [_of_code_deploy(info) for info in infos if info.get("creator") not in _SCALING]
        deployed = sorted(released, key=lambda deployment: deployment.at, reverse=True)
        latest = group.get("lastAttemptedDeployment", {}).get("deploymentId", "")
        # The order of ListDeployments is not documented, but no deployment in it may be newer than the group's last.
        if (latest or infos) and (latest not in began or any(release.at > began[latest] for release in deployed)):
            contradiction = f"CodeDeploy's answers contradict each other on what was released last to {place}"
            raise ReleasesUnreadable(f"{contradiction}: roll back in the CodeDeploy console, where all are listed")
        watched = group.get("alarmConfiguration", {})
        alarms = [alarm["name"] for alarm in watched.get("alarms", [])] if watched.get("enabled") else []
        return ReleaseHistory(deployed=deployed, latest=latest, alarms=alarms)

    def of_configuration(self, application: str, environment: str, profile: str) -> ReleaseHistory:
        """Return an environment's last 25 or fewer deployments of a configuration profile, newest first.

        The application, the environment and the profile are given by their ids in AppConfig.

        Raises
        ------
        ReleasesUnreadable
            AppConfig does not answer.
        """
        place = f"{application}/{environment}"
        ids = {"ApplicationId": application, "EnvironmentId": environment}
        with raising(ReleasesUnreadable, f"AppConfig does not say what was released to {place}"):
            client = self._appconfig()
            where = client.get_environment(**ids)
            named = client.get_configuration_profile(ApplicationId=application, ConfigurationProfileId=profile)
            items = client.list_deployments(**ids, MaxResults=AT_ONCE)["Items"]
        name = named["Name"]
        newest_first = sorted(items, key=lambda item: item["DeploymentNumber"], reverse=True)
        others = [_of_app_config(item) for item in newest_first if not _is_of(item, profile, name)]
        return ReleaseHistory(
            deployed=[_of_app_config(item) for item in newest_first if _is_of(item, profile, name)],
            # An environment takes one deployment at a time.
            busy_with=next((other.deployment for other in others if other.state == "in progress"), None),
            latest=str(newest_first[0]["DeploymentNumber"]) if newest_first else "",
            alarms=[monitor["AlarmArn"].split(":alarm:")[-1] for monitor in where.get("Monitors", [])],
        )


def _of_code_deploy(info: "DeploymentInfoTypeDef") -> Deployed:
    revision = _revision(info.get("revision", {}))
    # As it was deployed then, not as the group's defaults are now.
    options = ("deploymentConfigName", "fileExistsBehavior", "ignoreApplicationStopFailures")
    again = {"Revision": revision, **_pascals({name: info.get(name) for name in options})}
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
    """Return a revision as Step Functions takes it; None if its content may change (S3 without version and ETag)."""
    match revision.get("revisionType"):
        case "S3" if revision["s3Location"].get("version") or revision["s3Location"].get("eTag"):
            return {"RevisionType": "S3", "S3Location": _pascals(revision["s3Location"])}
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
    """Return True if a deployment is of the configuration profile with the id `profile` and the name `name`.

    An older SDK returns only the name, which then decides.
    """
    return item.get("ConfigurationProfileId", profile) == profile and item["ConfigurationName"] == name


def _pascals(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return those members of a boto3 answer that have a value, with Step Functions' keys, such as `S3Location`."""
    return {name[0].upper() + name[1:]: value for name, value in members.items() if value}
