"""The findings of security services: GuardDuty, Security Hub, Inspector and Macie."""

from collections.abc import Iterator
from typing import Any

from firstline.sources import values
from firstline.sources.notices.notice import Event, Notice, first, items, last_of_arn, letters, notice_of, part
from firstline.sources.severity import from_number


def guard_duty(event: Event) -> Iterator[Notice]:
    """Read a finding of GuardDuty: it fires, unless it is archived and so ignored.

    Its severity is the finding's, a number on GuardDuty's scale.
    """
    detail = event["detail"]
    archived = part(detail, "service", "archived") is True
    yield notice_of(
        event,
        name=f"GuardDuty: {values.name(detail.get('type')) or 'finding'}",
        state=None if archived else "firing",
        why="the finding is archived",
        identity=("guardduty", detail.get("id") or detail.get("arn")),
        about=_resource_of_finding(detail),
        severity=from_number("GuardDuty", detail.get("severity")) or detail.get("severity"),
        text=(detail.get("title"), detail.get("description")),
        host=part(detail, "resource", "instanceDetails", "instanceId"),
        account=detail.get("accountId"),
    )


def _resource_of_finding(detail: Event) -> Any:
    resource = part(detail, "resource") or {}
    places = (
        ("eksClusterDetails", "name"), ("lambdaDetails", "functionName"), ("ecsClusterDetails", "name"),
        ("rdsDbInstanceDetails", "dbInstanceIdentifier"), ("accessKeyDetails", "userName"),
    )  # fmt: skip
    return next((found for place in places if (found := part(resource, *place))), None)


def security_hub(event: Event) -> Iterator[Notice]:
    """Read findings of Security Hub, which fire until they are resolved, suppressed, archived or passed.

    The severity is the finding's field `Severity.Label`, else `Severity.Normalized` (a number from 0 to 100), else the
    field `severity` at its top.
    https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-event-formats.html
    """
    for finding in items(part(event, "detail", "findings")):
        if type(finding) is not dict:
            continue
        workflow = part(finding, "Workflow", "Status")
        over = (
            letters(workflow) in ("resolved", "suppressed")
            or letters(finding.get("RecordState")) == "archived"
            or letters(part(finding, "Compliance", "Status")) == "passed"
        )
        severity = part(finding, "Severity", "Label")
        if not severity:
            severity = from_number("Security Hub", part(finding, "Severity", "Normalized"))
        resource = first(finding.get("Resources")) or first(finding.get("resources"))
        title = values.name(finding.get("Title")) or values.name(part(finding, "finding_info", "title"))
        identity = finding.get("Id") or part(finding, "finding_info", "uid")
        yield notice_of(
            event,
            name=f"Security Hub: {title or 'finding'}",
            state="resolved" if over or letters(finding.get("status")) in ("resolved", "suppressed") else "firing",
            identity=("securityhub", identity),
            about=None
            if part(resource, "Type") == "AwsAccount"
            else last_of_arn(part(resource, "Id") or part(resource, "uid")),
            severity=severity or finding.get("severity"),
            text=(title, finding.get("Description"), part(finding, "finding_info", "desc")),
            account=finding.get("AwsAccountId"),
            url=part(finding, "Remediation", "Recommendation", "Url"),
        )


def inspector(event: Event) -> Iterator[Notice]:
    """Read a finding of Inspector or Macie, which fires until it is closed or suppressed."""
    detail = event["detail"]
    resource, severity = first(detail.get("resources")), detail.get("severity")
    instance = part(resource, "id") if part(resource, "type") == "AWS_EC2_INSTANCE" else None
    yield notice_of(
        event,
        name=values.name(detail.get("title")) or event["detail-type"],
        state="resolved" if letters(detail.get("status")) in ("closed", "suppressed") else "firing",
        identity=(event["detail-type"], detail.get("findingArn") or detail.get("id")),
        about=(None if instance else last_of_arn(part(resource, "id")))
        or part(detail, "resourcesAffected", "s3Bucket", "name"),
        severity=part(severity, "description") if type(severity) is dict else severity,
        text=(detail.get("title"), detail.get("description")),
        host=instance,
    )
