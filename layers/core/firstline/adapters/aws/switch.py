"""The kill switch: one SSM parameter that stops all remediation."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from firstline.observability import logger
from firstline.remediation.decide import Switch

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class RemediationSwitch:
    """Read the parameter, each time anew: what somebody switches off in trouble must be off at once.

    Example
    -------
    >>> RemediationSwitch(ssm, "/firstline/prod/remediation").read()
    """

    def __init__(self, ssm: "SSMClient", name: str) -> None:
        self._ssm = ssm
        self._name = name

    def read(self) -> Switch:
        """On when it says `on` or is not there. Whatever else it says is off: who writes `stop` means it."""
        try:
            value = self._ssm.get_parameter(Name=self._name)["Parameter"].get("Value", "")
        except self._ssm.exceptions.ParameterNotFound:
            return "on"
        except (ClientError, BotoCoreError):
            logger.exception("The switch for remediation cannot be read; nothing runs", parameter=self._name)
            return "unreadable"
        return "on" if value.strip().lower() == "on" else "off"
