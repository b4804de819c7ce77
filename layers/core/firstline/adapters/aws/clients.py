"""Configurations of the AWS clients, and the one place that turns their failures into Firstline's errors.

botocore's own default waits a minute and tries five times, which outlasts every function. Each config below that
deviates from `CLIENT_CONFIG` says why.
"""

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from firstline.errors import FirstlineError

CLIENT_CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
"""The default: it gives up within a function's 30 seconds; the state machine, the sender or reconcile tries again."""

SENDER_WAITS = CLIENT_CONFIG.merge(
    Config(read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2}, parameter_validation=False)
)
"""The clients of ingest: PagerDuty waits five seconds for an answer, and senders try again by themselves.

AWS checks the parameters of each request. botocore's own check of a transaction costs more than writing it as JSON.
"""

EVIDENCE = CLIENT_CONFIG.merge(Config(read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}))
"""The clients of classify, which makes many requests: a table that hangs must not keep an incident from its verdict."""

ONE_SECOND = CLIENT_CONFIG.merge(Config(read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1}))
"""The clients of the model's circuit and account, which count against its deadline, and of an alarm's metric."""

INVENTORY = CLIENT_CONFIG.merge(Config(read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4}))
"""The clients of EC2 and Systems Manager, which throttle per account and answer slowly for many instances."""

AWS_FAILURES = (ClientError, BotoCoreError)


class raising:
    """A context manager that raises `error` if an AWS call in its block fails. The message is `what`, then the failure.

    It is a class because a generator would be slower, and every request to the table is made in such a block.
    """

    __slots__ = ("_error", "_what")

    def __init__(self, error: type[FirstlineError], what: str) -> None:
        self._error, self._what = error, what

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, kind: object, failure: BaseException | None, trace: object) -> None:
        """Raise the manager's own error instead, if an AWS call in the block failed."""
        if isinstance(failure, AWS_FAILURES):
            raise self._error(f"{self._what}: {failure}") from failure
