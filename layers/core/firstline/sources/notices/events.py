"""The readers of EventBridge events, chosen by `detail-type`. Events arrive from EventBridge directly or through SNS.

https://docs.aws.amazon.com/eventbridge/latest/ref/event-delivery-level.html lists what each service sends.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from firstline.models import SourceSeverity
from firstline.sources import values
from firstline.sources.notices.databases import of_database
from firstline.sources.notices.environments import of_environment
from firstline.sources.notices.findings import guard_duty, inspector, security_hub
from firstline.sources.notices.notice import (
    Event,
    Notice,
    State,
    called,
    first,
    is_good_news,
    items,
    last_of_arn,
    letters,
    line,
    notice_of,
    part,
    presumed,
    state_key,
    state_of_run,
)

DEPLOYMENTS = frozenset(
    {
        "CodeDeploy Deployment State-change Notification",
        "CodePipeline Pipeline Execution State Change",
        "CodePipeline Action Execution State Change",
        "ECS Deployment State Change",
        "CloudFormation Stack Status Change",
    }
)
"""The event types that `firstline.sources.deployments.aws` also records as deployments."""


def of_event(event: Event) -> list[Notice] | None:
    """Read an EventBridge event as notices: alerts that fire or resolve, or messages to ignore.

    Return None if no reader knows the event's type, unless its state is a word for success: then it is ignored.
    """
    kind, detail = values.name(event.get("detail-type")) or "", event.get("detail")
    if type(detail) is not dict:
        return None
    if kind in _RUNS:
        return [_run(kind, _RUNS[kind], event)]
    reader = next((reader for begins, reader in _READERS if kind.startswith(begins)), None)
    if reader is not None:
        return list(reader(event))
    if kind.startswith(_NEITHER):
        return [Notice(name=kind, state=None, why=f"{kind} is no problem", identity=())]
    key = state_key(detail)
    # The creation of an incident is no good news.
    word = detail[key] if key else None if _TROUBLE.search(kind) else kind.rpartition(" ")[2]
    if is_good_news(word):
        return [Notice(name=kind, state=None, why=f"{kind}: {values.name(word)} is no problem", identity=())]
    return None


_TROUBLE = re.compile(r"incident|outage|alert|alarm|anomaly|problem|opsitem|degradation", re.IGNORECASE)


class _Run(NamedTuple):
    """A kind of run, such as a build: its name for people, and three keys under which an event's `detail` holds facts.

    `state` is the key of the run's state, `of` the key of the project or pipeline that ran, `run` the key of the run's
    id.
    """

    called: str
    state: str
    of: str
    run: str


_RUNS = {
    "Backup Job State Change": _Run("Backup", "state", "resourceArn", "backupJobId"),
    "Copy Job State Change": _Run("Copy of a backup", "state", "resourceArn", "copyJobId"),
    "Restore Job State Change": _Run("Restore", "status", "resourceType", "restoreJobId"),
    "CodeBuild Build State Change": _Run("Build", "build-status", "project-name", "build-id"),
    "CodeDeploy Deployment State-change Notification": _Run("Deployment", "state", "application", "deploymentId"),
    "CodeDeploy Instance State-change Notification": _Run("Deployment", "state", "application", "deploymentId"),
    "CodePipeline Pipeline Execution State Change": _Run("Pipeline", "state", "pipeline", "execution-id"),
    "CodePipeline Stage Execution State Change": _Run("Pipeline", "state", "pipeline", "execution-id"),
    "CodePipeline Action Execution State Change": _Run("Pipeline", "state", "pipeline", "execution-id"),
    "Step Functions Execution Status Change": _Run("Execution", "status", "stateMachineArn", "name"),
    "Batch Job State Change": _Run("Batch job", "status", "jobName", "jobId"),
    "Glue Job State Change": _Run("Glue job", "state", "jobName", "jobRunId"),
    "EC2 Command Status-change Notification": _Run("Command", "status", "document-name", "command-id"),
    "EBS Snapshot Notification": _Run("Snapshot", "result", "source", "snapshot_id"),
    "EBS Volume Notification": _Run("EBS volume", "result", "volume", "request-id"),
}


def _run(kind: str, run: _Run, event: Event) -> Notice:
    detail = event["detail"]
    word, of = detail.get(run.state), detail.get(run.of) or first(event.get("resources"))
    about = last_of_arn(of)
    state = state_of_run(word)
    return notice_of(
        event,
        name=f"{run.called} of {called(about)} {called(word)}" if state else kind,
        state=state,
        why=f"{run.called} that is {called(word)} is no problem",
        identity=(kind, detail.get(run.run), about, *(detail.get(key) for key in ("stage", "action"))),
        # A pipeline, its stage and its action fail together, and so do a deployment and its instances.
        problem=(run.called, of),
        about=about,
        severity=detail.get("severity") if state else None,
        environment=detail.get("deploymentGroup"),
        text=(
            *(detail.get(key) for key in ("statusMessage", "message", "cause", "statusReason", "errorMessage")),
            f"{run.called} of {called(about)}: {' '.join(filter(None, map(values.name, (detail.get('event'), word))))}",
        ),
    )


def _stack(event: Event) -> Iterator[Notice]:
    """Read a CloudFormation stack's status: `UPDATE_FAILED`, `ROLLBACK_COMPLETE` and the like fire, others do not."""
    detail = event["detail"]
    status = values.name(part(detail, "status-details", "status")) or ""
    stack = values.scalar(detail.get("stack-id")) or ""
    name = stack.split("/")[1] if stack.count("/") > 1 else stack
    bad = status.endswith(("_FAILED", "ROLLBACK_COMPLETE"))
    yield notice_of(
        event,
        name=f"CloudFormation: {name} is {status}",
        state="firing" if bad else None,
        why=f"a deployment of {name} that is {status} is no problem",
        identity=("stack", stack, status),
        problem=("stack", stack),
        about=name,
        severity=presumed("high"),
        text=(f"{name}: {status}", part(detail, "status-details", "status-reason")),
    )


_HEALTH: dict[str, SourceSeverity] = {
    "issue": "high",
    "investigation": "high",
    "scheduledChange": "medium",
    "accountNotification": "low",
}


def _health(event: Event) -> Iterator[Notice]:
    """Read a message of AWS Health about an event, which fires, and resolves once the event's status is `closed`.

    All messages about one event carry the same ARN, so the end resolves the right alert.
    https://docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html
    """
    detail = event["detail"]
    code, service = values.name(detail.get("eventTypeCode")), detail.get("service")
    said, category = first(detail.get("eventDescription")), str(detail.get("eventTypeCategory"))
    affected = [last_of_arn(part(entity, "entityValue")) for entity in items(detail.get("affectedEntities"))]
    yield notice_of(
        event,
        name=f"AWS Health: {code or service or 'event'}",
        state="resolved" if letters(detail.get("statusCode")) == "closed" else "firing",
        identity=("health", detail.get("eventArn") or code, event.get("account")),
        about=service,
        severity=presumed("high" if "Abuse" in event["detail-type"] else _HEALTH.get(category)),
        text=(part(said, "latestDescription"), "Affected: " + ", ".join(filter(None, affected)) if affected else None),
        labels={"category": detail.get("eventTypeCategory"), "event": code},
        region=detail.get("eventRegion"),
    )


def _database(event: Event) -> Iterator[Notice]:
    """Read an event of the database services RDS or DMS. Events of DMS have neither a numbered id nor a severity."""
    detail = event["detail"]
    arn = detail.get("SourceArn") or first(event.get("resources"))
    notice = of_database(
        str(detail.get("EventID") or detail.get("eventType") or "").replace("_", " "),
        detail.get("SourceIdentifier") or last_of_arn(arn),
        detail.get("SourceType") or detail.get("type"),
        detail.get("Message") or detail.get("detailMessage"),
        at=event.get("time"),
    )
    yield replace(notice, account=event.get("account"), region=event.get("region"))


def _service_of_ecs(event: Event) -> Iterator[Notice]:
    """Read an event of an ECS service: ERROR and WARN fire, a steady state or completed deployment resolves.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_events.html
    """
    detail, arn = event["detail"], first(event.get("resources"))
    name, level = values.name(detail.get("eventName")), letters(detail.get("eventType"))
    state: State = {"error": "firing", "warn": "firing"}.get(level)  # type: ignore[assignment]
    if name in ("SERVICE_STEADY_STATE", "SERVICE_DEPLOYMENT_COMPLETED"):
        state = "resolved"
    yield notice_of(
        event,
        name=f"ECS: {called(name)}",
        state=state,
        why=f"ECS: {name} is no problem",
        identity=("ecs", arn),
        about=last_of_arn(arn),
        severity={"error": "high", "warn": "medium"}.get(level),
        text=(detail.get("reason"), f"Service {called(last_of_arn(arn))}: {called(name)}"),
    )


def _task_of_ecs(event: Event) -> Iterator[Notice]:
    """Read the state of an ECS task: it fires if the task was unhealthy, did not start, or lost an essential container.

    A lost container is ignored if all containers exited with 0, because the task's work is done. An unhealthy task
    fires whatever its exit codes. Tasks that stopped for another reason, such as a deployment, are ignored.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
    """
    detail = event["detail"]
    code = detail.get("stopCode")
    if not code or code == "ServiceSchedulerInitiated":
        # Older events have no code, and the scheduler also stops what a deployment replaces: the reason tells.
        code = next((code for words, code in _STOPPED if words in str(detail.get("stoppedReason"))), None)
    ended_badly = code == "EssentialContainerExited" and not _exited_well(detail)
    failed = ended_badly or code in ("TaskFailedToStart", "Unhealthy")
    group = values.name(detail.get("group"))
    service = group.removeprefix("service:") if group else None
    yield notice_of(
        event,
        name=f"ECS task of {called(service)}: {code}" if failed else "ECS task",
        state="firing" if failed else None,
        why="the state of a task that is no problem",
        identity=("ecs task", detail.get("clusterArn"), group, code),
        about=service,
        text=(detail.get("stoppedReason"), *(part(c, "reason") for c in items(detail.get("containers")))),
    )


_STOPPED = (
    ("Essential container", "EssentialContainerExited"),
    ("ealth check", "Unhealthy"),
    ("failed to start", "TaskFailedToStart"),
)


def _exited_well(detail: Event) -> bool:
    codes = [part(container, "exitCode") for container in items(detail.get("containers"))]
    return bool(codes) and all(code == 0 for code in codes)


def _group_of_instances(event: Event) -> Iterator[Notice]:
    """Read an event of EC2 Auto Scaling about a launch, termination or refresh that failed: it always fires."""
    detail = event["detail"]
    group = detail.get("AutoScalingGroupName")
    yield notice_of(
        event,
        name=f"Auto Scaling: {event['detail-type']}",
        state="firing",
        identity=("autoscaling", group, event["detail-type"]),
        about=group,
        severity=presumed("high"),
        text=(detail.get("StatusMessage"), line("Group", group), detail.get("Cause")),
        host=detail.get("EC2InstanceId"),
    )


def _checked(event: Event) -> Iterator[Notice]:
    """Read the result of a recurring check, by Trusted Advisor or AWS Config: a bad one fires, a good one resolves."""
    detail = event["detail"]
    check = called(detail.get("check-name") or detail.get("configRuleName"))
    # In SNS, AWS Config names the resource within the result only.
    result = part(detail, "newEvaluationResult", "evaluationResultIdentifier", "evaluationResultQualifier")
    about = detail.get("resource_id") or last_of_arn(detail.get("resourceId") or part(result, "resourceId"))
    said = called(detail.get("status") or part(detail, "newEvaluationResult", "complianceType"))
    bad = letters(said) in ("error", "warn", "noncompliant")
    yield notice_of(
        event,
        name=f"{check}: {said}",
        state="firing" if bad else "resolved" if letters(said) in ("ok", "compliant") else None,
        why=f"{check}: {said} is no problem",
        identity=("check", check, about),
        about=about,
        severity={"error": "high", "warn": "medium"}.get(letters(said)),
        text=(f"{check}: {said}" + (f" ({about})" if about else ""), part(detail, "newEvaluationResult", "annotation")),
    )


def _access(event: Event) -> Iterator[Notice]:
    """Read a finding of IAM Access Analyzer; it fires while it is active and resolves when resolved or archived.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html
    """
    detail = event["detail"]
    resource = values.name(detail.get("resource"))
    yield notice_of(
        event,
        name=f"{event['detail-type']}: {called(last_of_arn(resource))}",
        state="firing" if letters(detail.get("status")) == "active" else "resolved",
        identity=("access", detail.get("id")),
        about=last_of_arn(resource),
        severity="high" if detail.get("isPublic") is True else None,
        text=(
            f"{called(resource)} can be reached from outside" if "Access Analyzer" in event["detail-type"] else None,
        ),
    )


def _environment(event: Event) -> Iterator[Notice]:
    """Read an event of Elastic Beanstalk about an environment: bad health or a failure fires, good health resolves."""
    detail = event["detail"]
    notice = of_environment(
        values.scalar(detail.get("Message")) or "", detail.get("EnvironmentName"), detail.get("ApplicationName")
    )
    yield replace(notice, account=event.get("account"), region=event.get("region"), at=event.get("time"))


def _certificate(event: Event) -> Iterator[Notice]:
    """Read an event of ACM about a certificate: high if it has expired or has 7 days or fewer left, else medium."""
    arn = first(event.get("resources"))
    days = part(event, "detail", "DaysToExpiry")
    name = part(event, "detail", "CommonName")
    soon = "Expired" in event["detail-type"] or (isinstance(days, int | float) and days <= 7)
    yield notice_of(
        event,
        name=event["detail-type"],
        state="firing",
        identity=("certificate", arn),
        about=name,
        severity="high" if soon else "medium",
        text=(f"{called(name)}: {days} days left" if isinstance(days, int | float) else name, arn),
    )


def _api_call(event: Event) -> Iterator[Notice]:
    """Read an API call or sign-in that CloudTrail recorded. It always fires: the owner's rule chose to forward it.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    detail = event["detail"]
    call, user = values.name(detail.get("eventName")), part(detail, "userIdentity")
    who = part(user, "userName") or last_of_arn(part(user, "arn")) or part(user, "type")
    error, origin = detail.get("errorCode"), values.name(detail.get("sourceIPAddress") or who)
    yield notice_of(
        event,
        name=f"{call or 'API call'} by {values.name(who) or 'somebody'}" + (f": {values.name(error)}" if error else ""),
        state="firing",
        identity=("api call", detail.get("eventSource"), call, who, error),
        text=(
            detail.get("errorMessage"),
            f"{called(event.get('source'))}: {called(call)}" + (f", from {origin}" if origin else ""),
        ),
    )


_READERS: tuple[tuple[str, Callable[[Event], Iterator[Notice]]], ...] = (
    ("CloudFormation Stack Status Change", _stack),
    ("GuardDuty Finding", guard_duty),
    ("Security Hub Findings", security_hub),
    ("Findings Imported V2", security_hub),
    ("Inspector2 Finding", inspector),
    ("Macie Finding", inspector),
    ("AWS Health", _health),
    ("RDS ", _database),
    ("DMS ", _database),
    ("ECS Service Action", _service_of_ecs),
    ("ECS Deployment State Change", _service_of_ecs),
    ("ECS Task State Change", _task_of_ecs),
    ("EC2 Instance Launch Unsuccessful", _group_of_instances),
    ("EC2 Instance Terminate Unsuccessful", _group_of_instances),
    ("EC2 Auto Scaling Instance Refresh Failed", _group_of_instances),
    ("Trusted Advisor Check", _checked),
    ("Config Rules Compliance Change", _checked),
    ("Access Analyzer Finding", _access),
    ("Unused Access Finding", _access),
    ("Internal Access Finding", _access),
    ("Health status change", _environment),
    ("Elastic Beanstalk resource status change", _environment),
    ("Managed update status change", _environment),
    ("Other resource status change", _environment),
    ("ACM Certificate Approaching Expiration", _certificate),
    ("ACM Certificate Expired", _certificate),
    ("AWS API Call via CloudTrail", _api_call),
    ("AWS Console Sign", _api_call),
    ("AWS Service Event via CloudTrail", _api_call),
)

_NEITHER = (
    *("EC2 Instance Launch Successful", "EC2 Instance Terminate Successful", "EC2 Instance-launch Lifecycle"),
    *("EC2 Instance-terminate Lifecycle", "EC2 Auto Scaling Instance Refresh", "EC2 Instance State-change"),
    *("EC2 Instance Rebalance Recommendation", "ECS Container Instance State Change", "Scheduled Event"),
    *("ACM Certificate Available", "Inspector2 Scan", "Inspector2 Coverage", "KMS CMK Rotation"),
    *("Synthetics Canary Status Change", "Storage Gateway File Upload Event", "Email ", "Object ", "CodeCommit "),
    *("Tag Change on Resource", "Parameter Store Change", "WorkSpaces Access", "EC2 Fleet ", "ECR Image Action"),
)
