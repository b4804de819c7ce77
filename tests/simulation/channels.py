"""Slack and PagerDuty as Firstline sees them: they keep what was sent, and their own state.

Both are put in at the adapters' HTTP call, and go through `Calls`: they may refuse, lose their answer, or be slow.
"""

import json
import urllib.error
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message as Headers
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from slack_sdk.errors import SlackApiError

from firstline.adapters.channels import paging
from firstline.adapters.channels import slack as slack_adapter
from tests.simulation.calls import Calls
from tests.simulation.clients import Publish


def _slack_refuses(_service: str, method: str) -> Exception:
    data, headers = {"error": "ratelimited"}, {"Retry-After": "1"}
    response = SimpleNamespace(get=data.get, status_code=429, data=data, headers=headers)
    return SlackApiError("Simulated", response)  # type: ignore[no-untyped-call]


def _no_answer(_service: str, _operation: str) -> Exception:
    return TimeoutError("Simulated: no answer")


def _pagerduty_refuses(_service: str, _operation: str) -> Exception:
    return urllib.error.HTTPError("https://events.pagerduty.com", 503, "Simulated", Headers(), BytesIO(b"{}"))


@dataclass
class Slack:
    """Slack's messages by channel and timestamp."""

    calls: Calls
    publish: Publish
    messages: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    by_incident: dict[str, tuple[str, str]] = field(default_factory=dict)
    _number: int = 0

    def api_call(self, method: str, *, json: Mapping[str, Any]) -> Any:
        """Serve a method of the Web API."""
        answer = self.calls.make(
            "slack", method, json, lambda: self._do(method, json), refuse=_slack_refuses, lose=_no_answer
        )
        return SimpleNamespace(data=answer)

    def _do(self, method: str, body: Mapping[str, Any]) -> dict[str, Any]:
        match method:
            case "chat.postMessage":
                self._number += 1
                place = str(body["channel"]), f"{self._number}.0"
                if "thread_ts" not in body:
                    self._keep(place, body, "posted")
                return {"ok": True, "channel": place[0], "ts": place[1]}
            case "chat.update":
                self._keep((str(body["channel"]), str(body["ts"])), body, "updated")
                return {"ok": True}
        incident = ""
        self.publish("slack", method, incident, body)
        return {"ok": True}

    def _keep(self, place: tuple[str, str], body: Mapping[str, Any], kind: str) -> None:
        buttons = dict(_buttons(body.get("blocks", [])))
        known = self.messages.get(place, {})
        incident = known.get("incident", "")
        for value in buttons.values():
            incident = value.partition("#")[0] or incident
        self.messages[place] = {"incident": incident, "buttons": buttons, "text": body.get("text", "")}
        if incident:
            self.by_incident[incident] = place
        self.publish("slack", kind, incident, {"text": body.get("text", ""), "buttons": buttons})

    def button(self, incident_id: str, action: str) -> str | None:
        """Return the value of a button under the incident's message, or None if there is no such button."""
        place = self.by_incident.get(incident_id)
        buttons: dict[str, str] = self.messages[place]["buttons"] if place else {}
        return buttons.get(action)


def _buttons(blocks: Any) -> Iterator[tuple[str, str]]:
    """Yield the buttons and menus of a message: the action's id, and its value."""
    for block in blocks:
        for element in [*block.get("elements", []), block.get("accessory") or {}]:
            if "action_id" in element:
                options = element.get("options") or [{}]
                yield element["action_id"], element.get("value") or options[0].get("value", "")


@dataclass
class PagerDuty:
    """PagerDuty's incidents by dedup key: `triggered`, `acknowledged` or `resolved`."""

    calls: Calls
    publish: Publish
    incidents: dict[str, str] = field(default_factory=dict)

    def fetch(self, url: str, headers: Mapping[str, str], timeout: float, body: bytes | None = None) -> bytes:
        """Serve the Events API."""
        event: dict[str, Any] = json.loads(body or b"{}")
        self.calls.make(
            "pagerduty",
            event.get("event_action", "get"),
            event,
            lambda: self._do(event),
            refuse=_pagerduty_refuses,
            lose=_no_answer,
        )
        return b"{}"

    def _do(self, event: Mapping[str, Any]) -> None:
        key = event["dedup_key"]
        action = {"trigger": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}[event["event_action"]]
        known = self.incidents.get(key)
        if action == "triggered" and known == "acknowledged":
            action = known
        if action == "acknowledged" and known != "triggered":
            action = known or "resolved"
        self.incidents[key] = action
        text = json.dumps(event.get("payload", {}))
        self.publish("pagerduty", event["event_action"], key.removeprefix("firstline:"), {"was": known, "text": text})


@contextmanager
def connected(slack: Slack, pagerduty: PagerDuty) -> Iterator[None]:
    """Let the adapters reach these for a block."""
    client, fetch = vars(slack_adapter)["WebClient"], paging._fetch
    vars(slack_adapter)["WebClient"] = lambda **_: slack
    vars(paging)["_fetch"] = pagerduty.fetch
    try:
        yield
    finally:
        vars(slack_adapter)["WebClient"] = client
        vars(paging)["_fetch"] = fetch
