"""Requests as they come through the HTTP API, and the alerts in them."""

from typing import Any


def alert(alert_name: str, *, severity: str = "critical", **fields: Any) -> dict[str, Any]:
    """Build a firing alert in the generic source's shape."""
    return {"alert_name": alert_name, "severity": severity, "status": "firing", "message": "It burns.", **fields}


def post(path: str, headers: dict[str, str], body: str) -> dict[str, Any]:
    """Build a request as an HTTP API hands it to a function."""
    return {
        "version": "2.0",
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {"domainName": "api.example", "http": {"method": "POST", "path": path}, "stage": "$default"},
        "body": body,
        "isBase64Encoded": False,
    }
