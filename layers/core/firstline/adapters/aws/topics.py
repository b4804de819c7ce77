"""SNS topics that want to deliver here: confirm a subscription with its token, never by fetching its URL."""

from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from firstline.adapters.aws.clients import SENDER_WAITS
from firstline.errors import ConfirmationFailed

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient


def confirm_subscription(topic_arn: str, token: str) -> None:
    """Say yes to a topic.

    Raises
    ------
    ConfirmationFailed
        SNS did not accept it; SNS asks again, so the sender should get an error.
    """
    region = topic_arn.split(":")[3]
    client: SNSClient = boto3.client("sns", region_name=region, config=SENDER_WAITS)
    try:
        # Without AuthenticateOnUnsubscribe anybody who sees a message's unsubscribe link could cut the alarms off.
        client.confirm_subscription(TopicArn=topic_arn, Token=token, AuthenticateOnUnsubscribe="true")
    except (ClientError, BotoCoreError) as error:
        raise ConfirmationFailed(f"topic {topic_arn}: {error}") from error
