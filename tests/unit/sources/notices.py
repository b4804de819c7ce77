"""Builders of messages of AWS services that are no alarms, in the form in which SNS and EventBridge deliver them."""

import json
from typing import Any

TOPIC = "arn:aws:sns:eu-central-1:381904772516:platform-news"


def over_sns(message: Any, subject: str | None = None, topic: str = TOPIC, **attributes: str) -> dict[str, Any]:
    """Return a message in the envelope of an SNS notification, as JSON text if it is an object."""
    text = message if isinstance(message, str) else json.dumps(message)
    return {
        "Type": "Notification",
        "MessageId": "0d6f3c1e-1111-5f00-8000-00000000000a",
        "TopicArn": topic,
        "Subject": subject,
        "Message": text,
        "Timestamp": "2026-05-04T03:02:01.000Z",
        "MessageAttributes": {key: {"Type": "String", "Value": value} for key, value in attributes.items()},
    }


def bridged(kind: str, detail: dict[str, Any], *resources: str) -> dict[str, Any]:
    """Return an EventBridge event of this `detail-type`."""
    return {
        "version": "0",
        "id": "c3d2e1f0-aaaa-bbbb-cccc-0123456789ab",
        "detail-type": kind,
        "source": "aws.any",
        "account": "381904772516",
        "time": "2026-05-04T03:02:01Z",
        "region": "eu-central-1",
        "resources": list(resources),
        "detail": detail,
    }


def rds(number: str, message: str, source: str = "wallet", kind: str = "db-instance") -> dict[str, Any]:
    """Return an event of RDS with this number, as an event subscription sends it to SNS."""
    return {
        "Event Source": kind,
        "Event Time": "2026-05-04 03:01:59.000",
        "Identifier Link": f"https://console.aws.amazon.com/rds/home?region=eu-central-1#dbinstance:id={source}",
        "Source ID": source,
        "Event ID": f"https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html#RDS-EVENT-{number}",
        "Event Message": message,
    }


def scaling(event: str) -> dict[str, Any]:
    """Return a notification of EC2 Auto Scaling."""
    return {
        "Service": "AWS Auto Scaling",
        "Time": "2026-05-04T03:01:59.512Z",
        "AccountId": "381904772516",
        "AutoScalingGroupName": "render-farm",
        "Event": f"autoscaling:{event}",
        "Description": "Launching a new EC2 instance. Status Reason: the quota is used up.",
        "EC2InstanceId": "i-0f1e2d3c4b5a69788",
    }


def finding(severity: Any, **changes: Any) -> dict[str, Any]:
    """Return an EventBridge event with a finding of GuardDuty."""
    detail = {
        "accountId": "381904772516",
        "id": "aa11bb22cc33dd44ee55ff6677889900",
        "type": "CryptoCurrency:EC2/BitcoinTool.B!DNS",
        "severity": severity,
        "title": "A host asks for a domain of miners",
        "description": "i-0f1e2d3c4b5a69788 asks for pool.example.",
        "resource": {"resourceType": "Instance", "instanceDetails": {"instanceId": "i-0f1e2d3c4b5a69788"}},
        "service": {"archived": False, "count": 3},
    }
    return bridged("GuardDuty Finding", detail | changes)


def hub(**changes: Any) -> dict[str, Any]:
    """Return an EventBridge event with a finding of Security Hub."""
    found = {
        "Id": "arn:aws:securityhub:eu-central-1:381904772516:subscription/s3/1/finding/7",
        "Title": "S3 buckets should not be public",
        "Description": "The bucket is public.",
        "AwsAccountId": "381904772516",
        "Severity": {"Label": "HIGH", "Normalized": 70},
        "Workflow": {"Status": "NEW"},
        "RecordState": "ACTIVE",
        "Compliance": {"Status": "FAILED"},
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::exports"}],
    }
    return bridged("Security Hub Findings - Imported", {"findings": [found | changes]})


def health(status: str = "open", category: str = "issue") -> dict[str, Any]:
    """Return an EventBridge event of AWS Health."""
    detail = {
        "eventArn": "arn:aws:health:eu-central-1::event/SQS/AWS_SQS_OPERATIONAL_ISSUE/AWS_SQS_OPERATIONAL_ISSUE_9",
        "service": "SQS",
        "eventTypeCode": "AWS_SQS_OPERATIONAL_ISSUE",
        "eventTypeCategory": category,
        "statusCode": status,
        "eventRegion": "eu-west-3",
        "eventDescription": [{"language": "en_US", "latestDescription": "Elevated error rates."}],
        "affectedEntities": [{"entityValue": "arn:aws:sqs:eu-west-3:381904772516:mail"}],
    }
    return bridged("AWS Health Event", detail)


def deployment(status: str, number: str = "d-AAA111") -> dict[str, Any]:
    """Return a notification of CodeDeploy about a deployment."""
    return {
        "region": "eu-central-1",
        "accountId": "381904772516",
        "eventTriggerName": "all",
        "applicationName": "wallet",
        "deploymentId": number,
        "deploymentGroupName": "production",
        "status": status,
        "errorInformation": {"ErrorCode": "HEALTH_CONSTRAINTS", "ErrorMessage": "too many hosts failed"},
    }


BUDGET = """AWS Budget Notification May 04, 2026
AWS Account 381904772516

Dear AWS Customer,

You requested that we alert you when the ACTUAL Cost associated with your Lab budget is greater than $400.00 for the
current month. The ACTUAL Cost associated with this budget is $AMOUNT.

Budget Name: Lab
Budget Type: Cost
Budgeted Amount: $500.00
Alert Type: ACTUAL
Alert Threshold: > $400.00
ACTUAL Amount: $AMOUNT
"""

BACKUP = (
    "An AWS Backup job {state}. Resource ARN : arn:aws:dynamodb:eu-central-1:381904772516:table/ledger. "
    "BackupJob ID : 6f0e7c1d-1234-4321-9999-0a0b0c0d0e0f"
)

BEANSTALK = """Timestamp: Mon May 04 03:02:01 UTC 2026
Message: {message}

Environment: shop-prod
Application: shop

Environment URL: http://shop-prod.eu-central-1.elasticbeanstalk.com
"""

ALERTMANAGER = """Ledger lags behind
Alerts {state}:
Labels:
 - alertname = LedgerLag
 - cluster = blue
 - service = ledger
 - severity = critical
Annotations:
 - description = It lags.
   For ten minutes.
 - summary = Ledger lags behind
Source: https://prometheus.example.com/graph?g0.expr=lag
Labels:
 - alertname = LedgerQueue
 - service = ledger
Annotations:
Source:
"""


def custom(title: str = "Nightly import is stuck", **context: str) -> dict[str, Any]:
    """Return a custom notification of AWS Chatbot."""
    return {
        "version": "1.0",
        "source": "custom",
        "id": "c-1",
        "content": {"textType": "client-markdown", "title": title, "description": "Nothing for two hours."},
        "metadata": {"additionalContext": context, "relatedResources": ["arn:aws:s3:::imports"]},
    }


def invocation(condition: str = "RetriesExhausted", order: int = 1) -> dict[str, Any]:
    """Return the record of an asynchronous invocation of Lambda."""
    return {
        "version": "1.0",
        "timestamp": "2026-05-04T03:02:01.000Z",
        "requestContext": {
            "requestId": f"r-{order}",
            "functionArn": "arn:aws:lambda:eu-central-1:381904772516:function:ledger-import:live",
            "condition": condition,
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"order": order},
        "responseContext": {"statusCode": 200, "executedVersion": "7", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "no such table"},
    }


def insight(kind: str = "NEW_INSIGHT") -> dict[str, Any]:
    """Return a message of DevOps Guru about an insight."""
    return {
        "AccountId": "381904772516",
        "Region": "eu-central-1",
        "MessageType": kind,
        "InsightId": "AB12",
        "InsightName": "Ledger latency is anomalous",
        "InsightUrl": "https://eu-central-1.console.aws.amazon.com/devops-guru/#/insight/reactive/AB12",
        "InsightType": "REACTIVE",
        "InsightSeverity": "high",
        "StartTime": 1777863721000,
    }


def pipeline(part: str, **detail: str) -> dict[str, Any]:
    """Return an EventBridge event of CodePipeline about a failed pipeline, stage or action (`part`)."""
    about = {"pipeline": "ledger", "execution-id": "e-1", "state": "FAILED", **detail}
    return bridged(f"CodePipeline {part} Execution State Change", about)


def by_rule(event: dict[str, Any]) -> dict[str, Any]:
    """Return an EventBridge event in the form in which a notification rule of the developer tools sends it."""
    rule = "arn:aws:codestar-notifications:eu-central-1:381904772516:notificationrule/1"
    return {"detailType": event["detail-type"], "notificationRuleArn": rule} | {
        key: value for key, value in event.items() if key != "detail-type"
    }
