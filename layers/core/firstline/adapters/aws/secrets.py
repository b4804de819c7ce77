"""Secrets: SSM SecureStrings under the stack's own prefix, read with a cache and never logged."""

import time

import boto3
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.config import Config

from firstline.adapters.aws.clients import CLIENT_CONFIG
from firstline.observability import logger

MAX_AGE_SECONDS = 300
"""The time for which a secret is remembered, and so the longest until a rotated one is used."""

AGAIN_AFTER_SECONDS = 30
"""The time after a failed read in which the last secret is used without another read: each may take ten seconds."""


class Secrets:
    """The secrets of a stack: the SSM parameters `<prefix>/<name>`, each remembered for five minutes.

    If a parameter does not exist, the owner has not switched the feature on that needs it. While SSM fails, a secret
    that was read before stays in use: without it, alerts would be refused, and nobody would be paged through a channel.

    Example
    -------
    >>> Secrets("/firstline/prod").get("slack/bot-token")
    """

    def __init__(self, prefix: str, provider: SSMProvider | None = None, *, config: Config = CLIENT_CONFIG) -> None:
        self._prefix = prefix.rstrip("/")
        self._config = config
        self._provider = provider
        self._missing_until: dict[str, float] = {}
        self._known: dict[str, str] = {}
        self._unread_until: dict[str, float] = {}

    def get(self, name: str) -> str | None:
        """Return the value of the parameter `<prefix>/<name>`, or None if the parameter does not exist or is blank.

        Raises
        ------
        GetParameterError
            SSM failed or refused, and this process has not read the secret yet. The secret may exist: try again rather
            than go on without it.
        """
        if self._missing_until.get(name, 0.0) > time.monotonic():
            return None
        if self._unread_until.get(name, 0.0) > time.monotonic():
            return self._known.get(name) or None
        if self._provider is None:
            # A provider that makes its own client begins a session for it, which reads botocore's data once more.
            self._provider = SSMProvider(boto3_client=boto3.client("ssm", config=self._config))
        try:
            value = self._provider.get(f"{self._prefix}/{name}", decrypt=True, max_age=MAX_AGE_SECONDS)
        except GetParameterError as error:
            if "ParameterNotFound" not in str(error):
                if name not in self._known:
                    raise
                self._unread_until[name] = time.monotonic() + AGAIN_AFTER_SECONDS
                logger.warning("The secret %s could not be read again, so the last one stays in use: %s", name, error)
                return self._known[name] or None
            self._known.pop(name, None)
            # Remembered too: a flood of requests to a source without a secret must not become a flood on SSM.
            self._missing_until[name] = time.monotonic() + MAX_AGE_SECONDS
            return None
        self._known[name] = str(value).strip()
        return self._known[name] or None

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the lines of the parameter `<prefix>/<name>`, each of which is a valid secret; none if it is not set.

        During a rotation there are two, the old and the new one.
        """
        return tuple(line.strip() for line in (self.get(name) or "").splitlines() if line.strip())
