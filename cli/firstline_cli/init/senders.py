"""Texts to paste at the senders: each source's address and token, and the manifest of the Slack app."""

import json
from collections.abc import Callable

NO_TOKEN = "<the token that was shown when it was made>"  # noqa: S105 (the place of one)


def manifest(interactivity_url: str) -> str:
    """Return the manifest of the Slack app, whose buttons post to this address."""
    return f"""display_information:
  name: Firstline
features:
  bot_user:
    display_name: Firstline
    always_online: true
oauth_config:
  scopes:
    bot: [chat:write, chat:write.public]
settings:
  interactivity:
    is_enabled: true
    request_url: {interactivity_url}
"""


def instructions(source: str, api: str, token: str) -> str:
    """Return the settings for a source's sender, ready to paste.

    `api` is the URL of the stack's API, and `token` the source's token, or a text in its place.
    """
    url = f"{api}/deployments" if source == "deployments" else f"{api}/alerts/{source}"
    return _TEXTS[source](url, token)


def _cloudwatch(_: str, __: str) -> str:
    return "Nothing to do: EventBridge brings every alarm of this account and region.\n"


def _prometheus(url: str, token: str) -> str:
    return f"""In alertmanager.yml (more: docs/sources/prometheus.md):

receivers:
  - name: firstline
    webhook_configs:
      - url: {url}
        send_resolved: true
        max_alerts: 0
        http_config:
          authorization: {{credentials: {token}}}
"""


def _grafana(url: str, token: str) -> str:
    return f"""Alerting, Contact points, Add, Webhook (more: docs/sources/grafana.md):

URL                    {url}
Authorization header   Bearer {token}
"""


def _datadog(url: str, token: str) -> str:
    headers = json.dumps({"Authorization": f"Bearer {token}"})
    return f"""Integrations, Webhooks, New (payload: docs/sources/datadog.md):

Name             firstline
URL              {url}
Custom headers   {headers}
"""


def _pagerduty(url: str, _: str) -> str:
    return f"""Integrations, Generic Webhooks (v3), New Webhook (events: docs/sources/pagerduty.md):

URL   {url}

PagerDuty shows its signing secret once. Store it: firstline secret set sources/pagerduty
"""


def _generic(url: str, token: str) -> str:
    body = json.dumps({"alert_name": "Backup failed", "severity": "low"})
    return f"""curl {url} -H 'Authorization: Bearer {token}' \\
  -H 'Content-Type: application/json' -d '{body}'
"""


def _deployments(url: str, token: str) -> str:
    body = json.dumps({"service": "checkout", "version": "1.4.2", "status": "succeeded"})
    return f"""At the end of a deployment (more: docs/sources/deployments.md):

curl {url} -H 'Authorization: Bearer {token}' \\
  -H 'Content-Type: application/json' -d '{body}'
"""


_TEXTS: dict[str, Callable[[str, str], str]] = {
    "cloudwatch": _cloudwatch,
    "prometheus": _prometheus,
    "grafana": _grafana,
    "datadog": _datadog,
    "pagerduty": _pagerduty,
    "generic": _generic,
    "deployments": _deployments,
}
