"""Check of the signatures of people's requests, as API Gateway's IAM authorizer makes it.

A person's access key is the name of an IAM user of this account; the secret key is the same for all.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
import re
from collections.abc import Container
from datetime import UTC, datetime, timedelta

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from werkzeug.wrappers import Request

VALID_FOR = timedelta(minutes=5)

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[\w.@-]+)/\d{8}/(?P<region>[a-z0-9-]+)/execute-api/aws4_request, "
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)


def user_arn(request: Request, body: bytes, *, account: str, secret: str, roles: Container[str]) -> str | None:
    """Return the ARN of the user who signed a request, or None if the signature is missing, wrong, old or a role's.

    Parameters
    ----------
    account
        The id of the account to which the ARN belongs.
    secret
        The secret key of all users.
    roles
        The access keys of the stack's own roles, which may not invoke the API.
    """
    found = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    if found is None or found["key"] in roles or not _is_fresh(request.headers.get("X-Amz-Date", "")):
        return None
    headers = {name: request.headers.get(name, "") for name in found["signed"].split(";")}
    again = AWSRequest(request.method, request.url, headers, body)
    again.context["timestamp"] = request.headers["X-Amz-Date"]
    signer = SigV4Auth(Credentials(found["key"], secret), "execute-api", found["region"])
    expected = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    if not hmac.compare_digest(expected, found["signature"]):
        return None
    return f"arn:aws:iam::{account}:user/{found['key']}"


def _is_fresh(stamp: str) -> bool:
    try:
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(datetime.now(UTC) - signed_at) <= VALID_FOR
