"""Text messages to one person: the channel `sms`, which needs no PagerDuty and no subscription.

https://docs.aws.amazon.com/sns/latest/dg/sms_sending-overview.html: SNS takes E.164 numbers, and a message of several
parts up to 1,600 characters. No number is ever in a log or in an error: SNS's own messages repeat it.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import ClientError

from firstline.adapters.aws.clients import AWS_FAILURES
from firstline.channels.delivery import Wakes
from firstline.channels.sns import text_message
from firstline.errors import ChannelFailed, ConfigurationError, NotEntitled
from firstline.models import Notification
from firstline.observability import logger
from firstline.policy.people import FILE, People, Person

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

NUMBER = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_PASSING = frozenset({"Throttling", "Throttled", "ThrottledException", "InternalError", "InternalFailure"})


class TextMessages:
    """Pages by text message to the person on call.

    Parameters
    ----------
    turn
        Returns the name of the person on call, or None if no schedule says who is.
    secret
        Returns the value of a parameter below the stack's prefix, or None. Raises `GetParameterError`.
    link
        Returns a person's link to an incident, by the person and the incident's id. Raises `NotEntitled`,
        `ConfigurationError` or `GetParameterError` if it can make none; the page then goes out without a link.
    sender_id
        The sender that the phone shows, in countries that allow one; empty for none.
    """

    wakes: Wakes = "again"

    def __init__(
        self,
        turn: Callable[[], str | None],
        people: People,
        *,
        secret: Callable[[str], str | None],
        link: Callable[[Person, str], str],
        client: "SNSClient",
        sender_id: str = "",
    ) -> None:
        self._turn = turn
        self._people = people
        self._secret = secret
        self._link = link
        self._client = client
        self._sender_id = sender_id

    def tell(self, notification: Notification) -> bool:
        """Send a page to the phone of the person on call; return False if the notification is no page.

        Raises ChannelFailed if SNS refuses it, no schedule says who is on call, or that person has no phone.
        """
        if notification.kind != "paged":
            return False
        name = self._turn()
        if name is None:
            unknown = (
                "SMS: no schedule says whose turn it is; look at the level's schedule in runbooks/policy/oncall.yaml"
            )
            raise ChannelFailed(unknown, retryable=False)
        number = self._number(name)
        text = text_message(notification, self._link_for(name, notification.record.incident.incident_id))
        attributes = {"SMSType": "Transactional"} | ({"SenderID": self._sender_id} if self._sender_id else {})
        try:
            self._client.publish(
                PhoneNumber=number,
                Message=text or "",
                MessageAttributes={
                    f"AWS.SNS.SMS.{key}": {"DataType": "String", "StringValue": value}
                    for key, value in attributes.items()
                },
            )
        except AWS_FAILURES as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            passing = not isinstance(error, ClientError) or code in _PASSING
            # Without the cause, whose text has the number.
            raise ChannelFailed(f"SMS to {name}: SNS answered {code}", retryable=passing) from None
        return True

    def _number(self, name: str) -> str:
        entry = self._people.people.get(name)
        if entry is None or entry.phone is None:
            raise ChannelFailed(f"SMS: {name} has no phone in {FILE}; add one", retryable=False)
        if entry.phone_parameter is None:
            return entry.phone
        try:
            number = self._secret(entry.phone_parameter)
        except GetParameterError:
            why = f"SMS: the parameter {entry.phone_parameter} with {name}'s number cannot be read"
            raise ChannelFailed(why, retryable=True) from None
        number = (number or "").replace(" ", "")
        if not NUMBER.fullmatch(number):
            wrong = "has no number like +4915112345678" if number else "does not exist"
            why = f"SMS: the parameter {entry.phone_parameter} with {name}'s number {wrong}; store it again"
            raise ChannelFailed(why, retryable=False)
        return number

    def _link_for(self, name: str, incident_id: str) -> str:
        """Return the person's link to the incident, or an empty text if none can be made: the page goes out anyway."""
        person = self._people.named(name)
        try:
            return "" if person is None else self._link(person, incident_id)
        except (NotEntitled, ConfigurationError, GetParameterError) as error:
            logger.warning("A text message goes out without a link", extra={"why": str(error)})
            return ""
