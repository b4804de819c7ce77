"""Secrets: SSM SecureStrings under the stack's own prefix, read with a cache and never logged."""

import time

from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.config import Config

from firstline.adapters.aws.clients import CLIENT_CONFIG

MAX_AGE_SECONDS = 300
"""How long a secret is remembered: a rotated one is picked up within this time."""


class Secrets:
    """Read `<prefix>/<name>`; a parameter that does not exist means that the owner has not switched this on.

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
        """The secret, or None when it is not set.

        Raises
        ------
        GetParameterError
            The parameter exists or may exist, but could not be read: better a retry than to go on without it.
        """
        if self._missing_until.get(name, 0.0) > time.monotonic():
            return None
        if self._provider is None:
            self._provider = SSMProvider(boto_config=self._config)
        try:
            value = self._provider.get(f"{self._prefix}/{name}", decrypt=True, max_age=MAX_AGE_SECONDS)
        except GetParameterError as error:
            if "ParameterNotFound" in str(error):
                # Remembered too: a flood of calls to a source that is closed must not become a flood on SSM.
                self._missing_until[name] = time.monotonic() + MAX_AGE_SECONDS
                return None
            raise
        return str(value).strip() or None

    def lines(self, name: str) -> tuple[str, ...]:
        """A secret that may hold several values, one a line: two active ones let either be rotated."""
        return tuple(line.strip() for line in (self.get(name) or "").splitlines() if line.strip())
