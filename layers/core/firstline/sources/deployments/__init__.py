"""Deployments, as CI/CD reports them with `POST /deployments` and AWS with events: the first suspects of an alert.

`webhooks.py` and `aws.py` read them, `states.py` knows the words for states, and `report.py` makes the deployment.
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
