"""The accesses that a request to AWS needs: each an action on a resource, with the condition keys that IAM compares.

Only the services that the stack's roles use are known; for any other service, only the action is compared.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from botocore.loaders import Loader
from werkzeug.wrappers import Request

_CREDENTIAL = re.compile(r"Credential=([^/,]+)/\d+/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_CBOR = re.compile(r"/service/[^/]+/operation/([^/]+)$")
_REST = ("lambda", "appconfig")
"""The services whose operations are named by an HTTP method and a path."""

_SERVICES = {"monitoring": "cloudwatch"}
"""The name in IAM of each service whose requests are signed with another name."""


_NAMING = ("TopicArn", "PhoneNumber", "stateMachineArn", "executionArn")
"""The parameters in which a request to SNS or Step Functions names its resource."""


class Access(NamedTuple):
    """A permission that a request needs: an action on a resource, with the values of condition keys (`context`).

    If the resource is None, only the action is compared.
    """

    action: str
    resource: str | None
    context: Mapping[str, str | list[str]] = {}


class Caller(NamedTuple):
    """The signer of a request: its access key, and the region and service that the request is meant for."""

    key: str
    region: str
    service: str


def caller(request: Request) -> Caller | None:
    """Return the signer of a request, or None if the request is not signed."""
    found = _CREDENTIAL.search(request.headers.get("Authorization", ""))
    return Caller(*found.groups()) if found else None


def _table_accesses(operation: str, asked: Mapping[str, Any]) -> Iterator[tuple[str, str | None, list[str]]]:
    """Yield what a request to DynamoDB needs: (action, name of the index or None, partition keys).

    A transaction yields each of its writes; a BatchGetItem yields one action with all its keys. `asked` has the
    request's parameters.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    if operation == "TransactWriteItems":
        for part in asked["TransactItems"]:
            ((kind, write),) = part.items()
            yield f"dynamodb:{kind}Item", None, [_partition(write)]
    elif operation == "Query":
        values = asked["ExpressionAttributeValues"]
        yield "dynamodb:Query", asked.get("IndexName"), [values[":pk"]["S"]]
    elif operation == "BatchGetItem":
        (table,) = asked["RequestItems"].values()
        yield "dynamodb:BatchGetItem", None, [key["pk"]["S"] for key in table["Keys"]]
    elif "Item" in asked or "Key" in asked:
        yield f"dynamodb:{operation}", None, [_partition(asked)]
    else:
        yield f"dynamodb:{operation}", None, []


def accesses(request: Request, body: bytes, signer: Caller, account: str) -> list[Access]:
    """Return the permissions that a request needs, with ARNs in `account`; `signer` tells its region and service."""
    service = _SERVICES.get(signer.service, signer.service)
    operation, asked = _operation(request, body, signer.service)
    arn = f"arn:aws:{service}:{signer.region}:{account}"
    if service == "dynamodb":
        return [
            Access(
                action,
                f"{arn}:table/{_table(asked)}{f'/index/{index}' if index else ''}",
                {"dynamodb:LeadingKeys": keys} if keys else {},
            )
            for action, index, keys in _table_accesses(operation, asked)
        ]
    action = f"{service}:{'InvokeFunction' if (service, operation) == ('lambda', 'Invoke') else operation}"
    sources = sorted({entry["Source"] for entry in asked["Entries"]}) if action == "events:PutEvents" else []
    context: dict[str, str | list[str]] = {"events:source": sources[0]} if sources else {}
    return [Access(action, resource, context) for resource in _resources(service, arn, operation, asked)]


def _resources(service: str, arn: str, operation: str, asked: Mapping[str, Any]) -> list[str | None]:
    match service, operation:
        case "ssm", "SendCommand":
            document = f"{arn}:document/{asked['DocumentName']}"
            return [document, *(_instance(arn, node) for node in asked.get("InstanceIds", []))]
        case "ssm", "GetParameter" | "PutParameter":
            return [f"{arn}:parameter{asked['Name']}"]
        case "ssm", "GetDocument" | "DescribeDocument":
            return [f"{arn}:document/{asked['Name']}"]
        case "lambda", _:
            name = unquote(asked["FunctionName"])
            return [name if name.startswith("arn:") else f"{arn}:function:{name}"]
        case "sqs", _:
            return [f"{arn}:{asked['QueueUrl'].rsplit('/', 1)[-1]}"]
        case "sns" | "states", _:
            named = (asked.get(name) for name in _NAMING)
            return [next(filter(None, named), None)]
        case "events", "PutEvents":
            return [*sorted({f"{arn}:event-bus/{entry['EventBusName']}" for entry in asked["Entries"]})]
        case (("ssm" | "ec2" | "cloudwatch"), _):
            return ["*"]  # actions that know no resource
    return [None]


def _operation(request: Request, body: bytes, service: str) -> tuple[str, dict[str, Any]]:
    """Return a request's operation, or `Unknown`, and its parameters, as far as its header, path or form has them.

    `service` is the name for which the request is signed.
    """
    if target := request.headers.get("X-Amz-Target"):
        return target.rpartition(".")[2], json.loads(body or b"{}")
    if called := _CBOR.search(request.path):
        return called[1], {}
    if service in _REST:
        for method, path, name in _rest_operations(service):
            if method == request.method and (found := path.fullmatch(request.path)):
                return name, found.groupdict()
        return "Unknown", {}
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    return form.get("Action", "Unknown"), form


@cache
def _rest_operations(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    """Return each operation of a service with a REST API as (HTTP method, pattern of the path, name)."""
    model = Loader().load_service_model(service, "service-2")
    found = []
    for name, operation in model["operations"].items():
        path = re.sub(
            r"\\\{(\w+)(?:\\\+)?\\\}", r"(?P<\1>[^/]+)", re.escape(operation["http"]["requestUri"].split("?")[0])
        )
        found.append((operation["http"]["method"], re.compile(f"{path.rstrip('/')}/?"), name))
    return found


def _instance(arn: str, node: str) -> str:
    return (
        f"{arn}:managed-instance/{node}"
        if node.startswith("mi-")
        else f"{arn.replace(':ssm:', ':ec2:')}:instance/{node}"
    )


def _partition(request: Mapping[str, Any]) -> str:
    key: str = (request.get("Item") or request["Key"])["pk"]["S"]
    return key


def _table(asked: Mapping[str, Any]) -> str:
    """Return the name of the table that a request to DynamoDB with the parameters `asked` is about."""
    if "TransactItems" in asked:
        return str(next(iter(asked["TransactItems"][0].values()))["TableName"])
    return str(asked["TableName"] if "TableName" in asked else next(iter(asked["RequestItems"])))
