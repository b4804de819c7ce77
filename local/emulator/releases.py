"""CodeDeploy and AppConfig on one machine: what was released, and deployments that go as they are told.

Requests and answers have the shapes of the two APIs, as far as Firstline uses them; nothing is installed anywhere.
A deployment succeeds after two looks at it, unless a `Course` says otherwise.
"""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from local.emulator.server import ServiceError

NEVER = 1_000_000
"""Looks after which a deployment is over that never ends."""

_ENVIRONMENT = re.compile(r"/applications/([^/]+)/environments/([^/]+)(/deployments(?:/([0-9]+))?)?/?")
_PROFILE = re.compile(r"/applications/([^/]+)/configurationprofiles/([^/]+)/?")
_IN_PROGRESS = {"codedeploy": "InProgress", "appconfig": "DEPLOYING"}
_GOOD = {"codedeploy": "Succeeded", "appconfig": "COMPLETE"}


GROUP = "shop/production"
FLAGS = ("abc1234", "def5678", "ghi9012")
"""The releases on this machine: a shop through CodeDeploy, and its flags through AppConfig (application,
environment, profile)."""


@dataclass(frozen=True)
class Course:
    """How the next deployment goes.

    Attributes
    ----------
    status
        How it ends, in the service's word; None means well.
    message
        What CodeDeploy says of a failure.
    looks
        How many reads still see it in progress.
    refusal
        The service's error: code and message. Nothing is deployed.
    lost, hangs
        It begins, but the answer never comes: the connection drops, or stays open until `over` is set.
    unreadable
        The service fails whenever the deployment is read.
    on_look
        What happens in the world at the first look.
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
    """One deployment to a place. `what` is a revision of CodeDeploy, or a configuration's version."""

    id: str
    what: Any
    at: datetime
    course: Course
    request: dict[str, Any] = field(default_factory=dict)
    creator: str = "user"
    state: str | None = None
    looked: int = 0


@dataclass
class Place:
    """A deployment group (`application/group`), or an AppConfig environment (`application/environment`)."""

    service: str
    deployments: list[Deployment] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    platform: str = "Server"

    @property
    def running(self) -> Deployment | None:
        """The deployment in progress."""
        return next(
            (deployment for deployment in self.deployments if self.status(deployment) == _IN_PROGRESS[self.service]),
            None,
        )

    def status(self, deployment: Deployment) -> str:
        """How a deployment stands."""
        if deployment.state:
            return deployment.state
        over = deployment.looked > deployment.course.looks
        return deployment.course.status or _GOOD[self.service] if over else _IN_PROGRESS[self.service]


class Releases:
    """Both services. `sent` are the deployments that Firstline began, `stops` how often it asked to stop one.

    CodeDeploy's have stopped when they were asked `stops_needed` times.
    """

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
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

    # --- what is there ------------------------------------------------------------------------------------------------

    def group(self, name: str, **changes: Any) -> Place:
        """Return the deployment group `application/group`; make it where it is missing."""
        return self.places.setdefault(name, Place("codedeploy", **changes))

    def environment(self, name: str, **changes: Any) -> Place:
        """Return AppConfig's environment `application/environment`, by ids; make it where it is missing."""
        return self.places.setdefault(name, Place("appconfig", **changes))

    def released(
        self, place: str, what: Any, *, ago: timedelta, state: str | None = None, creator: str = "user"
    ) -> Deployment:
        """Something was deployed some time ago, and ended in a minute."""
        where = self.places[place]
        number = len(where.deployments) + 1
        name = f"d-{place.replace('/', '-')}-{number}" if where.service == "codedeploy" else str(number)
        at = datetime.now(UTC) - ago
        deployment = Deployment(name, what, at, Course(), creator=creator, state=state or _GOOD[where.service])
        where.deployments.append(deployment)
        return deployment

    def script(self, *courses: Course) -> None:
        """How the next deployments go, one after the other; the last one counts for all further ones."""
        self._courses = list(courses)

    # --- CodeDeploy: JSON 1.1 -----------------------------------------------------------------------------------------

    def _get_group(self, request: dict[str, Any]) -> dict[str, Any]:
        _, place = self._named(request)
        info: dict[str, Any] = {
            "applicationName": request["applicationName"],
            "deploymentGroupName": request["deploymentGroupName"],
            "computePlatform": place.platform,
            "alarmConfiguration": {
                "enabled": bool(place.alarms),
                "alarms": [{"name": alarm} for alarm in place.alarms],
            },
        }
        if place.deployments:
            last = place.deployments[-1]
            info["lastAttemptedDeployment"] = {"deploymentId": last.id, "status": place.status(last)}
        return {"deploymentGroupInfo": info}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        _, place = self._named(request)
        return {"deployments": [deployment.id for deployment in reversed(place.deployments)]}

    def _batch_get(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"deploymentsInfo": [self._info(*self._found(identifier)) for identifier in request["deploymentIds"]]}

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        name, deployment = self._found(request["deploymentId"])
        self._look(deployment)
        return {"deploymentInfo": self._info(name, deployment)}

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name, place = self._named(request)
        with self._lock:
            course = self._next_course()
            if place.running:
                raise ServiceError("DeploymentLimitExceededException", f"{place.running.id} is in progress.")
            number = len(place.deployments) + 1
            deployment = Deployment(
                f"d-{name.replace('/', '-')}-{number}", request["revision"], datetime.now(UTC), course, request
            )
            self._begin(place, deployment)
        self._answer_late(course)
        return {"deploymentId": deployment.id}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        name, deployment = self._found(request["deploymentId"])
        self.stops += 1
        if self.places[name].status(deployment) != _IN_PROGRESS["codedeploy"]:
            raise ServiceError("DeploymentAlreadyCompletedException", f"{deployment.id} is over.")
        if self.stops >= self.stops_needed:
            deployment.state = "Stopped"
        return {"status": "Pending", "statusMessage": "Hosts finish what they are at."}

    def _named(self, request: dict[str, Any]) -> tuple[str, Place]:
        name = f"{request['applicationName']}/{request['deploymentGroupName']}"
        if name not in self.places:
            raise ServiceError("DeploymentGroupDoesNotExistException", f"No Deployment Group found for name: {name}")
        return name, self.places[name]

    def _found(self, deployment_id: str) -> tuple[str, Deployment]:
        for name, place in self.places.items():
            for deployment in place.deployments:
                if deployment.id == deployment_id and place.service == "codedeploy":
                    return name, deployment
        raise ServiceError("DeploymentDoesNotExistException", f"There is no deployment {deployment_id}.")

    def _info(self, name: str, deployment: Deployment) -> dict[str, Any]:
        place = self.places[name]
        application, group = name.split("/")
        status = place.status(deployment)
        info: dict[str, Any] = {
            "applicationName": application,
            "deploymentGroupName": group,
            "deploymentId": deployment.id,
            "deploymentConfigName": "CodeDeployDefault.OneAtATime",
            "revision": deployment.what,
            "status": status,
            "createTime": deployment.at.timestamp(),
            "creator": deployment.creator,
            "computePlatform": place.platform,
        }
        if "description" in deployment.request:
            info["description"] = deployment.request["description"]
        if status != _IN_PROGRESS["codedeploy"]:
            info["completeTime"] = (deployment.at + timedelta(minutes=1)).timestamp()
        if status in ("Failed", "Stopped"):
            info["errorInformation"] = {"code": "HEALTH_CONSTRAINTS", "message": deployment.course.message}
        return info

    # --- AppConfig: REST ----------------------------------------------------------------------------------------------

    def rest(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """One request: the status and the answer.

        Raises
        ------
        ServiceError
            ResourceNotFoundException, ConflictException, or what a course says.
        """
        if profile := _PROFILE.fullmatch(path):
            if profile[2] not in self.profiles:
                raise ServiceError("ResourceNotFoundException", f"no configuration profile {profile[2]}", 404)
            return 200, {"ApplicationId": profile[1], "Id": profile[2], "Name": self.profiles[profile[2]]}
        found = _ENVIRONMENT.fullmatch(path)
        place = self.places.get(f"{found[1]}/{found[2]}") if found else None
        if found is None or place is None or place.service != "appconfig":
            raise ServiceError("ResourceNotFoundException", f"nothing at {path}", 404)
        _, environment, deployments, number = found.groups()
        if not deployments:
            arns = [f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}" for name in place.alarms]
            return 200, {"Id": environment, "Monitors": [{"AlarmArn": arn} for arn in arns]}
        if number:
            deployment = next((deployment for deployment in place.deployments if deployment.id == number), None)
            if deployment is None:
                raise ServiceError("ResourceNotFoundException", f"no deployment {number}", 404)
            if method == "DELETE":
                return 202, self._revert(place, deployment)
            self._look(deployment)
            said = {name: deployment.request[name] for name in ("Description",) if name in deployment.request}
            return 200, self._summary(place, deployment) | said
        if method == "GET":
            return 200, {"Items": [self._summary(place, deployment) for deployment in reversed(place.deployments)]}
        return 201, self._start(place, json.loads(body))

    def _revert(self, place: Place, deployment: Deployment) -> dict[str, Any]:
        self.stops += 1
        state = place.status(deployment)
        if state not in ("DEPLOYING", "BAKING", "COMPLETE"):
            raise ServiceError("BadRequestException", f"deployment {deployment.id} is {state}")
        deployment.state = "REVERTED" if state == "COMPLETE" else "ROLLED_BACK"
        return self._summary(place, deployment)

    def _start(self, place: Place, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            course = self._next_course()
            if place.running:
                raise ServiceError("ConflictException", f"deployment {place.running.id} is in progress", 409)
            what = (request["ConfigurationProfileId"], request["ConfigurationVersion"])
            deployment = Deployment(str(len(place.deployments) + 1), what, datetime.now(UTC), course, request)
            self._begin(place, deployment)
        self._answer_late(course)
        return self._summary(place, deployment)

    def _summary(self, place: Place, deployment: Deployment) -> dict[str, Any]:
        profile, version = deployment.what
        state = place.status(deployment)
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

    # --- how a deployment goes ----------------------------------------------------------------------------------------

    def _next_course(self) -> Course:
        self.attempts += 1
        courses = self._courses
        course = (courses.pop(0) if len(courses) > 1 else courses[0]) if courses else Course()
        if course.refusal:
            raise ServiceError(*course.refusal, 429 if "Thrott" in course.refusal[0] else 400)
        return course

    def _begin(self, place: Place, deployment: Deployment) -> None:
        place.deployments.append(deployment)
        self.sent.append(deployment)

    def _answer_late(self, course: Course) -> None:
        if course.lost:
            raise ConnectionResetError("the answer is lost")
        if course.hangs:
            self.over.wait(60)

    def _look(self, deployment: Deployment) -> None:
        deployment.looked += 1
        if deployment.course.unreadable:
            raise ServiceError("InternalServerException", "An internal error occurred.", 500)
        if deployment.course.on_look and deployment.looked == 1:
            deployment.course.on_look()


def freshly_released() -> Releases:
    """Half an hour ago a new release of the shop went out, and flags of its checkout; both had stood for days."""
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
    """Return the ReleaseArns of a stack on this machine."""
    application, environment, profile = FLAGS
    mine = f"arn:aws:appconfig:{region}:{account}:application/{application}"
    return [
        f"arn:aws:codedeploy:{region}:{account}:application:{GROUP.split('/')[0]}",
        f"arn:aws:codedeploy:{region}:{account}:deploymentgroup:{GROUP}",
        mine,
        f"{mine}/environment/{environment}",
        f"{mine}/configurationprofile/{profile}",
    ]
