"""Secrets: SSM SecureStrings under the stack's own prefix, read with a cache and never logged."""

import time

import boto3
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.config import Config

from firstline.adapters.aws.clients import CLIENT_CONFIG

MAX_AGE_SECONDS = 300
"""The time for which a secret is remembered, and so the longest until a rotated one is used."""


class Secrets:
    """The secrets of a stack: the SSM parameters `<prefix>/<name>`, each remembered for five minutes.

    If a parameter does not exist, the owner has not switched the feature on that needs it.

    Example
    -------
    >>> Secrets("/firstline/prod").get("slack/bot-token")
    """

    def __init__(self, prefix: str, provider: SSMProvider | None = None, *, config: Config = CLIENT_CONFIG) -> None:
        self._prefix = prefix.rstrip("/")
        self._config = config
        self._provider = provider
        self._missing_until: dict[str, float] = {}

    def get(self, name: str) -> str | None:
        """Return the value of the parameter `<prefix>/<name>`, or None if the parameter does not exist or is blank.

        Raises
        ------
        GetParameterError
            SSM failed or refused, so the secret may exist: try again rather than go on without it.
        """
        if self._missing_until.get(name, 0.0) > time.monotonic():
            return None
        if self._provider is None:
            # A provider that makes its own client begins a session for it, which reads botocore's data once more.
            self._provider = SSMProvider(boto3_client=boto3.client("ssm", config=self._config))
        try:
            value = self._provider.get(f"{self._prefix}/{name}", decrypt=True, max_age=MAX_AGE_SECONDS)
        except GetParameterError as error:
            if "ParameterNotFound" not in str(error):
                raise
            # Remembered too: a flood of requests to a source without a secret must not become a flood on SSM.
            self._missing_until[name] = time.monotonic() + MAX_AGE_SECONDS
            return None
        return str(value).strip() or None

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the lines of the parameter `<prefix>/<name>`, each of which is a valid secret; none if it is not set.

        During a rotation there are two, the old and the new one.
        """
        return tuple(line.strip() for line in (self.get(name) or "").splitlines() if line.strip())
