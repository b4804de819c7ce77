"""The two services whose releases are taken back, and what a person reads in the end."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from local.emulator.releases import Deployment, Destination
from tests.statemachine.incident import Incident
from tests.statemachine.world import World

HOUR = timedelta(hours=1)
FLAGS = ("flags12", "7")


def revision(version: str) -> dict[str, Any]:
    return {
        "revisionType": "S3",
        "s3Location": {"bucket": "releases", "key": "shop.zip", "bundleType": "zip", "version": version},
    }


@dataclass
class Service:
    """One of the two services, with a good release and a bad one after it."""

    world: World
    name: str
    alert: str
    place: Destination
    lost: str

    def fires(self, severity: str = "high") -> Incident:
        """Fire the alert that the release causes; its plan waits for approval. If it is high, somebody was paged."""
        wait = "Await Acknowledgement" if severity == "high" else "Await Resolution"
        return self.world.fires(self.alert, severity=severity).stands_in(wait)

    def approved(self, severity: str = "high") -> Incident:
        """Fire the alert and approve its plan."""
        incident = self.fires(severity)
        incident.is_approved()
        return incident

    def resolves(self, severity: str = "high") -> None:
        self.world.resolves(self.alert, severity=severity)

    @property
    def sent(self) -> list[Deployment]:
        return self.world.releases.sent

    @property
    def brought(self) -> list[Any]:
        """Return what Firstline's deployments brought."""
        if self.name == "codedeploy":
            return [release.what["s3Location"]["version"] for release in self.sent]
        return [release.what[1] for release in self.sent]


def shop(world: World) -> Service:
    place = world.releases.group("shop/live")
    world.releases.released("shop/live", revision("v1"), ago=30 * HOUR)
    world.releases.released("shop/live", revision("v2"), ago=HOUR / 2)
    return Service(world, "codedeploy", "ShopFails", place, "Roll Back Release")


def flags(world: World) -> Service:
    world.releases.profiles |= {"flags12": "checkout-flags", "other12": "other"}
    place = world.releases.environment("app1234/env1234")
    world.releases.released("app1234/env1234", ("flags12", "v1"), ago=30 * HOUR)
    world.releases.released("app1234/env1234", ("flags12", "v2"), ago=HOUR / 2)
    return Service(world, "appconfig", "FlagFails", place, "Roll Back Configuration")


def what_the_approver_reads(world: World, incident: Incident) -> str:
    """Return what the approver reads of how it ended, without another page."""
    incident.stands_in("Await Resolution")
    assert incident.path[-2:] == ["Notify Ops", "Await Resolution"]
    assert len(world.woken()) == ("Page On-Call" in incident.path)
    (message,) = [message for message in world.told("slack") if "lost auto" not in message.text]
    thread = [message.text for message in world.inbox.messages() if message.channel == "slack" and message.thread]
    return "\n".join([message.text, str(message.raw), *thread])
