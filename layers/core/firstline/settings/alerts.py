"""The settings of the functions that accept alerts or send one: ingest and canary."""

from pydantic import Field

from firstline.settings.base import RunbookSettings, Settings, TimeZone


class IngestionSettings(RunbookSettings):
    """Settings that the functions which accept alerts, ingest and reconcile, have in common."""

    state_machine_arn: str
    incidents_per_minute: int = Field(ge=1)
    incidents_per_minute_and_alert: int = Field(ge=1)
    time_zone: TimeZone


class IngestSettings(IngestionSettings):
    """Settings of functions/ingest."""

    quarantine_queue_url: str
    backlog_queue_url: str


class CanarySettings(Settings):
    """Settings of functions/canary."""

    canary_url: str
