"""Amazon SNS over HTTPS: the message's envelope, its signature, and the request to confirm a subscription.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from firstline.errors import Unauthenticated, UnreadablePayload
from firstline.sources.authentication import Request, has_token
from firstline.sources.body import parse_body
from firstline.sources.signal import SubscriptionConfirmation
from firstline.sources.values import moment

OLDEST = timedelta(hours=2)
"""The greatest age of an accepted signature. SNS itself tries to deliver over HTTPS for at most an hour.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
_TOPIC_ARN = re.compile(r"arn:(?P<partition>aws[a-z-]*):sns:(?P<region>[a-z0-9-]+):\d{12}:[A-Za-z0-9_.-]{1,256}")
_CERTIFICATE_PATH = re.compile(r"/SimpleNotificationService-[0-9a-f]{32}\.pem")


def authenticate(request: Request) -> None:
    """Raise unless the request has a token, or SNS's signature of a message from an allowed topic.

    The secrets hold tokens and the ARNs of allowed topics. SNS's certificate is fetched before the sender has proved
    anything, so only for a message that claims to come from an allowed topic, and only from SNS in that topic's region.

    Raises
    ------
    Unauthenticated
        The request has neither a valid token nor SNS's valid signature of a message from an allowed topic.
    CertificateUnavailable
        SNS did not answer with its certificate; the sender should try again.
    UnreadablePayload
        The signature is right but older than `OLDEST`, two hours, so somebody may be replaying the message.
    """
    topics = allowed_topics(request.secrets)
    if has_token(request, [secret for secret in request.secrets if secret not in topics]):
        return
    if not topics:
        raise Unauthenticated(
            "cloudwatch: no valid token, and no topic may send without one: "
            "add the topic's ARN to the secret sources/cloudwatch"
        )
    envelope = _envelope(request.body)
    if envelope is None:
        raise Unauthenticated(
            "cloudwatch: neither a valid token nor a message that SNS signed: "
            "turn raw delivery off, or send the secret sources/cloudwatch"
        )
    topic = envelope.get("TopicArn")
    if topic not in topics:
        raise Unauthenticated("cloudwatch: the topic is not allowed: add its ARN to the secret sources/cloudwatch")
    url = envelope.get("SigningCertURL")
    if not _is_certificate_of(str(topic), url):
        raise Unauthenticated(
            "cloudwatch: SigningCertURL is no certificate of SNS in the topic's region: "
            "send the message as SNS writes it"
        )
    if not _verified(envelope, request.certificate(str(url))):
        raise Unauthenticated(
            "cloudwatch: the signature of SNS does not match the message: send the message as SNS writes it"
        )
    signed_at = moment(envelope["Timestamp"])
    if signed_at is None or request.now - signed_at > OLDEST:
        raise UnreadablePayload(
            f"cloudwatch: the message may be a replay, because its Timestamp {envelope['Timestamp']} is not of the "
            f"last {OLDEST.total_seconds() / 3600:g} hours: check the alarm in CloudWatch"
        )


def allowed_topics(secrets: Sequence[str]) -> tuple[str, ...]:
    """Return the secrets that are ARNs of SNS topics; only these topics may send signed messages and are confirmed."""
    return tuple(secret for secret in secrets if _TOPIC_ARN.fullmatch(secret))


def subscription_confirmation(payload: Any) -> SubscriptionConfirmation | None:
    """Return the payload's request to confirm a subscription, or None if it is another message.

    The caller must have authenticated the payload, and must confirm allowed topics only. `SubscribeURL` is never
    fetched, because the token is enough.
    """
    if type(payload) is not dict or payload.get("Type") != "SubscriptionConfirmation":
        return None
    topic_arn, token = payload.get("TopicArn"), payload.get("Token")
    if type(topic_arn) is not str or type(token) is not str or not _TOPIC_ARN.fullmatch(topic_arn) or not token:
        return None
    return SubscriptionConfirmation(topic_arn, token)


def _is_certificate_of(topic: str, url: Any) -> bool:
    """Return True if `url` is `https://sns.<topic's region>.amazonaws.com[.cn]/SimpleNotificationService-<hex>.pem`.

    `topic` is the ARN of the topic. The host ends in `.cn` exactly if the topic is in China.
    """
    arn = _TOPIC_ARN.fullmatch(topic)
    if arn is None or type(url) is not str:
        return False
    host = f"https://sns.{arn['region']}.amazonaws.com{'.cn' if arn['partition'] == 'aws-cn' else ''}"
    return url.startswith(host) and _CERTIFICATE_PATH.fullmatch(url[len(host) :]) is not None


def _envelope(body: bytes) -> Mapping[str, Any] | None:
    """Return the SNS message in a body; None if the body is anything else or a type that SNS does not sign."""
    try:
        payload = parse_body(body)
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

    signature = envelope.get("Signature")
    message = _signed_text(envelope)
    # A topic signs with version 1 unless its owner asked for 2.
    algorithm = {"1": SHA1, "2": SHA256}.get(str(envelope.get("SignatureVersion")))
    if type(signature) is not str or message is None or algorithm is None:
        return False
    try:
        key = load_pem_x509_certificate(certificate.strip().encode()).public_key()
        if not isinstance(key, RSAPublicKey):
            return False
        key.verify(b64decode(signature, validate=True), message, PKCS1v15(), algorithm())
    except (ValueError, InvalidSignature):  # no certificate, no base64, or the wrong signature
        return False
    return True


def _signed_text(envelope: Mapping[str, Any]) -> bytes | None:
    """Return the text that SNS signs: a line with the key and one with the value of each signed field.

    None if a signed field other than `Subject` is missing or no text.
    """
    lines = []
    for key in _SIGNED_FIELDS[envelope["Type"]]:
        value = envelope.get(key)
        if value is None and key == "Subject":
            continue
        if type(value) is not str:
            return None
        lines.append(f"{key}\n{value}\n")
    return "".join(lines).encode()
