"""SNS topics that want to deliver here: a subscription is confirmed with its token, never by fetching its URL."""

from typing import TYPE_CHECKING

import boto3

from firstline.adapters.aws.clients import SENDER_WAITS, raising
from firstline.errors import ConfirmationFailed

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient


def confirm_subscription(topic_arn: str, token: str) -> None:
    """Confirm this stack's subscription to an SNS topic, with the token from SNS's request to confirm it.

    Raises
    ------
    ConfirmationFailed
        SNS did not accept the token. Answer SNS with an error, so that SNS asks again.
    """
    region = topic_arn.split(":")[3]
    client: SNSClient = boto3.client("sns", region_name=region, config=SENDER_WAITS)
    with raising(ConfirmationFailed, f"SNS did not confirm the subscription to topic {topic_arn}"):
        # Without AuthenticateOnUnsubscribe, a message's unsubscribe link would let any reader cut the alarms off.
        client.confirm_subscription(TopicArn=topic_arn, Token=token, AuthenticateOnUnsubscribe="true")
