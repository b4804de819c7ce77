"""Amazon SNS over HTTPS: its envelope, its signature, and the request to confirm a subscription.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import re
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.sources.authentication import Request, has_token
from firstline.sources.body import parse_body
from firstline.sources.signal import SubscriptionConfirmation

_SIGNED_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_TOPIC_ARN = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]{1,256}")
_CERTIFICATE_HOST = re.compile(r"sns\.[a-z]{2}(-[a-z]+)+-\d\.amazonaws\.com(\.cn)?")
_CERTIFICATE_PATH = re.compile(r"/[A-Za-z0-9_/-]+\.pem")
_PEM = "-----BEGIN CERTIFICATE-----"


def authenticate(request: Request) -> None:
    """A token, or SNS's own signature of a message from an allowed topic.

    The secrets hold tokens, ARNs of allowed topics and the signing certificate (PEM), which ingest fetched from
    `signing_certificate_url`.
    """
    certificates = [secret for secret in request.secrets if secret.lstrip().startswith(_PEM)]
    topics = allowed_topics(request.secrets)
    tokens = [secret for secret in request.secrets if secret not in certificates and secret not in topics]
    if has_token(request, tokens):
        return
    if not topics:
        raise Unauthenticated("cloudwatch: no valid token, and no topic is allowed to send without one")
    envelope = _envelope(request.body)
    if envelope is None:
        raise Unauthenticated("cloudwatch: neither a valid token nor a message that SNS signed (raw delivery is not)")
    if envelope.get("TopicArn") not in topics:
        raise Unauthenticated("cloudwatch: the topic is not among the allowed ones")
    if not certificates:
        raise Unauthenticated("cloudwatch: no certificate to verify the signature of SNS with")
    if not any(_verified(envelope, certificate) for certificate in certificates):
        raise Unauthenticated("cloudwatch: the signature of SNS does not match the message")


def allowed_topics(secrets: Sequence[str]) -> tuple[str, ...]:
    """The ARNs of topics among the secrets: only these may send signed messages, and only these are confirmed."""
    return tuple(secret for secret in secrets if _TOPIC_ARN.fullmatch(secret))


def signing_certificate_url(payload_or_body: Any, secrets: Sequence[str] | None = None) -> str | None:
    """Where the certificate of a signed SNS message is, or None when there is no address that may be fetched.

    It is the only address out of a request that is ever fetched, before the sender has proved anything. So it must be
    exactly `https://sns.<region>.amazonaws.com[.cn]/….pem` without user, port, query or fragment; and with `secrets`
    given, the message must claim to come from one of the allowed topics among them.
    """
    topics = None if secrets is None else allowed_topics(secrets)
    if topics == ():
        return None
    envelope = _envelope(payload_or_body)
    if envelope is None or (topics is not None and envelope.get("TopicArn") not in topics):
        return None
    url = envelope.get("SigningCertURL")
    if type(url) is not str or len(url) > 300 or not url.isascii() or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if (
        parts.scheme == "https"
        # The whole of it: a user, a port or an upper-case letter would make it another text than the host.
        and _CERTIFICATE_HOST.fullmatch(parts.netloc)
        and _CERTIFICATE_PATH.fullmatch(parts.path)
        and url == f"https://{parts.netloc}{parts.path}"
    ):
        return url
    return None


def subscription_confirmation(payload: Any) -> SubscriptionConfirmation | None:
    """The request to confirm a subscription, if this is one. `SubscribeURL` is never fetched: the token is enough.

    Call it only with an authenticated payload, and confirm only topics that are allowed.
    """
    if type(payload) is not dict or payload.get("Type") != "SubscriptionConfirmation":
        return None
    topic_arn, token = payload.get("TopicArn"), payload.get("Token")
    if type(topic_arn) is not str or type(token) is not str or not _TOPIC_ARN.fullmatch(topic_arn) or not token:
        return None
    return SubscriptionConfirmation(topic_arn, token)


def _envelope(payload_or_body: Any) -> Mapping[str, Any] | None:
    """The SNS message, if this is one of the types that SNS signs."""
    payload = payload_or_body
    if isinstance(payload, bytes):
        try:
            payload = parse_body(payload)
        except UnreadablePayload:
            return None
    return payload if type(payload) is dict and payload.get("Type") in tuple(_SIGNED_FIELDS) else None


def _verified(envelope: Mapping[str, Any], certificate: str) -> bool:
    # Imported here: it costs more than the rest of this package together, and most deliveries carry a token.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256
    from cryptography.x509 import load_pem_x509_certificate

    signature = _decoded(envelope.get("Signature"))
    message = _signed_text(envelope)
    # Version 1 is what a topic signs with unless its owner asked for 2.
    algorithm = {"1": SHA1, "2": SHA256}.get(str(envelope.get("SignatureVersion")))
    if signature is None or message is None or algorithm is None:
        return False
    try:
        key = load_pem_x509_certificate(certificate.strip().encode()).public_key()
    except ValueError:
        return False
    if not isinstance(key, RSAPublicKey):
        return False
    try:
        key.verify(signature, message, PKCS1v15(), algorithm())
    except InvalidSignature:
        return False
    return True


def _signed_text(envelope: Mapping[str, Any]) -> bytes | None:
    """`Key\\nValue\\n` for each signed field, in byte order of the keys; None when one is missing or no text."""
    lines = []
    for key in _SIGNED_FIELDS[envelope["Type"]]:
        value = envelope.get(key)
        if value is None and key == "Subject":
            continue
        if type(value) is not str:
            return None
        lines.append(f"{key}\n{value}\n")
    return "".join(lines).encode()


def _decoded(signature: Any) -> bytes | None:
    try:
        return b64decode(signature, validate=True) if type(signature) is str else None
    except (BadBase64, ValueError):
        return None
