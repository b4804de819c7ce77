"""Checks of what nobody looks at until it is needed: copies of schedules, calendar feeds, the canary, the console."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import TYPE_CHECKING

from firstline.adapters.dynamodb.copies import TableCopies
from firstline.console.calendar_feed import SECRET as CALENDAR_KEY
from firstline.policy.followed import everything, problems_of
from firstline_cli.doctor import files
from firstline_cli.doctor.findings import Finding, client, secret

if TYPE_CHECKING:
    from firstline_cli.stacks import Stack

TIMEOUT_SECONDS = 8
"""A console that was not asked for long takes a cold start."""

FLIES_EVERY = timedelta(minutes=15)
LONGEST_FLIGHT = 30.0


def calendars(stack: "Stack") -> Iterator[Finding]:
    """Check the schedules that are kept elsewhere, as far as they were copied, and the key of the calendar feeds."""
    on_call, now = files.schedules(), datetime.now(UTC)
    copies, people = TableCopies(stack.table), files.everybody()
    for name, followed in on_call.followed.items():
        needs = "pagerduty/api-token" if followed.pagerduty_schedule else (followed.ical or "").removeprefix("ssm:")
        copy = copies.of(name)
        if secret(stack, needs) is None:
            said = f"{name} is kept elsewhere, and there is no secret to read it with"
            yield Finding("wrong", "schedules", said, f"firstline secret set {needs}")
            continue
        problems = list(problems_of(copy, people, now, followed.time_zone))
        for problem in problems:
            fix = "docs/oncall.md; `firstline oncall check --stack …` shows the same"
            yield Finding("wrong" if copy is None else "note", "schedules", f"{name}: {problem}", fix)
        if not problems:
            yield Finding("ok", "schedules", f"{name} is copied, and somebody has every hour of it")
    if everything(on_call) and secret(stack, CALENDAR_KEY) is None:
        fix = f"firstline secret set {CALENDAR_KEY} --make"
        yield Finding("note", "schedules", "calendar feeds are closed: there is no key for them", fix)


def canary(stack: "Stack") -> Iterator[Finding]:
    """Say whether an alert of Firstline's own came through lately, and whether somebody hears when none does."""
    if stack.is_local:
        return
    if not stack.parameters.get("CanaryAddress"):
        fix = "set CanaryAddress in mine/firstline.toml and deploy (docs/canary.md: about $2 a month)"
        yield Finding("note", "canary", "off: nobody is told when no alert comes through Firstline at all", fix)
        return
    if secret(stack, "sources/canary") is None:
        fix = "firstline secret set sources/canary --make"
        yield Finding("wrong", "canary", "it has no secret, so each flight is refused", fix)
        return
    topic = stack.outputs["PageTopicArn"].rpartition(":")[0] + f":{stack.deployed}-canary"
    pages = client(stack, "sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    if not any(each["SubscriptionArn"].startswith("arn:") for page in pages for each in page["Subscriptions"]):
        said = "nobody has confirmed its mail: when it is lost, nobody hears"
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
        return Finding("wrong", "canary", "none came through in the last half hour", fix)
    seconds = flights[-1]["Maximum"]
    if seconds > LONGEST_FLIGHT:
        return Finding("wrong", "canary", f"the last one took {seconds:.0f} seconds from the alert to its page", fix)
    return Finding("ok", "canary", f"the last one took {seconds:.0f} seconds from the alert to its page")


def console(stack: "Stack") -> Iterator[Finding]:
    """Ask the console for its list without a session, over the internet: it answers that one has to sign in."""
    url = f"{stack.api_url.rstrip('/')}/console/incidents"
    fix = "see the log of the function console, and whether a network in between asks for something"
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
        yield Finding("wrong", "console", f"it cannot be reached from here ({why})", fix)
        return
    if status == 401:
        yield Finding("ok", "console", "it answers, and asks who one is: firstline console")
    else:
        yield Finding("wrong", "console", f"without a session it should answer 401, and answers {status}", fix)
