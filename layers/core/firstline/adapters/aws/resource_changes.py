"""Changes of an AWS resource within the last hours: writes (CloudTrail), events of RDS, scaling activities."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from firstline.adapters.aws.resource_state import Clients, Watched, text
from firstline.models import ResourceChange

WINDOW = timedelta(hours=4)
MAX_CHANGES = 10

type Reader = Callable[[Watched, Clients, datetime], list[ResourceChange]]
"""A function that returns a resource's changes in the four hours before a moment, with one request."""


def writes(watched: Watched, clients: Clients, until: datetime) -> list[ResourceChange]:
    """Return the API calls that changed the resource in the four hours before `until`, newest first.

    CloudTrail shows a call only after some minutes.
    """
    answer = clients("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": watched.id}],
        StartTime=until - WINDOW,
        EndTime=until,
        MaxResults=50,
    )
    calls = [event for event in answer["Events"] if str(event.get("ReadOnly", "")).casefold() != "true"]
    return [
        ResourceChange(
            at=event["EventTime"], what=text(event["EventName"]), who=text(event.get("Username") or "") or None
        )
        for event in calls[:MAX_CHANGES]
    ]


def _rds_events(watched: Watched, clients: Clients, until: datetime) -> list[ResourceChange]:
    """Return a database instance's events of the four hours before `until`, newest first, with RDS's categories."""
    answer = clients("rds").describe_events(
        SourceIdentifier=watched.id,
        SourceType="db-instance",
        StartTime=until - WINDOW,
        EndTime=until,
        MaxRecords=100,
    )
    newest = sorted(answer["Events"], key=lambda event: event["Date"], reverse=True)[:MAX_CHANGES]
    return [
        ResourceChange(
            at=event["Date"],
            what=text(event.get("Message", "an event")),
            categories=[text(category) for category in event.get("EventCategories", [])[:10]],
        )
        for event in newest
    ]


def scaling(watched: Watched, clients: Clients, until: datetime) -> list[ResourceChange]:
    """Return an ECS service's or DynamoDB table's scaling activities in the four hours before `until`, newest first."""
    service, name = "dynamodb", f"table/{watched.id}"
    if watched.namespace == "AWS/ECS":
        service, name = "ecs", f"service/{watched.dimensions['ClusterName']}/{watched.id}"
    answer = clients("application-autoscaling").describe_scaling_activities(
        ServiceNamespace=service, ResourceId=name, MaxResults=MAX_CHANGES
    )
    recent = [activity for activity in answer["ScalingActivities"] if until - WINDOW <= activity["StartTime"] <= until]
    return [
        ResourceChange(at=activity["StartTime"], what=text(activity.get("Description", "scaled")))
        for activity in recent
    ]


READERS: Mapping[str, Mapping[str, Reader]] = {
    "AWS/RDS": {"writes on the resource": writes, "events of RDS": _rds_events},
    "AWS/ECS": {"writes on the resource": writes, "scaling activities": scaling},
    "AWS/DynamoDB": {"writes on the resource": writes, "scaling activities": scaling},
}
"""The readers of changes for each CloudWatch namespace, under the name of what they read."""

DEFAULT: Mapping[str, Reader] = {"writes on the resource": writes}
