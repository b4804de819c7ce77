"""The readers of JSON messages that AWS services send to SNS, chosen by keys that only a service's messages have."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from firstline.models import SourceSeverity
from firstline.sources import values
from firstline.sources.notices.databases import of_database
from firstline.sources.notices.events import of_event
from firstline.sources.notices.notice import (
    Notice,
    State,
    called,
    essence,
    first,
    is_good_news,
    items,
    last_of_arn,
    letters,
    line,
    part,
    presumed,
    state_of_run,
)

_CACHE = re.compile(r"(ElastiCache|MemoryDB)\s*:\s*(\w+)")
_CACHE_STATES: tuple[tuple[str, State, SourceSeverity | None], ...] = (
    # what the event's name says, what it does, how bad it is; the first that fits
    ("fail(?!over)", "firing", "high"),
    ("ReplaceStarted", "firing", "high"),
    ("Replace(ment)?(Complete|Canceled)", "resolved", "high"),
    ("ReplacementScheduled|ReplacementRescheduled", "firing", "low"),
    ("FailoverComplete", "firing", "low"),
    ("Complete|Changed|Modified|Rebooted|Available|Started|Created|Deleted", None, None),
    ("", "firing", None),
)


def of_message(message: dict[str, Any]) -> list[Notice] | None:
    """Read an AWS service's message as notices: alerts that fire or resolve, or messages to ignore.

    Return None if no reader knows the keys of the message.
    """
    if "detail-type" in message:
        return of_event(message)
    if "detailType" in message and "notificationRuleArn" in message:
        # https://docs.aws.amazon.com/dtconsole/latest/userguide/concepts.html: CodeStar's, of CodePipeline and the like
        return of_event({**message, "detail-type": message["detailType"]})
    if part(first(message.get("Records")), "eventSource") == "aws:s3":
        return list(_object_event(message))
    for keys, reader in _READERS:
        if all(key in message for key in keys):
            return list(reader(message))
    mark = next(iter(message), "")
    return list(of_cache(mark, message[mark])) if _CACHE.match(mark) else None


def _database(message: dict[str, Any]) -> Iterator[Notice]:
    """Read an event of RDS, DocumentDB, Neptune, DMS or Redshift. Only Redshift states a severity.

    https://docs.aws.amazon.com/redshift/latest/mgmt/working-with-event-notifications.html
    https://docs.aws.amazon.com/dms/latest/userguide/CHAP_Events.html
    """
    event_id = values.scalar(message.get("Event ID")) or values.scalar(message.get("About this Event")) or ""
    source = next((message[key] for key in ("Source ID", "SourceId", "Resource") if message.get(key)), None)
    yield of_database(
        event_id, source, message["Event Source"], message["Event Message"],
        at=message.get("Event Time"), url=message.get("Identifier Link"), said=values.scalar(message.get("Severity")),
    )  # fmt: skip


def _auto_scaling(message: dict[str, Any]) -> Iterator[Notice]:
    """Read a notification of EC2 Auto Scaling; only an error fires, and a lifecycle hook's message is no alert.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-sns-notifications.html
    """
    event = (values.scalar(message.get("Event")) or "lifecycle hook").removeprefix("autoscaling:")
    group = message.get("AutoScalingGroupName")
    failed = event.endswith("_ERROR")
    yield Notice(
        name=f"Auto Scaling: {event}",
        state="firing" if failed else None,
        why=f"Auto Scaling's {event} is no problem",
        identity=("autoscaling", message.get("AutoScalingGroupARN") or group, event),
        about=group,
        severity=presumed("high" if failed else None),
        text=(message.get("Description"), message.get("StatusMessage"), line("Group", group), message.get("Cause")),
        labels={"event": event, "AutoScalingGroupName": group},
        account=message.get("AccountId"),
        at=message.get("Time"),
    )


def _code_deploy(message: dict[str, Any]) -> Iterator[Notice]:
    """Read a notification of CodeDeploy about a deployment or one of its instances; only a failure fires.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-sns-event-notifications-json-format.html
    """
    status = message.get("status") or message.get("instanceStatus")
    state = state_of_run(status)
    application, deployment = message.get("applicationName"), message.get("deploymentId")
    instance = last_of_arn(message.get("instanceId"))
    yield Notice(
        name=f"Deployment of {called(application or deployment)} failed" if state else f"CodeDeploy: {called(status)}",
        state=state,
        why=f"CodeDeploy: a deployment is {status}",
        identity=("codedeploy", deployment, instance),
        problem=("codedeploy", application or deployment, message.get("deploymentGroupName")),
        about=application,
        environment=message.get("deploymentGroupName"),
        severity=presumed("high" if state else None),
        text=(f"Deployment {called(deployment)}: {called(status)}", _flat(message.get("errorInformation"))),
        labels={"deployment": deployment},
        host=instance,
        account=message.get("accountId"),
        region=message.get("region"),
    )


def _cost_anomaly(message: dict[str, Any]) -> Iterator[Notice]:
    """Read a finding of Cost Anomaly Detection, which always fires.

    https://docs.aws.amazon.com/cost-management/latest/userguide/cad-alert-sns.html
    """
    cause = first(message.get("rootCauses"))
    service = part(cause, "service") or message.get("dimensionalValue")
    yield Notice(
        name=f"Cost anomaly: {called(service or message.get('monitorName'))}",
        state="firing",
        identity=("anomaly", message["anomalyId"]),
        about=service,
        text=(line("Impact", part(message, "impact", "totalImpact")), _flat(cause)),
        labels={"monitor": message.get("monitorName")},
        account=message.get("accountId"),
        url=message.get("anomalyDetailsLink"),
    )


def _custom(message: dict[str, Any]) -> Iterator[Notice]:
    """Read a custom notification for Amazon Q Developer in chat applications (AWS Chatbot).

    Its `status` or `state` decides: `resolved` and the like resolve, `running` and the like are ignored, others fire.
    https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
    """
    content, context = message.get("content"), part(message, "metadata", "additionalContext")
    title = values.name(part(content, "title")) or values.name(part(message, "metadata", "summary"))
    description = values.scalar(part(content, "description"))
    said = next((word for key in ("status", "state") if (word := part(context, key))), None)
    thread = part(message, "metadata", "threadId")
    over = letters(said) in ("ok", "resolved", "recovered", "closed", "healthy")
    yield Notice(
        name=title or (description or "").strip().split("\n")[0] or "custom notification",
        state="resolved" if over else None if is_good_news(said) else "firing",
        why=f"the notification says {values.quoted(said)}",
        identity=("custom", thread) if thread else ("custom", essence(title), essence(description)),
        about=part(context, "service") or last_of_arn(first(part(message, "metadata", "relatedResources"))),
        severity=part(context, "severity") or part(context, "priority"),
        text=(title, description, ", ".join(map(str, items(part(content, "nextSteps"))))),
        labels=context if type(context) is dict else {},
        environment=part(context, "environment"),
    )  # fmt: skip


def of_cache(mark: str, cluster: Any) -> Iterator[Notice]:
    """Read an event of ElastiCache or MemoryDB, such as `{"ElastiCache:SnapshotComplete": "sessions-001"}`.

    `mark` is the key in this example, `cluster` the value: the name of the cluster or node. The words of the event's
    name decide: failures, replacements and failovers fire, the end of a replacement resolves, routine events such
    as `SnapshotComplete` are ignored, and an unknown event fires.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ElastiCacheSNS.html
    https://docs.aws.amazon.com/memorydb/latest/devguide/memorydbsns.html
    """
    found = _CACHE.match(mark)
    service, event = (found[1], found[2]) if found else ("ElastiCache", mark)
    state, severity = next((s, bad) for words, s, bad in _CACHE_STATES if re.search(words, event, re.IGNORECASE))
    name = values.name(cluster)
    # What is replaced is begun and ended under two names.
    subject = "replacement" if "Replace" in event and "Fail" not in event else event
    yield Notice(
        name=f"{service}: {event}",
        state=state,
        why=f"{service}'s {event} is no problem",
        identity=("cache", service, subject, name),
        about=name,
        severity=presumed(severity),
        text=(f"{service}: {event} {name or ''}",),
        labels={"event": event, "cluster": name},
    )


def _object_event(_message: dict[str, Any]) -> Iterator[Notice]:
    """Read S3's events about objects, and its test event, as no alert: they are meant for programs."""
    yield Notice(name="S3", state=None, why="an event of S3 is no alert", identity=())


def _mail(message: dict[str, Any]) -> Iterator[Notice]:
    """Read a notification of SES: a received mail fires, and a report about a sent mail, such as a bounce, is no alert.

    https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
    """
    headers = part(message, "mail", "commonHeaders")
    sender = first(part(headers, "from"))
    yield Notice(
        name=part(headers, "subject") or "mail",
        state="firing" if letters(message.get("notificationType")) == "received" else None,
        why="SES reports what became of a mail that was sent, which is no alert",
        identity=("mail", sender, essence(part(headers, "subject"))),
        text=(line("From", sender), message.get("content")),
        at=part(message, "mail", "timestamp"),
    )


def _lambda(message: dict[str, Any]) -> Iterator[Notice]:
    """Read the record of an asynchronous Lambda invocation; one that did not succeed fires.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    context = message["requestContext"]
    arn, condition = values.scalar(part(context, "functionArn")) or "", part(context, "condition")
    function = arn.split(":function:")[-1].split(":")[0]
    yield Notice(
        name=f"Lambda {called(function)}: {called(condition)}",
        state=None if letters(condition) == "success" else "firing",
        why=f"an invocation of {function} that succeeded",
        identity=("lambda", arn, condition),
        about=function,
        text=(
            _flat(message.get("responsePayload")),
            line("Error", part(message, "responseContext", "functionError")),
            line("Attempts", part(context, "approximateInvokeCount")),
        ),
        at=message.get("timestamp"),
    )


def _insight(message: dict[str, Any]) -> Iterator[Notice]:
    """Read a message of DevOps Guru about an insight: it fires when new or worse, and resolves when closed.

    https://docs.aws.amazon.com/devops-guru/latest/APIReference/API_NotificationFilterConfig.html
    """
    kind = letters(message["MessageType"])
    states: dict[str, State] = {"newinsight": "firing", "severityupgraded": "firing", "closedinsight": "resolved"}
    yield Notice(
        name=f"DevOps Guru: {called(message.get('InsightName') or message['InsightId'])}",
        state=states.get(kind),
        why=f"DevOps Guru's message {kind} neither opens nor closes an insight",
        identity=("devops guru", message["InsightId"]),
        severity=message.get("InsightSeverity"),
        text=(message.get("InsightDescription"),),
        labels={"insight": message["InsightId"], "type": message.get("InsightType")},
        account=message.get("AccountId"),
        region=message.get("Region"),
        url=message.get("InsightUrl"),
    )


def _config(message: dict[str, Any]) -> Iterator[Notice]:
    """Read a message of AWS Config's delivery channel; only a change of compliance fires or resolves."""
    if message["messageType"] == "ComplianceChangeNotification":
        yield from of_event({"detail-type": "Config Rules Compliance Change", "detail": message}) or ()
    else:
        yield Notice(
            name="Config",
            state=None,
            why="AWS Config reports a snapshot or a recorded change, which is no alert",
            identity=(),
        )


_READERS: tuple[tuple[tuple[str, ...], Callable[[dict[str, Any]], Iterator[Notice]]], ...] = (
    (("Event Source", "Event Message"), _database),
    (("AutoScalingGroupName", "Event"), _auto_scaling),
    (("AutoScalingGroupName", "LifecycleTransition"), _auto_scaling),
    (("eventTriggerName", "deploymentId"), _code_deploy),
    (("anomalyId", "impact"), _cost_anomaly),
    (("source", "content", "version"), _custom),
    (("messageType", "configRuleName"), _config),
    (("messageType", "configSnapshotId"), _config),
    (("messageType", "notificationCreationTime"), _config),
    (("Event", "Bucket"), _object_event),
    (("notificationType", "mail"), _mail),
    (("eventType", "mail"), _mail),
    (("requestContext", "responseContext"), _lambda),
    (("MessageType", "InsightId"), _insight),
)


def _flat(value: Any) -> str | None:
    return ", ".join(f"{key}={item}" for key, item in values.labels(value).items()) or values.scalar(value)
