"""The reading of deployments, which are the most frequent causes of alerts.

`webhooks.py` reads what CI/CD sends with `POST /deployments`, and `aws.py` reads EventBridge events. `states.py` maps
the senders' words for states, and `report.py` builds the deployment.
"""

from firstline.sources.deployments.aws import deployment_from_event, is_deployment_event
from firstline.sources.deployments.report import Deployments
from firstline.sources.deployments.webhooks import authenticate, deployment_from_request, read_deployments

__all__ = [
    "Deployments",
    "authenticate",
    "deployment_from_event",
    "deployment_from_request",
    "is_deployment_event",
    "read_deployments",
]
