"""The alert for a change of a CloudWatch alarm's state, the same for every shape in which AWS sends the alarm."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote

from firstline.errors import UnreadablePayload
from firstline.sources import meanings, severity, values
from firstline.sources.cloudwatch_metrics import Query, of_alarm
from firstline.sources.identity import INSTANCE_ID, bare_host, digest, group_key, host_hint
from firstline.sources.location import locate
from firstline.sources.meanings import Subject
from firstline.sources.reading import Reading
from firstline.sources.severity import WORDS

_WORD = r"(?:non?t?[-_ ]?)?(?:" + "|".join(sorted(WORDS, key=len, reverse=True)) + r"|sev-[0-5])"
# `[high]`, `severity: high`, and `-WARNING` at the end.
_BRACKETED = re.compile(rf"\[\s*({_WORD})\s*\]", re.IGNORECASE)
_STATED = re.compile(rf"\b(?:severity|priority)\s*[:=]\s*({_WORD})\b(?!-\w)", re.IGNORECASE)
_SUFFIX = re.compile(r"(?<![Nn][Oo][NnTt])[-_/ ](WARNING|WARN|MAJOR|MINOR|INFO)$")
_INSTANCE_IN_NAME = re.compile(rf"(?<![A-Za-z0-9]){INSTANCE_ID.pattern}(?![A-Za-z0-9])")
_SCALES = re.compile(r"arn:[a-z-]+:(application-)?autoscaling:")
_SCALING_NAME = re.compile(r"TargetTracking-|awseb-.*AWSEBCloudwatchAlarm(High|Low)")
_SCALING_TEXT = re.compile(r"\s*(DO NOT EDIT OR DELETE\b.*Scaling|ElasticBeanstalk Default Scale )", re.DOTALL)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
_IN_RULE = re.compile(
    r"\b(?:ALARM|OK|INSUFFICIENT_DATA)\(\s{0,9}"
    r"(?:\"([^\"]{1,500})\"|'([^']{1,500})'|([^\"'()\s][^\"'()]{0,500}?))\s{0,9}\)"
)
"""One child in the rule of a composite alarm: its name or ARN, in quotes or without."""
MAX_RULE = 10_240
"""The most characters that AWS allows in the rule of a composite alarm."""
MOST_CHILDREN = 102
"""The most alarms of a composite alarm: 100 that its rule may name, itself, and the child that triggered its end."""

_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
# `Severity: 2 (High)`, JSON, and Markdown.
_STATED_AS_PHRASE = re.compile(
    r"\b(?:severity|priority)[\"*]{0,2}\s*[:=][\"* \t]{0,4}([^\n\",;.|}*]{1,40})", re.IGNORECASE
)

OWN_ALARMS = "Firstline/"
"""The prefix of the names of the alarms that watch a Firstline stack. No stack takes such an alarm as an alert."""

MADE_FOR = "made_for"
"""The label of an alarm that drives an automatism and is not meant for people; its value names it: `auto-scaling`."""


_NO_DATA = re.compile("no datapoints were received", re.IGNORECASE)
"""The words of CloudWatch's reason for a state that it chose by TreatMissingData alone."""


@dataclass(slots=True, kw_only=True)
class Alarm:
    """A change of an alarm's state, with the values as AWS sent them.

    Attributes
    ----------
    dimensions
        The dimensions of each metric.
    actions
        The ARNs that the alarm notifies or runs when it fires, such as topics and scaling policies.
    children
        Of a composite alarm: the ARNs of the alarms that triggered this change.
    rule
        Of a composite alarm: the rule that names all its children.
    accounts
        The accounts of the metrics; an alarm of a monitoring account may watch metrics of other accounts.
    queries
        The metrics and expressions that the alarm compares.
    comparison
        The comparison with the threshold; EventBridge does not send it.
    tags
        The tags of the alarm, which its owner may have it send along. The tags say how bad the alarm is and whose it
        is, never where.
    """

    name: Any
    arn: Any
    state: Any
    reason: Any
    description: Any
    at: Any
    account: Any
    metric: Any
    namespace: Any
    dimensions: list[dict[str, Any]]
    region: Any = None
    contributor_id: Any = None
    contributor: dict[str, Any] = field(default_factory=dict)
    muted_by: str | None = None
    severity: Any = None
    topic: str | None = None
    actions: list[Any] = field(default_factory=list)
    children: list[Any] = field(default_factory=list)
    accounts: list[Any] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    comparison: Any = None
    rule: Any = None
    tags: dict[str, str] = field(default_factory=dict)


def add_alarm(alarm: Alarm, raw: Any, reading: Reading) -> None:
    """Add the alarm to the reading as an alert, or the reason why it is no alert.

    `raw` is the message or event with the alarm as it was received, to be stored with the alert.

    Raises
    ------
    UnreadablePayload
        The alarm has no name, or a state that CloudWatch does not have.
    """
    name = values.name(alarm.name)
    if name is None:
        raise UnreadablePayload("cloudwatch: the alarm has no name: send it as CloudWatch writes it")
    reason = _reason_to_ignore(alarm, name)
    if reason is not None:
        reading.ignore(reason)
        return

    arn_account, arn_region, partition = _of_arn(alarm.arn)
    account = arn_account or values.name(alarm.account)
    region = arn_region or values.name(alarm.region)
    labels = _agreed_labels([*alarm.dimensions, alarm.contributor])
    meant, tagged = meanings.of(labels), meanings.of(alarm.tags)
    service = meant.first("service") or tagged.first("service") or meant.first("cluster")
    subject = Subject(account, region, service, meant.first("environment") or tagged.first("environment"))
    at, host = values.moment(alarm.at), _host(alarm, labels)
    full_name = values.scalar(alarm.name) or name
    # `Region` of an SNS message is a display name that varies; the ARN says it exactly.
    identity = values.scalar(alarm.arn) or f"{account}:{region}:{full_name}"
    word = alarm.severity or severity_word(name) or stated_severity(alarm.description) or tagged.first("severity")
    if (machine := _drives(alarm, full_name)) is not None:
        labels = {**labels, MADE_FOR: machine}
    fingerprint = digest("cloudwatch", identity, values.scalar(alarm.contributor_id))
    problems = _problems(reading.source, alarm, full_name, account, region) if alarm.state == "OK" else []
    reading.add(
        alert_name=name,
        severity=reading.severity(word or topic_severity_word(alarm.topic)),
        message=values.prose(alarm.description, alarm.reason),
        labels=values.labels({**alarm.tags, "metric": alarm.metric, "namespace": alarm.namespace, **labels}),
        at=at,
        ends_at=at if alarm.state == "OK" else None,
        # It is said once for each change of state, and an alarm that fires has just begun to.
        began_at=at if alarm.state == "ALARM" else None,
        timestamp_orders=True,
        status="firing" if alarm.state == "ALARM" else "resolved",
        nothing_known=_why_nothing_is_known(alarm, host),
        fingerprint=fingerprint,
        group_key=_problem(reading.source, alarm, full_name, account, region),
        or_as=((problem, fingerprint) for problem in problems),
        host=host,
        url=_console_url(name, region, partition),
        subject=subject,
        location=locate(meant, subject, host=host, accounts=map(values.name, alarm.accounts)),
        measured=of_alarm(alarm.queries, alarm.comparison, alarm.reason),
        raw_payload=raw,
    )


def _why_nothing_is_known(alarm: Alarm, host: str | None) -> str | None:
    """Return the reason if an alarm about a host is OK only because its metric has no data any more; else None.

    The host may be gone, so this is no recovery. For an alarm without a host, missing data is a recovery: where there
    are no requests, there are no errors.
    """
    if alarm.state != "OK" or host is None or not _NO_DATA.search(values.scalar(alarm.reason) or ""):
        return None
    return "its metric has no data any more, which the alarm takes for good"


def _problem(source: str, alarm: Alarm, name: str, account: str | None, region: str | None) -> str:
    """Return the group key of an alarm; a composite alarm has the group key of the first child that triggered it.

    The group key is made of account, region and alarm name, in which `*` replaces an instance id, and begins with
    `source`. Contributors and dimensions do not count, so that all the alerts of an alarm belong to one incident. The
    name is the alarm's whole name, and account and region are None if AWS does not state them.
    """
    return next(map(partial(_key, source), _named(alarm.children)), None) or _key(source, (account, region, name))


def _problems(source: str, alarm: Alarm, name: str, account: str | None, region: str | None) -> list[str]:
    """Return the group keys that a composite alarm may have fired under: its own, and that of each alarm in its rule.

    There are several, because the child that ends a composite alarm may be another one than the child that triggered
    it. A child that the rule names without an ARN is taken to be in the alarm's `account` and `region`. Return an empty
    list for an alarm that is not composite.
    """
    if not alarm.children and type(alarm.rule) is not str:
        return []
    children = children_in_rule(alarm.rule)
    named = [(account, region, name), *_named(alarm.children), *_named(children)]
    named += [(account, region, child) for child in children if ":alarm:" not in child]
    return [_key(source, each) for each in named[:MOST_CHILDREN]]


def children_in_rule(rule: Any) -> list[str]:
    """Return the alarms in the rule of a composite alarm, each as name or ARN; an empty list if the rule is no text."""
    found = _IN_RULE.findall(rule[:MAX_RULE]) if type(rule) is str else []
    return ["".join(quoted_or_not) for quoted_or_not in found]


def _named(arns: list[Any]) -> Iterator[tuple[str | None, str | None, str]]:
    """Yield account, region and name of each alarm ARN; skip what is no ARN."""
    for arn in arns:
        account, region, _ = _of_arn(arn)
        if account is not None:
            yield account, region, arn.split(":alarm:", 1)[1]


def _key(source: str, alarm: tuple[str | None, str | None, str]) -> str:
    account, region, name = alarm
    # One alarm per instance, the id in its name, is the usual way to watch a fleet: still one incident.
    common = _INSTANCE_IN_NAME.sub("*", name) if "i-" in name else name
    return group_key(source, common, Subject(account, region))


def _drives(alarm: Alarm, name: str) -> str | None:
    """Return `auto-scaling` for an alarm that only drives scaling, or None for an alarm that is meant for people.

    The alarm's actions decide, or its whole name (`name`) or description if it is of a form that AWS's scaling uses.
    https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
    https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-cfg-autoscaling-triggers.html
    """
    about = alarm.description if type(alarm.description) is str else ""
    only_scales = bool(alarm.actions) and all(type(arn) is str and _SCALES.match(arn) for arn in alarm.actions)
    return "auto-scaling" if only_scales or _SCALING_NAME.match(name) or _SCALING_TEXT.match(about) else None


def _reason_to_ignore(alarm: Alarm, name: str) -> str | None:
    if name.startswith(OWN_ALARMS):
        return f"{name} is one of Firstline's own alarms"
    if alarm.state == "INSUFFICIENT_DATA":
        return f"{name} has insufficient data: if it fires, it goes on firing until it is OK"
    if alarm.state not in ("ALARM", "OK"):
        raise UnreadablePayload(
            f"cloudwatch: the alarm {name} has the state {values.quoted(alarm.state)}: "
            "send ALARM, OK or INSUFFICIENT_DATA"
        )
    return f"{name} is suppressed by {alarm.muted_by}" if alarm.state == "ALARM" and alarm.muted_by else None


@lru_cache(maxsize=512)
def severity_word(name: str | None) -> str | None:
    """Return the word for a severity in a name such as `[high] disk`, `disk severity: P2` or `disk-WARNING`, or None.

    Results are cached, so pass names of limited length only.
    """
    if name is None:
        return None
    suffix = _SUFFIX.search(name)
    return stated_severity(name) or (suffix[1] if suffix else severity.in_name(name))


def stated_severity(description: Any) -> str | None:
    """Return the word of a description that states a severity, as in `[high]` or `severity: P2`; None if there is none.

    A bare "critical" does not count, because in a description it may mean anything.
    """
    if type(description) is not str:
        return None
    start = description[:1_000]
    found = _BRACKETED.search(start) if "[" in start else None
    if found is None and (":" in start or "=" in start):
        found = _STATED.search(start)
        phrase = None if found else _STATED_AS_PHRASE.search(start)
        if phrase and severity.from_word(phrase[1]) is not None:
            return phrase[1].strip()
    return found[1] if found else None


@lru_cache(maxsize=64)
def topic_severity_word(topic: str | None) -> str | None:
    """Return the severity word in the name or ARN of an SNS topic, as `critical` in `alerts-critical`, or None."""
    return severity.in_topic(topic.rsplit(":", 1)[-1]) if topic else None


def _of_arn(arn: Any) -> tuple[str | None, str | None, str]:
    """Return the account, region and partition of an alarm's ARN; `(None, None, "aws")` for anything else."""
    if type(arn) is str:
        parts = arn.split(":alarm:", 1)[0].split(":")
        if len(parts) == 5 and parts[0] == "arn":
            return values.name(parts[4]), values.name(parts[3]), parts[1]
    return None, None, "aws"


def _agreed_labels(dimensions: list[dict[str, Any]]) -> dict[str, str]:
    """Merge the dimensions of all metrics into labels; leave out a dimension whose values differ between metrics."""
    agreed: dict[str, str] = {}
    differing: set[str] = set()
    for metric in dimensions:
        for key, value in values.labels(metric).items():
            if agreed.setdefault(key, value) != value:
                differing.add(key)
    return {key: value for key, value in agreed.items() if key not in differing}


def _host(alarm: Alarm, labels: dict[str, str]) -> str | None:
    if "InstanceId" in labels:
        return bare_host(labels["InstanceId"])
    # A metric math alarm over several instances is about none of them.
    return None if any("InstanceId" in metric for metric in alarm.dimensions) else host_hint(labels)


@lru_cache(maxsize=512)
def _console_url(name: str, region: str | None, partition: str) -> str | None:
    console = _CONSOLES.get(partition)
    if region is None or console is None or not _REGION.fullmatch(region):
        return None
    return values.url(
        f"https://{region}.{console}/cloudwatch/home?region={region}#alarmsV2:alarm/{quote(name, safe='')}"
    )
