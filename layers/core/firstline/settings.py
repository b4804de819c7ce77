"""The settings of the Lambda functions: one model per function, read from its environment on first use, not at import.

The name of a field is that of an environment variable in lower case. `template.yaml` sets every variable, and a test
compares the models with the template. Fields have no default, or an empty one, because the template decides. Base
models hold the fields that several functions share.
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
"""A comma-separated list in a variable; an empty text is an empty list."""


class Settings(BaseModel):
    """Settings that every function has (`Globals` in template.yaml)."""

    # A function imports this file and uses one of its models: with defer_build, pydantic builds no other.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    stack_name: str
    table_name: str
    secrets_prefix: str
    history_days: int = Field(ge=1)

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings from the environment variables of the process.

        Raises
        ------
        ConfigurationError
            A variable is missing or invalid; the message names the variable.
        """
        try:
            return cls.model_validate({name.lower(): value for name, value in os.environ.items()})
        except ValidationError as error:
            wrong = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
            fix = "Set it in the function's environment (template.yaml)."
            raise ConfigurationError(f"{cls.__name__}: {wrong}. {fix}") from None


class RunbookSettings(Settings):
    """Settings of the functions that read the owner's runbooks and policies from `runbooks_dir`."""

    runbooks_dir: str


class TimesSettings(Settings):
    """Settings of the functions that decide when a person is called and when an incident is over."""

    page_after_seconds: int = Field(ge=60)
    flap_quiet_seconds: int = Field(ge=60)
    resolve_within_seconds: int = Field(ge=60)


class IngestionSettings(RunbookSettings):
    """Settings of the functions that accept alerts."""

    state_machine_arn: str
    incidents_per_minute: int = Field(ge=1)
    incidents_per_minute_and_alert: int = Field(ge=1)
    time_zone: Annotated[str, AfterValidator(_known_time_zone)]


class PageTopicSettings(RunbookSettings):
    """Settings of the functions that publish to the page topic."""

    page_topic_arn: str
    console_url: str
    time_zone: Annotated[str, AfterValidator(_known_time_zone)]


class ChannelSettings(Settings):
    """Settings of the functions that tell people something."""

    slack_api_url: str
    slack_automated_channel: str
    slack_alerts_channel: str
    pagerduty_events_url: str
    console_url: str
    time_zone: Annotated[str, AfterValidator(_known_time_zone)]


class IngestSettings(IngestionSettings):
    """Settings of functions/ingest."""

    quarantine_queue_url: str
    backlog_queue_url: str


class ClassifySettings(RunbookSettings, TimesSettings):
    """Settings of functions/classify. `error_log_group_arns` are the logs that may be searched for error lines."""

    time_zone: Annotated[str, AfterValidator(_known_time_zone)]
    error_log_group_arns: Names


class RemediateSettings(RunbookSettings, TimesSettings):
    """Settings of functions/remediate. `remediation_mode` limits every runbook's own mode."""

    environment_name: str
    remediation_mode: Literal["off", "approve", "auto"]
    document_prefix: str
    target_tag_key: str
    target_tag_value: str
    host_domains: Names
    release_arns: Names


class EscalateSettings(ChannelSettings, PageTopicSettings, TimesSettings):
    """Settings of functions/escalate. `sms_sender_id` is the sender that text messages in some countries show."""

    pagerduty_api_url: str
    sms_sender_id: str = ""


class CanarySettings(Settings):
    """Settings of functions/canary."""

    canary_url: str


class NotifySettings(ChannelSettings, TimesSettings):
    """Settings of functions/notify."""


class RespondSettings(ChannelSettings, RunbookSettings):
    """Settings of functions/respond, which puts the problems that people report into a queue of functions/ingest."""

    backlog_queue_url: str


class ConsoleSettings(RunbookSettings):
    """Settings of functions/console. `console_url` is the AWS console's address of an execution, up to its name."""

    time_zone: Annotated[str, AfterValidator(_known_time_zone)]
    console_url: str


class PublishSettings(Settings):
    """Settings of functions/publish. `console_url` is the AWS console's address of an execution, up to its name."""

    event_bus_name: str
    console_url: str


class ReconcileSettings(IngestionSettings, EscalateSettings):
    """Settings of functions/reconcile, which also accepts alerts, pages people and updates messages.

    `function_names` lists the stack's functions, separated by commas, whose throttled calls reconcile reports.
    """

    function_names: str = ""
