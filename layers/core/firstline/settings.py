"""What each function reads from its environment: one model per function, built when first used, never at import.

The names are the environment variables in lower case; `template.yaml` sets every one of them, and a test compares the
two. A function has no default for what the template decides.
"""

import os
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from firstline.errors import ConfigurationError


def _known_time_zone(name: str) -> str:
    ZoneInfo(name)
    return name


def _split(text: object) -> object:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if isinstance(text, str) else text


type Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""A comma-separated list; empty means none."""


class Settings(BaseModel):
    """Base of every function's settings."""

    # A function imports this file and uses one model of it: pydantic builds that one, and leaves the others.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    @classmethod
    def from_environment(cls) -> Self:
        """Read the process's environment.

        Raises
        ------
        ConfigurationError
            A variable is missing or makes no sense; the message names it.
        """
        try:
            return cls.model_validate(
                {name: os.environ[name.upper()] for name in cls.model_fields if name.upper() in os.environ}
            )
        except ValidationError as error:
            wrong = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
            raise ConfigurationError(
                f"{cls.__name__}: {wrong}. Set it in the function's environment (template.yaml)."
            ) from None


class IngestSettings(Settings):
    """functions/ingest."""

    stack_name: str
    table_name: str
    state_machine_arn: str
    quarantine_queue_url: str
    secrets_prefix: str
    runbooks_dir: str
    history_days: int = Field(ge=1)
    incidents_per_minute: int = Field(ge=1)
    incidents_per_minute_and_alert: int = Field(ge=1)


class ClassifySettings(Settings):
    """functions/classify."""

    table_name: str
    secrets_prefix: str
    runbooks_dir: str
    time_zone: Annotated[str, AfterValidator(_known_time_zone)]
    history_days: int = Field(ge=1)


class RemediateSettings(Settings):
    """functions/remediate. `remediation_mode` caps every runbook's own mode."""

    table_name: str
    secrets_prefix: str
    history_days: int = Field(ge=1)
    runbooks_dir: str
    environment_name: str
    remediation_mode: Literal["off", "approve", "auto"]
    document_prefix: str
    target_tag_key: str
    target_tag_value: str
    approval_timeout_seconds: int = Field(ge=60)
    release_arns: Names


class ChannelSettings(Settings):
    """What every function that tells people something needs."""

    stack_name: str
    table_name: str
    secrets_prefix: str
    slack_api_url: str
    slack_automated_channel: str
    slack_alerts_channel: str
    pagerduty_events_url: str
    resolve_within_seconds: int = Field(ge=60)
    console_url: str


class EscalateSettings(ChannelSettings):
    """functions/escalate."""

    history_days: int = Field(ge=1)
    runbooks_dir: str
    page_topic_arn: str
    pagerduty_api_url: str


class NotifySettings(ChannelSettings):
    """functions/notify."""

    history_days: int = Field(ge=1)


class RespondSettings(ChannelSettings):
    """functions/respond. `approvers` are Slack user ids; nobody else's approval counts."""

    history_days: int = Field(ge=1)
    approvers: Names


class AuditSettings(Settings):
    """functions/audit."""

    stack_name: str
    table_name: str
    history_days: int = Field(ge=1)
    state_machine_arn: str
    page_topic_arn: str
    page_after_seconds: int = Field(ge=60)
    flap_quiet_seconds: int = Field(ge=60)
    runbooks_dir: str
    incidents_per_minute: int = Field(ge=1)
    incidents_per_minute_and_alert: int = Field(ge=1)
    console_url: str
