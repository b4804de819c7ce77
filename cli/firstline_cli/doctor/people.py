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
"""The key of no incident: to resolve it changes nothing, and PagerDuty says whether it knows the routing key."""


def keys(stack: "Stack") -> Iterator[Finding]:
    """Check that the keys are there that sign the links of approvals, of the console and of calendars."""
    from firstline_cli.init.command import KEYS

    names = [secret_name(stack, key) for key in KEYS]
    missing = client(stack, "ssm").get_parameters(Names=names, WithDecryption=False)["InvalidParameters"]
    for key, name in zip(KEYS, names, strict=True):
        if name in missing:
            fix = f"firstline secret set {key} --make > /dev/null"
            # Whoever deployed without `init` may want no calendars.
            state: State = "note" if key == "console/calendar-key" else "wrong"
            yield Finding(state, "keys", f"{key} is not set: its links do not work", fix)
    if not missing:
        yield Finding("ok", "keys", "the links of approvals, of the console and of calendars can be signed")


def who_is_woken(stack: "Stack") -> Iterator[Finding]:
    """Say who is subscribed to the page topic, and whether anybody can be woken at all."""
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
    """Check the bot token, the signing secret, and as far as the app's scopes allow the two channels."""
    token = secret(stack, "slack/bot-token")
    if token is None:
        if secret(stack, "slack/webhook-url"):
            yield Finding("ok", "slack", "an incoming webhook: no buttons, and nobody can approve through it")
        else:
            yield Finding("note", "slack", "not connected", "firstline init, or docs/channels/slack.md")
        return
    known = _ask_slack(stack, "auth.test", token)
    if not known.get("ok"):
        fix = "firstline secret set slack/bot-token, with the token of the installed app"
        yield Finding("wrong", "slack", f"it refuses the token ({_error(known)})", fix)
        return
    yield Finding(
        "ok", "slack", f"the token is good, for {one_line(str(known.get('team') or known.get('team_id')), 60)}"
    )
    if secret(stack, "slack/signing-secret") is None:
        fix = "firstline secret set slack/signing-secret, with the app's"
        yield Finding("wrong", "slack", "no signing secret: the buttons are closed", fix)
    for name in ("SlackAutomatedChannel", "SlackAlertsChannel"):
        yield _channel(stack, token, stack.parameters.get(name, ""))


def _channel(stack: "Stack", token: str, channel: str) -> Finding:
    if not re.fullmatch(r"[CG][A-Z0-9]+", channel):
        # Slack looks channels up by id only; whether a name is one shows when something is posted.
        return Finding("note", "slack", f"{channel} can only be tried", "firstline test alarm")
    found = _ask_slack(stack, "conversations.info", token, channel=channel)
    if found.get("ok"):
        archived = found.get("channel", {}).get("is_archived")
        said = f"{channel} is #{one_line(str(found['channel'].get('name')), 80)}"
        return (
            Finding("wrong", "slack", f"{said}, archived", "choose another")
            if archived
            else Finding("ok", "slack", said)
        )
    if _error(found) == "missing_scope":
        return Finding(
            "note", "slack", f"{channel} can only be tried: the app may not look channels up", "firstline test alarm"
        )
    return Finding("wrong", "slack", f"{channel}: {_error(found)}", "choose another, or invite the bot")


def pagerduty(stack: "Stack") -> Iterator[Finding]:
    """Check the routing key: PagerDuty is asked to resolve what does not exist, which changes nothing."""
    key = secret(stack, "pagerduty/routing-key")
    if key is None:
        yield Finding("note", "pagerduty", "not connected", "firstline init, or docs/channels/pagerduty.md")
        return
    if not _ROUTING_KEY.fullmatch(key):
        fix = "firstline secret set pagerduty/routing-key, with the key of an Events API v2 integration"
        yield Finding("wrong", "pagerduty", "the routing key has not the 32 letters and digits of one", fix)
        return
    url = stack.parameters.get("PagerDutyEventsUrl", "https://events.pagerduty.com").rstrip("/") + "/v2/enqueue"
    body = {"routing_key": key, "event_action": "resolve", "dedup_key": _ASKED}
    status, said = _post(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    if status == 202:
        yield Finding("ok", "pagerduty", "it takes the routing key")
    else:
        why = one_line(str(said.get("errors") or said.get("message") or said), 200)
        yield Finding(
            "wrong", "pagerduty", f"it answered {status}: {why}", "firstline secret set pagerduty/routing-key"
        )


def approvers(stack: "Stack") -> Iterator[Finding]:
    """Yield who may approve plans, by the checkout's list of people, which a deployment ships."""
    from firstline.policy.people import load_people
    from firstline_cli.checkout import runbooks_folder

    if stack.is_local:
        return
    people = load_people(runbooks_folder() / "policy" / "people.yaml")
    if people.approvers:
        yield Finding("ok", "approvers", f"{', '.join(sorted(people.approvers))} (as of this checkout)")
    else:
        fix = "give somebody the role approver in mine/runbooks/policy/people.yaml, and deploy"
        yield Finding("note", "approvers", "nobody may approve, so no runbook that asks ever runs", fix)


def _ask_slack(stack: "Stack", method: str, token: str, **fields: str) -> dict[str, Any]:
    url = stack.parameters.get("SlackApiUrl", "https://slack.com/api/").rstrip("/") + f"/{method}"
    return _post(url, urlencode(fields).encode(), {"Authorization": f"Bearer {token}"})[1]


def _error(answer: dict[str, Any]) -> str:
    return one_line(str(answer.get("error") or answer.get("message") or "no answer that could be read"), 100)


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Post, and return the status and the JSON object of the answer; of a failure, why as `message`."""
    if not url.startswith(("https://", "http://")):
        return 0, {"message": f"{url[:40]!r} is no address"}
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
