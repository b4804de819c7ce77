"""CodeDeploy and AppConfig on one machine: past releases, and new deployments that end as a test scripts them.

Requests and answers are those of the two APIs, as far as Firstline uses them; nothing is really installed. A deployment
succeeds after it was read twice, unless a `Course` says otherwise.
"""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from local.emulator.server import ServiceError

NEVER = 1_000_000
"""A number of reads that no test makes: with it as `looks`, a deployment never ends."""

_ENVIRONMENT = re.compile(r"/applications/([^/]+)/environments/([^/]+)(/deployments(?:/([0-9]+))?)?/?")
_PROFILE = re.compile(r"/applications/([^/]+)/configurationprofiles/([^/]+)/?")
_IN_PROGRESS = {"codedeploy": "InProgress", "appconfig": "DEPLOYING"}
_GOOD = {"codedeploy": "Succeeded", "appconfig": "COMPLETE"}
_BUSY = {"codedeploy": ("DeploymentLimitExceededException", 400), "appconfig": ("ConflictException", 409)}

GROUP = "shop/production"
"""The CodeDeploy application and deployment group of the sample releases."""

FLAGS = ("abc1234", "def5678", "ghi9012")
"""The AppConfig application, environment and configuration profile of the sample releases' flags."""


@dataclass(frozen=True)
class Course:
    """The scripted course of the next deployment.

    Attributes
    ----------
    status
        The final status, in the service's word; None means success.
    message
        CodeDeploy's message about a failure.
    looks
        The number of reads for which the deployment is still in progress.
    refusal
        The code and the message of the error with which the service refuses the deployment.
    lost
        The deployment begins, but the connection drops before the answer.
    hangs
        The deployment begins, but the answer comes only when `Releases.over` is set.
    unreadable
        The service fails whenever the deployment is read.
    on_look
        Called at the first read of the deployment.
    """

    status: str | None = None
    message: str = ""
    looks: int = 2
    refusal: tuple[str, str] | None = None
    lost: bool = False
    hangs: bool = False
    unreadable: bool = False
    on_look: Callable[[], object] | None = None


@dataclass
class Deployment:
    """A deployment. `what` is a revision of CodeDeploy, or a configuration profile of AppConfig and its version."""

    id: str
    what: Any
    at: datetime
    course: Course
    request: dict[str, Any] = field(default_factory=dict)
    creator: str = "user"
    state: str | None = None
    looked: int = 0


@dataclass
class Destination:
    """A deployment group, named `application/group`, or an AppConfig environment, named `application/environment`."""

    name: str
    service: Literal["codedeploy", "appconfig"]
    deployments: list[Deployment] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    platform: str = "Server"

    @property
    def running(self) -> Deployment | None:
        """The deployment in progress, or None."""
        in_progress = _IN_PROGRESS[self.service]
        return next((each for each in self.deployments if self.status(each) == in_progress), None)

    def status(self, deployment: Deployment) -> str:
        """Return a deployment's status in the service's words."""
        if deployment.state:
            return deployment.state
        over = deployment.looked > deployment.course.looks
        return deployment.course.status or _GOOD[self.service] if over else _IN_PROGRESS[self.service]

    def add(self, what: Any, at: datetime, course: Course, **more: Any) -> Deployment:
        """Record a deployment that began at the time `at`, with the next id and the fields `more`; return it."""
        number = len(self.deployments) + 1
        name = f"d-{self.name.replace('/', '-')}-{number}" if self.service == "codedeploy" else str(number)
        self.deployments.append(Deployment(name, what, at, course, **more))
        return self.deployments[-1]


class Releases:
    """CodeDeploy and AppConfig, emulated. `sent` has the deployments that Firstline began.

    `stops` counts the requests to stop a deployment of CodeDeploy, which stops at request number `stops_needed`.
    """

    def __init__(self) -> None:
        self.destinations: dict[str, Destination] = {}
        self.profiles: dict[str, str] = {}
        self.sent: list[Deployment] = []
        self.attempts = 0
        self.stops, self.stops_needed = 0, 1
        self.over = threading.Event()
        self._courses: list[Course] = []
        self._lock = threading.RLock()
        self.operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "GetDeploymentGroup": self._get_group,
            "ListDeployments": self._list,
            "BatchGetDeployments": self._batch_get,
            "GetDeployment": self._get,
            "CreateDeployment": self._create,
            "StopDeployment": self._stop,
        }

    # --- past and future releases -------------------------------------------------------------------------------------

    def group(self, name: str, **changes: Any) -> Destination:
        """Return the deployment group `application/group`, made with the fields `changes` if it is missing."""
        return self.destinations.setdefault(name, Destination(name, "codedeploy", **changes))

    def environment(self, name: str, **changes: Any) -> Destination:
        """Return AppConfig's environment `application/environment`, made with the fields `changes` if it is missing."""
        return self.destinations.setdefault(name, Destination(name, "appconfig", **changes))

    def released(
        self, destination: str, what: Any, *, ago: timedelta, state: str | None = None, creator: str = "user"
    ) -> Deployment:
        """Record a past deployment of `what`, which began some time ago and took a minute, and return it.

        `state` is how it ended, in the service's word; None means success. `creator` is CodeDeploy's field
        of that name: who began it.
        """
        where = self.destinations[destination]
        at = datetime.now(UTC) - ago
        return where.add(what, at, Course(), creator=creator, state=state or _GOOD[where.service])

    def script(self, *courses: Course) -> None:
        """Set the courses of the next deployments, one for each; the last course counts for all later ones too."""
        self._courses = list(courses)

    # --- CodeDeploy: JSON 1.1 -----------------------------------------------------------------------------------------

    def _get_group(self, request: dict[str, Any]) -> dict[str, Any]:
        group = self._group(request)
        alarms = [{"name": alarm} for alarm in group.alarms]
        info: dict[str, Any] = {
            "applicationName": request["applicationName"],
            "deploymentGroupName": request["deploymentGroupName"],
            "computePlatform": group.platform,
            "alarmConfiguration": {"enabled": bool(alarms), "alarms": alarms},
        }
        if group.deployments:
            last = group.deployments[-1]
            info["lastAttemptedDeployment"] = {"deploymentId": last.id, "status": group.status(last)}
        return {"deploymentGroupInfo": info}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"deployments": [deployment.id for deployment in reversed(self._group(request).deployments)]}

    def _batch_get(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"deploymentsInfo": [_info(*self._found(identifier)) for identifier in request["deploymentIds"]]}

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        group, deployment = self._found(request["deploymentId"])
        _look(deployment)
        return {"deploymentInfo": _info(group, deployment)}

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"deploymentId": self._deploy(self._group(request), request["revision"], request).id}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        group, deployment = self._found(request["deploymentId"])
        self.stops += 1
        if group.status(deployment) != _IN_PROGRESS["codedeploy"]:
            raise ServiceError("DeploymentAlreadyCompletedException", f"{deployment.id} is over.")
        if self.stops >= self.stops_needed:
            deployment.state = "Stopped"
        return {"status": "Pending", "statusMessage": "Hosts finish their current step."}

    def _group(self, request: dict[str, Any]) -> Destination:
        name = f"{request['applicationName']}/{request['deploymentGroupName']}"
        if name not in self.destinations:
            raise ServiceError("DeploymentGroupDoesNotExistException", f"No Deployment Group found for name: {name}")
        return self.destinations[name]

    def _found(self, deployment_id: str) -> tuple[Destination, Deployment]:
        for group in self.destinations.values():
            for deployment in group.deployments:
                if deployment.id == deployment_id and group.service == "codedeploy":
                    return group, deployment
        raise ServiceError("DeploymentDoesNotExistException", f"There is no deployment {deployment_id}.")

    # --- AppConfig: REST ----------------------------------------------------------------------------------------------

    def rest(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of the answer to a request of AppConfig's REST API.

        Raises
        ------
        ServiceError
            ResourceNotFoundException, BadRequestException, ConflictException, or the error that a `Course` prescribes.
        """
        if profile := _PROFILE.fullmatch(path):
            if profile[2] not in self.profiles:
                raise ServiceError("ResourceNotFoundException", f"There is no configuration profile {profile[2]}.", 404)
            return 200, {"ApplicationId": profile[1], "Id": profile[2], "Name": self.profiles[profile[2]]}
        found = _ENVIRONMENT.fullmatch(path)
        environment = self.destinations.get(f"{found[1]}/{found[2]}") if found else None
        if found is None or environment is None or environment.service != "appconfig":
            raise ServiceError("ResourceNotFoundException", f"There is no AppConfig environment at {path}.", 404)
        if found[4]:
            return self._one_deployment(method, environment, found[4])
        if not found[3]:
            arns = [f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}" for name in environment.alarms]
            return 200, {"Id": found[2], "Monitors": [{"AlarmArn": arn} for arn in arns]}
        if method == "GET":
            newest_first = reversed(environment.deployments)
            return 200, {"Items": [self._summary(environment, deployment) for deployment in newest_first]}
        request = json.loads(body)
        what = (request["ConfigurationProfileId"], request["ConfigurationVersion"])
        return 201, self._summary(environment, self._deploy(environment, what, request))

    def _one_deployment(self, method: str, environment: Destination, number: str) -> tuple[int, dict[str, Any]]:
        deployment = next((each for each in environment.deployments if each.id == number), None)
        if deployment is None:
            raise ServiceError(
                "ResourceNotFoundException", f"There is no deployment {number} in {environment.name}.", 404
            )
        if method == "DELETE":
            return 202, self._revert(environment, deployment)
        _look(deployment)
        description = deployment.request.get("Description")
        return 200, self._summary(environment, deployment) | ({"Description": description} if description else {})

    def _revert(self, environment: Destination, deployment: Deployment) -> dict[str, Any]:
        self.stops += 1
        state = environment.status(deployment)
        if state not in ("DEPLOYING", "BAKING", "COMPLETE"):
            raise ServiceError("BadRequestException", f"Deployment {deployment.id} is {state} and cannot be stopped.")
        deployment.state = "REVERTED" if state == "COMPLETE" else "ROLLED_BACK"
        return self._summary(environment, deployment)

    def _summary(self, environment: Destination, deployment: Deployment) -> dict[str, Any]:
        profile, version = deployment.what
        state = environment.status(deployment)
        summary: dict[str, Any] = {
            "DeploymentNumber": int(deployment.id),
            "ConfigurationProfileId": profile,
            "ConfigurationName": self.profiles[profile],
            "ConfigurationVersion": version,
            "State": state,
            "PercentageComplete": 20.0 if state == "DEPLOYING" else 100.0,
            "StartedAt": deployment.at.isoformat(),
        }
        if state not in ("DEPLOYING", "BAKING"):
            summary["CompletedAt"] = (deployment.at + timedelta(minutes=1)).isoformat()
        return summary

    # --- the course of a deployment -----------------------------------------------------------------------------------

    def _deploy(self, where: Destination, what: Any, request: dict[str, Any]) -> Deployment:
        """Begin a deployment and return it; raise if its `Course` refuses it or another deployment is in progress.

        `what` is the revision, or the configuration profile and its version; `request` is the whole request, which is
        kept with the deployment.
        """
        with self._lock:
            self.attempts += 1
            courses = self._courses
            course = (courses.pop(0) if len(courses) > 1 else courses[0]) if courses else Course()
            if course.refusal:
                raise ServiceError(*course.refusal, 429 if "Thrott" in course.refusal[0] else 400)
            if where.running:
                code, status = _BUSY[where.service]
                raise ServiceError(code, f"Deployment {where.running.id} is in progress.", status)
            deployment = self._begin(where, what, request, course)
        if course.lost:
            raise ConnectionResetError(
                f"The emulator drops the answer about a deployment in {where.name}, as it was told."
            )
        if course.hangs:
            self.over.wait(60)
        return deployment

    def _begin(self, where: Destination, what: Any, request: dict[str, Any], course: Course) -> Deployment:
        self.sent.append(where.add(what, datetime.now(UTC), course, request=request))
        return self.sent[-1]


def _look(deployment: Deployment) -> None:
    """Count a read of a deployment; raise an error, or call `on_look`, if the deployment's `Course` prescribes it."""
    deployment.looked += 1
    if deployment.course.unreadable:
        raise ServiceError("InternalServerException", "An internal error occurred.", 500)  # AWS's own words
    if deployment.course.on_look and deployment.looked == 1:
        deployment.course.on_look()


def _info(group: Destination, deployment: Deployment) -> dict[str, Any]:
    """Return CodeDeploy's description of a deployment."""
    application, name = group.name.split("/")
    status = group.status(deployment)
    info: dict[str, Any] = {
        "applicationName": application,
        "deploymentGroupName": name,
        "deploymentId": deployment.id,
        "deploymentConfigName": "CodeDeployDefault.OneAtATime",
        "revision": deployment.what,
        "status": status,
        "createTime": deployment.at.timestamp(),
        "creator": deployment.creator,
        "computePlatform": group.platform,
    }
    if "description" in deployment.request:
        info["description"] = deployment.request["description"]
    if status != _IN_PROGRESS["codedeploy"]:
        info["completeTime"] = (deployment.at + timedelta(minutes=1)).timestamp()
    if status in ("Failed", "Stopped"):
        info["errorInformation"] = {"code": "HEALTH_CONSTRAINTS", "message": deployment.course.message}
    return info


def sample_releases() -> Releases:
    """Return sample releases: two of a shop (CodeDeploy) and two of its flags (AppConfig).

    One of each pair is 3 days old, the other 30 minutes.
    """
    releases = Releases()
    application, environment, profile = FLAGS
    releases.group(GROUP)
    releases.environment(f"{application}/{environment}")
    releases.profiles[profile] = "checkout-flags"
    for ago, version in ((timedelta(days=3), "41"), (timedelta(minutes=30), "42")):
        bundle = {"bucket": "releases", "key": "shop.zip", "bundleType": "zip", "version": version}
        releases.released(GROUP, {"revisionType": "S3", "s3Location": bundle}, ago=ago)
        releases.released(f"{application}/{environment}", (profile, version), ago=ago)
    return releases


def release_arns(region: str, account: str) -> list[str]:
    """Return the ARNs of the sample releases, for the template's parameter ReleaseArns."""
    application, environment, profile = FLAGS
    mine = f"arn:aws:appconfig:{region}:{account}:application/{application}"
    return [
        f"arn:aws:codedeploy:{region}:{account}:application:{GROUP.split('/')[0]}",
        f"arn:aws:codedeploy:{region}:{account}:deploymentgroup:{GROUP}",
        mine,
        f"{mine}/environment/{environment}",
        f"{mine}/configurationprofile/{profile}",
    ]
