"""Checks of the ways to people: the page topic, Slack, PagerDuty, and the list of people."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from firstline.text import one_line
from firstline_cli.doctor.findings import Finding, State, client, secret, secret_name

if TYPE_CHECKING:
    from firstline_cli.stacks import Stack

TIMEOUT_SECONDS = 4
_ROUTING_KEY = re.compile(r"[0-9a-zA-Z]{32}")
_ASKED = "firstline-doctor-asks-whether-the-key-is-known"
"""The key of an incident that does not exist. To resolve it changes nothing, but PagerDuty checks the routing key."""


def keys(stack: "Stack") -> Iterator[Finding]:
    """Check that the three keys are set that sign links: to the approval page, the console and the calendar feeds."""
    from firstline_cli.init.command import KEYS

    names = [secret_name(stack, key) for key in KEYS]
    missing = client(stack, "ssm").get_parameters(Names=names, WithDecryption=False)["InvalidParameters"]
    for key, name in zip(KEYS, names, strict=True):
        if name in missing:
            fix = f"firstline secret set {key} --make > /dev/null"
            # An owner who deployed without `init` may want no calendars.
            state: State = "note" if key == "console/calendar-key" else "wrong"
            yield Finding(state, "keys", f"the secret {key} is not set, so its links do not work", fix)
    if not missing:
        yield Finding("ok", "keys", "the links of approvals, of the console and of calendars can be signed")


def who_is_woken(stack: "Stack") -> Iterator[Finding]:
    """Report who is subscribed to the SNS topic for pages, or that nobody is."""
    topic = stack.outputs["PageTopicArn"]
    pages = client(stack, "sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [subscription for page in pages for subscription in page["Subscriptions"]]
    confirmed = [subscription for subscription in found if subscription["SubscriptionArn"].startswith("arn:")]
    for subscription in found:
        if subscription not in confirmed:
            fix = "answer the mail that SNS sent, or subscribe again if it is older than three days"
            yield Finding("note", "pages", f"{subscription['Endpoint']} has not confirmed its subscription", fix)
    if confirmed:
        listed = ", ".join(
            sorted(f"{subscription['Endpoint']} ({subscription['Protocol']})" for subscription in confirmed)
        )
        yield Finding("ok", "pages", f"the page topic wakes {listed}")
        if any(subscription["Protocol"] == "sms" for subscription in confirmed):
            yield from _sms(stack)
        return
    fix = f"set PageEmail in mine/firstline.toml and deploy, or: aws sns subscribe --topic-arn {topic} --protocol email"
    fix += " --notification-endpoint <address>"
    if secret(stack, "pagerduty/routing-key"):
        said = "nobody is subscribed to the page topic: alarms about Firstline reach nobody"
        yield Finding("wrong", "pages", said, fix)
    else:
        yield Finding("wrong", "pages", "NOBODY IS WOKEN: no subscriber of the page topic, and no PagerDuty", fix)


def _sms(stack: "Stack") -> Iterator[Finding]:
    if client(stack, "sns").get_sms_sandbox_account_status()["IsInSandbox"]:
        fix = "verify the number in SNS's console, or ask AWS to move the account out of the sandbox"
        yield Finding("note", "pages", "the account is in SNS's SMS sandbox: only verified numbers get a text", fix)


def slack(stack: "Stack") -> Iterator[Finding]:
    """Check Slack's bot token and signing secret, and look up the two channels that Firstline posts in.

    A channel cannot be looked up if its name is given instead of its id, or if the app has no right to do so.
    """
    token = secret(stack, "slack/bot-token")
    if token is None:
        if secret(stack, "slack/webhook-url"):
            yield Finding("ok", "slack", "an incoming webhook: no buttons, and nobody can approve through it")
        else:
            yield Finding("note", "slack", "Slack is not connected", "firstline init, or docs/channels/slack.md")
        return
    known = _ask_slack(stack, "auth.test", token)
    if not known.get("ok"):
        fix = "firstline secret set slack/bot-token, with the token of the installed app"
        yield Finding("wrong", "slack", f"Slack refuses the bot token ({_error(known)})", fix)
        return
    yield Finding(
        "ok", "slack", f"the bot token is good, for {one_line(str(known.get('team') or known.get('team_id')), 60)}"
    )
    if secret(stack, "slack/signing-secret") is None:
        fix = "firstline secret set slack/signing-secret, with the signing secret of the app"
        yield Finding("wrong", "slack", "the secret slack/signing-secret is not set, so no button works", fix)
    for name in ("SlackAutomatedChannel", "SlackAlertsChannel"):
        yield _channel(stack, token, stack.parameters.get(name, ""))


def _channel(stack: "Stack", token: str, channel: str) -> Finding:
    if not re.fullmatch(r"[CG][A-Z0-9]+", channel):
        # Slack looks channels up by id only, so a name is proved only by a post.
        return Finding("note", "slack", f"the channel {channel} can only be checked by a post", "firstline test alarm")
    found = _ask_slack(stack, "conversations.info", token, channel=channel)
    if found.get("ok"):
        archived = found.get("channel", {}).get("is_archived")
        said = f"{channel} is #{one_line(str(found['channel'].get('name')), 80)}"
        return (
            Finding("wrong", "slack", f"{said}, which is archived", "choose another channel, and deploy")
            if archived
            else Finding("ok", "slack", said)
        )
    if _error(found) == "missing_scope":
        return Finding(
            "note",
            "slack",
            f"the channel {channel} can only be checked by a post: the app may not look channels up",
            "firstline test alarm",
        )
    fix = "invite the bot to the channel, or choose another and deploy"
    return Finding("wrong", "slack", f"the channel {channel}: {_error(found)}", fix)


def pagerduty(stack: "Stack") -> Iterator[Finding]:
    """Check the routing key by asking PagerDuty to resolve an incident that does not exist, which changes nothing."""
    key = secret(stack, "pagerduty/routing-key")
    if key is None:
        fix = "firstline init, or docs/channels/pagerduty.md"
        yield Finding("note", "pagerduty", "PagerDuty is not connected", fix)
        return
    if not _ROUTING_KEY.fullmatch(key):
        fix = "firstline secret set pagerduty/routing-key, with the key of an Events API v2 integration"
        yield Finding("wrong", "pagerduty", "the routing key does not have 32 letters and digits", fix)
        return
    url = stack.parameters.get("PagerDutyEventsUrl", "https://events.pagerduty.com").rstrip("/") + "/v2/enqueue"
    body = {"routing_key": key, "event_action": "resolve", "dedup_key": _ASKED}
    status, said = _post(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    if status == 202:
        yield Finding("ok", "pagerduty", "PagerDuty takes the routing key")
    else:
        why = one_line(str(said.get("errors") or said.get("message") or said), 200)
        fix = "firstline secret set pagerduty/routing-key"
        yield Finding("wrong", "pagerduty", f"PagerDuty answered {status} to the routing key: {why}", fix)


def approvers(stack: "Stack") -> Iterator[Finding]:
    """Report who may approve plans, by the checkout's list of people, which a deployment takes along."""
    from firstline.policy.people import load_people
    from firstline_cli.checkout import runbooks_folder

    if stack.is_local:
        return
    people = load_people(runbooks_folder() / "policy" / "people.yaml")
    if people.approvers:
        yield Finding("ok", "approvers", f"{', '.join(sorted(people.approvers))} (as of this checkout)")
    else:
        fix = "give somebody the role approver in mine/runbooks/policy/people.yaml, and deploy"
        yield Finding("note", "approvers", "nobody may approve plans, so no runbook in the mode approve ever runs", fix)


def _ask_slack(stack: "Stack", method: str, token: str, **fields: str) -> dict[str, Any]:
    url = stack.parameters.get("SlackApiUrl", "https://slack.com/api/").rstrip("/") + f"/{method}"
    return _post(url, urlencode(fields).encode(), {"Authorization": f"Bearer {token}"})[1]


def _error(answer: dict[str, Any]) -> str:
    return one_line(str(answer.get("error") or answer.get("message") or "no answer that could be read"), 100)


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Post a body. Return the status and the JSON object of the answer; 0 and a `message` if there is no answer."""
    if not url.startswith(("https://", "http://")):
        return 0, {"message": f"{url[:40]!r} is no https address"}
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 (the scheme was just checked)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 (as above)
            status, content = response.status, response.read(100_000)
    except urllib.error.HTTPError as error:
        with error:
            status, content = error.code, error.read(100_000)
    except OSError as error:
        return 0, {"message": f"it cannot be reached ({error})"}
    try:
        said = json.loads(content)
    except ValueError:
        said = {}
    return status, said if isinstance(said, dict) else {}
