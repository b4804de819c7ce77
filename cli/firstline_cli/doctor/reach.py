"""Checks of parts that people notice only when they need them: copied schedules, calendar feeds, canary, console."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import TYPE_CHECKING

from firstline.adapters.dynamodb.schedule_copies import TableCopies
from firstline.console.calendar_feed import SECRET as CALENDAR_KEY
from firstline.policy.followed_schedules import everything, problems_of
from firstline_cli.doctor import files
from firstline_cli.doctor.findings import Finding, client, secret

if TYPE_CHECKING:
    from firstline_cli.stacks import Stack

TIMEOUT_SECONDS = 8
"""The time-out of a request to the console, long enough for a cold start."""

FLIES_EVERY = timedelta(minutes=15)
LONGEST_FLIGHT = 30.0


def calendars(stack: "Stack") -> Iterator[Finding]:
    """Check the stack's copies of schedules that another tool keeps, and that the key for calendar feeds is set."""
    on_call, now = files.schedules(), datetime.now(UTC)
    copies, people = TableCopies(stack.table), files.everybody()
    for name, followed in on_call.followed.items():
        needs = "pagerduty/api-token" if followed.pagerduty_schedule else (followed.ical or "").removeprefix("ssm:")
        copy = copies.of(name)
        if secret(stack, needs) is None:
            said = f"the schedule {name} cannot be copied from the tool that keeps it: the secret {needs} is not set"
            yield Finding("wrong", "schedules", said, f"firstline secret set {needs}")
            continue
        problems = list(problems_of(copy, people, now, followed.time_zone))
        for problem in problems:
            fix = "docs/oncall.md; `firstline oncall check --stack …` shows the same"
            yield Finding("wrong" if copy is None else "note", "schedules", f"{name}: {problem}", fix)
        if not problems:
            yield Finding("ok", "schedules", f"the schedule {name} is copied, and has no gap")
    if everything(on_call) and secret(stack, CALENDAR_KEY) is None:
        fix = f"firstline secret set {CALENDAR_KEY} --make"
        yield Finding("note", "schedules", f"calendar feeds do not work: the secret {CALENDAR_KEY} is not set", fix)


def canary(stack: "Stack") -> Iterator[Finding]:
    """Check that a canary's alert came through in the last half hour, and that a person is mailed if none does."""
    if stack.is_local:
        return
    if not stack.parameters.get("CanaryAddress"):
        fix = "set CanaryAddress in mine/firstline.toml and deploy (docs/canary.md: about $2 a month)"
        said = "the canary is off, so nobody is told when no alert comes through Firstline at all"
        yield Finding("note", "canary", said, fix)
        return
    if secret(stack, "sources/canary") is None:
        fix = "firstline secret set sources/canary --make"
        yield Finding("wrong", "canary", "the secret sources/canary is not set, so each test alert is refused", fix)
        return
    topic = stack.outputs["PageTopicArn"].rpartition(":")[0] + f":{stack.deployed}-canary"
    pages = client(stack, "sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    if not any(each["SubscriptionArn"].startswith("arn:") for page in pages for each in page["Subscriptions"]):
        said = "nobody has confirmed the canary's mail, so nobody hears when its alert is lost"
        yield Finding("wrong", "canary", said, "answer the mail that SNS sent to CanaryAddress, or deploy again")
    yield _flight(stack, datetime.now(UTC))


def _flight(stack: "Stack", now: datetime) -> Finding:
    found = client(stack, "cloudwatch").get_metric_statistics(
        Namespace="Firstline",
        MetricName="CanaryRoundTrip",
        Dimensions=[{"Name": "service", "Value": stack.deployed}],
        StartTime=now - 2 * FLIES_EVERY,
        EndTime=now,
        Period=60,
        Statistics=["Maximum"],
    )
    flights = sorted(found["Datapoints"], key=lambda flight: flight["Timestamp"])
    fix = "docs/canary.md, *When it rings*"
    if not flights:
        return Finding("wrong", "canary", "no test alert came through in the last half hour", fix)
    seconds = flights[-1]["Maximum"]
    said = f"the last test alert took {seconds:.0f} seconds to its page"
    if seconds > LONGEST_FLIGHT:
        return Finding("wrong", "canary", f"{said}, more than {LONGEST_FLIGHT:.0f}", fix)
    return Finding("ok", "canary", said)


def console(stack: "Stack") -> Iterator[Finding]:
    """Check over the internet that the console answers 401 (sign in) to a request without a session."""
    url = f"{stack.api_url.rstrip('/')}/console/incidents"
    fix = "see the log of the function console, and check for a proxy between here and AWS"
    if not url.startswith(("https://", "http://")):
        yield Finding("wrong", "console", "the stack's output ApiUrl is no address", "deploy again")
        return
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 (the scheme was just checked)
            status = answer.status
    except urllib.error.HTTPError as error:
        with error:
            status = error.code
    except (OSError, HTTPException) as error:
        why = getattr(error, "reason", None) or type(error).__name__
        yield Finding("wrong", "console", f"the console cannot be reached from here ({why})", fix)
        return
    if status == 401:
        yield Finding("ok", "console", "the console answers, and asks to sign in: firstline console")
    else:
        yield Finding("wrong", "console", f"the console answers {status} without a session, and should answer 401", fix)
