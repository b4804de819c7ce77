"""Kill switch: one SSM parameter that stops all remediation."""

from typing import TYPE_CHECKING

from firstline.adapters.aws.clients import AWS_FAILURES
from firstline.observability import logger
from firstline.remediation.decide import Switch

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class RemediationSwitch:
    """The kill switch, which is read anew each time: a person who switches remediation off needs it off at once.

    Example
    -------
    >>> RemediationSwitch(ssm, "/firstline/prod/remediation").read()
    """

    def __init__(self, ssm: "SSMClient", name: str) -> None:
        self._ssm = ssm
        self._name = name

    def read(self) -> Switch:
        """Return `on` if the parameter says `on` or does not exist, `unreadable` if SSM fails, otherwise `off`."""
        try:
            value = self._ssm.get_parameter(Name=self._name)["Parameter"].get("Value", "")
        except self._ssm.exceptions.ParameterNotFound:
            return "on"
        except AWS_FAILURES:
            logger.exception("The kill switch cannot be read, so no remediation runs", parameter=self._name)
            return "unreadable"
        return "on" if value.strip().lower() == "on" else "off"
