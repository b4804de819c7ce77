"""The base of the wiring: settings, AWS clients, secrets, and the parts that use the table and the executions."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import boto3

from firstline import settings
from firstline.adapters.aws.clients import CLIENT_CONFIG
from firstline.adapters.dynamodb.table import Table

if TYPE_CHECKING:
    from botocore.config import Config

    from firstline.adapters.aws.executions import StepFunctions
    from firstline.adapters.aws.secrets import Secrets
    from firstline.adapters.dynamodb.commands import TableCommands
    from firstline.adapters.dynamodb.groups import TableGroups
    from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
    from firstline.adapters.dynamodb.incidents import TableIncidents
    from firstline.adapters.dynamodb.overrides import TableOverrides
    from firstline.adapters.dynamodb.remediations import TableRemediations
    from firstline.adapters.dynamodb.sessions import TableSessions
    from firstline.adapters.dynamodb.silences import TableSilences
    from firstline.adapters.dynamodb.trail import TableTrail

    class _EverySetting(
        settings.IngestSettings,
        settings.ClassifySettings,
        settings.RemediateSettings,
        settings.RespondSettings,
        settings.ReconcileSettings,
        settings.ConsoleSettings,
        settings.CanarySettings,
        settings.PublishSettings,
    ):
        """The settings of all functions together, for mypy. At run time a function has only its own settings."""


class Stores:
    """Settings, AWS clients, secrets, and the parts that use the table and Step Functions' executions.

    Each is built when it is first used.
    """

    def __init__(self, model: type[settings.Settings], config: "Config" = CLIENT_CONFIG) -> None:
        self._model = model
        self._config = config

    @cached_property
    def settings(self) -> "_EverySetting":
        return cast("_EverySetting", self._model.from_environment())

    def _client(self, service: str, config: "Config | None" = None) -> Any:
        return boto3.client(cast("Any", service), config=config or self._config)

    @cached_property
    def secrets(self) -> "Secrets":
        from firstline.adapters.aws.secrets import Secrets

        return Secrets(self.settings.secrets_prefix, config=self._config)

    @cached_property
    def _dynamodb(self) -> Any:
        return self._client("dynamodb")

    @cached_property
    def table(self) -> Table:
        return self._table(self._dynamodb)

    def _table(self, client: Any) -> Table:
        return Table(client, self.settings.table_name, keep_days=self.settings.history_days)

    @cached_property
    def incidents(self) -> "TableIncidents":
        from firstline.adapters.dynamodb.incidents import TableIncidents

        return TableIncidents(self.table)

    @cached_property
    def groups(self) -> "TableGroups":
        from firstline.adapters.dynamodb.groups import TableGroups

        return TableGroups(self.table)

    @cached_property
    def heartbeats(self) -> "TableHeartbeats":
        from firstline.adapters.dynamodb.heartbeats import TableHeartbeats

        return TableHeartbeats(self.table)

    @cached_property
    def commands(self) -> "TableCommands":
        from firstline.adapters.dynamodb.commands import TableCommands

        return TableCommands(self.table)

    @cached_property
    def remediations(self) -> "TableRemediations":
        from firstline.adapters.dynamodb.remediations import TableRemediations

        return TableRemediations(self.table)

    @cached_property
    def silences(self) -> "TableSilences":
        from firstline.adapters.dynamodb.silences import TableSilences

        return TableSilences(self.table)

    @cached_property
    def overrides(self) -> "TableOverrides":
        from firstline.adapters.dynamodb.overrides import TableOverrides

        return TableOverrides(self.table)

    @cached_property
    def trail(self) -> "TableTrail":
        from firstline.adapters.dynamodb.trail import TableTrail

        return TableTrail(self.table)

    @cached_property
    def sessions(self) -> "TableSessions":
        from firstline.adapters.dynamodb.sessions import TableSessions

        return TableSessions(self.table)

    @cached_property
    def executions(self) -> "StepFunctions":
        from firstline.adapters.aws.executions import StepFunctions

        # Only functions that start executions know the state machine.
        return StepFunctions(self._client("stepfunctions"), getattr(self.settings, "state_machine_arn", ""))
