"""The readers of plain-text messages of AWS services, chosen by the subject or the first lines of the text."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from firstline.sources import values
from firstline.sources.notices.databases import of_database
from firstline.sources.notices.environments import of_environment
from firstline.sources.notices.messages import of_cache
from firstline.sources.notices.notice import Notice, last_of_arn, letters, part, presumed, state_of_run

# Each is read in linear time, whatever the text: `\s` would go over the ends of lines.
_FIELD = re.compile(r"^[ \t]{0,20}([A-Z][\w ]{0,40}?)[ \t]{0,20}[:=](.*)$", re.MULTILINE)
_ALERTS = re.compile(r"^[ \t]{0,20}(?:Alerts )?\*{0,2}(Firing|Resolved)\*{0,2}:?[ \t]{0,20}\r?$", re.MULTILINE)
_LABELS = re.compile(r"^[ \t]{0,20}Labels:[ \t]{0,20}\r?$", re.MULTILINE)
_PAIR = re.compile(r"[ \t]{0,20}- (\w{1,200}) = (.*)")
_BACKUP = re.compile(r"\b(Backup|Copy|Restore) ?job\b", re.IGNORECASE)
_BACKUP_FIELD = re.compile(r"\b(Resource ARN|\w{1,20} ?Job ID) ?: ?([^\s,]+?)\.?(?=\s|$)", re.IGNORECASE)
_BACKUP_FAILED = re.compile(
    r"\b(fail(?:ed|ure)|expired|aborted|partial|not (?:been )?complete|unable|error)", re.IGNORECASE
)


def of_text(subject: str | None, text: str, attributes: Any) -> list[Notice] | None:
    """Read a text that an AWS service sent to SNS as notices: alerts that fire or resolve, or messages to ignore.

    Return None if no reader knows the text. `subject` and `attributes` are the `Subject` (None without one) and the
    `MessageAttributes` of the SNS message.
    """
    for mark, reader in _READERS:
        if mark.search(f"{subject or ''}\n{text[:2_000]}"):
            return list(reader(text[:20_000], attributes))
    return None


def alertmanager_notification(text: str) -> dict[str, Any] | None:
    """Read a text that Alertmanager's default template for SNS made, as the payload of Alertmanager's webhook.

    Return None for any other text.

    Amazon Managed Service for Prometheus uses the template, and Grafana writes similar texts. The template is
    `sns.default.message` of https://github.com/prometheus/alertmanager/blob/main/template/default.tmpl
    """
    found = list(_ALERTS.finditer(text))
    alerts: list[dict[str, Any]] = []
    for number, heading in enumerate(found):
        end = found[number + 1].start() if number + 1 < len(found) else len(text)
        for block in _LABELS.split(text[heading.end() : end])[1:]:
            alert = _alert(block)
            if alert["labels"]:
                alerts.append({"status": heading[1].lower(), **alert})
    return {"alerts": alerts} if alerts else None


def _alert(block: str) -> dict[str, Any]:
    """Read one alert in a text of Alertmanager: labels, annotations and `generatorURL` (the line `Source: …`).

    The value of a label or annotation may have several lines.
    """
    alert: dict[str, Any] = {"labels": {}, "annotations": {}}
    pairs, name = alert["labels"], None
    for line in block.splitlines():
        if line.strip() == "Annotations:":
            pairs, name = alert["annotations"], None
        elif line.strip().startswith("Source: "):
            alert["generatorURL"] = line.strip().removeprefix("Source: ")
            break
        elif found := _PAIR.match(line):
            name = found[1]
            pairs[name] = found[2]
        elif name is not None and line.strip() and len(pairs[name]) < values.TEXT_LIMIT:
            pairs[name] += f"\n{line}"
    return alert


def _fields(text: str) -> dict[str, str]:
    found = ((name, value.strip().strip("'")) for name, value in _FIELD.findall(text))
    return {name: value for name, value in found if value}


def _budget(text: str, _attributes: Any) -> Iterator[Notice]:
    """Read the mail of AWS Budgets about a threshold that was passed; it always fires.

    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html
    """
    fields = _fields(text)
    told = re.search(r"associated with your (.+?) budget\b", text)
    budget = fields.get("Budget Name") or (told[1] if told else None)
    threshold = f"{fields.get('Alert Type', '')} {fields.get('Alert Threshold', '')}".strip()
    account = re.search(r"AWS Account (\d{12})", text)
    yield Notice(
        name=f"AWS Budget {budget}: {threshold or 'threshold passed'}",
        state="firing",
        # The amount grows with each mail.
        identity=("budget", account and account[1], budget, threshold),
        about=budget,
        text=(text,),
        labels=fields,
        account=account and account[1],
    )


def _backup(text: str, attributes: Any) -> Iterator[Notice]:
    """Read the mail of AWS Backup about a job; only a failed job fires.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-notifications.html
    """
    said = part(attributes, "State", "Value")
    kind = _BACKUP.search(text)
    called = kind[1].capitalize() if kind else "Backup"
    found = {letters(name): value for name, value in _BACKUP_FIELD.findall(text)}
    resource = found.get("resourcearn")
    job = next((value for name, value in found.items() if name.endswith("jobid")), part(attributes, "Id", "Value"))
    failed = state_of_run(said) == "firing" if said else _BACKUP_FAILED.search(text) is not None
    yield Notice(
        name=f"{called} of {last_of_arn(resource) or 'a resource'} failed" if failed else f"AWS {called}",
        state="firing" if failed else None,
        why=f"AWS Backup: {values.name(text, 80)}",
        identity=("backup", job or resource),
        problem=("backup", called, resource),
        about=last_of_arn(resource),
        severity=presumed("high" if failed else None),
        text=(text,),
        labels={"resource": resource, "job": job},
    )


def _beanstalk(text: str, _attributes: Any) -> Iterator[Notice]:
    """Read a mail of Elastic Beanstalk about the health of an environment or a failure in it."""
    fields = _fields(text)
    yield of_environment(
        fields.get("Message", text),
        fields.get("Environment"),
        fields.get("Application"),
        labels={name: fields[name] for name in ("Application", "Environment") if name in fields},
        url=fields.get("Environment URL"),
    )


def _database(text: str, _attributes: Any) -> Iterator[Notice]:
    """Read a mail about the event of a database; the event's id, or else its words, decides whether it fires."""
    fields = _fields(text)
    source = fields.get("SourceId") or fields.get("Source ID")
    told = fields.get("Message") or fields.get("Event Message")
    at, url = fields.get("Notification time"), fields.get("Identifier Link")
    yield of_database(fields.get("Event ID", ""), source, fields["Event Source"], told, at=at, url=url)


def _stack(text: str, _attributes: Any) -> Iterator[Notice]:
    """Read a mail of CloudFormation about a resource; it fires only if a whole stack failed or was rolled back.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-listing-event-history.html
    """
    fields = _fields(text)
    status, stack = fields.get("ResourceStatus", ""), fields.get("StackName")
    whole = fields.get("ResourceType") == "AWS::CloudFormation::Stack"
    bad = whole and (status.endswith("_FAILED") or status.endswith("ROLLBACK_COMPLETE"))
    yield Notice(
        name=f"CloudFormation: {stack} is {status}",
        state="firing" if bad else None,
        why=f"CloudFormation: {fields.get('LogicalResourceId')} is {status}",
        identity=("stack", fields.get("StackId"), status),
        problem=("stack", fields.get("StackId")),
        about=stack,
        severity=presumed("high" if bad else None),
        text=(f"{stack}: {status}", fields.get("ResourceStatusReason")),
    )


def _set_up(text: str, _attributes: Any) -> Iterator[Notice]:
    """Read a service's mail to a new topic, which only confirms that the service can send there, as no alert."""
    yield Notice(name="set up", state=None, why=values.name(text, 80), identity=())


def _cache(text: str, _attributes: Any) -> Iterator[Notice]:
    mark, _, cluster = text.strip().partition("\n")[0].partition(":")[2].partition(":")
    yield from of_cache(f"{text.strip().split(':')[0]}:{mark.split()[0]}", cluster or mark.partition(" ")[2])


_READERS: tuple[tuple[re.Pattern[str], Callable[[str, Any], Iterator[Notice]]], ...] = (
    (re.compile(r"^AWS Budgets?:|^AWS Budget Notification", re.MULTILINE), _budget),
    (re.compile(r"^Notification from AWS Backup|^An AWS Backup job|\bBackup ?Job ID ?:", re.MULTILINE), _backup),
    (re.compile(r"^AWS Elastic Beanstalk Notification|^Environment:.*\n+Application:", re.MULTILINE), _beanstalk),
    (re.compile(r"^Event Source ?: ?[a-z-]+\s(?:.|\n)*^Event ID ?:.*-EVENT-\d", re.MULTILINE), _database),
    (re.compile(r"^StackId='(?:.|\n)*^ResourceStatus='", re.MULTILINE), _stack),
    (re.compile(r"^(?:ElastiCache|MemoryDB):\w+", re.MULTILINE), _cache),
    (re.compile(r"^Successfully validated SNS topic", re.MULTILINE), _set_up),
)
