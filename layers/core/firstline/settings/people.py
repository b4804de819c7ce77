"""The settings of the functions that tell, page and answer people, or the event bus."""

from firstline.settings.base import RunbookSettings, Settings, TimesSettings, TimeZone


class PageTopicSettings(RunbookSettings):
    """Settings of the functions that publish to the page topic."""

    page_topic_arn: str
    execution_url: str
    time_zone: TimeZone


class ChannelSettings(Settings):
    """Settings of the functions that tell people something."""

    slack_api_url: str
    slack_automated_channel: str
    slack_alerts_channel: str
    pagerduty_events_url: str
    execution_url: str
    time_zone: TimeZone


class EscalateSettings(ChannelSettings, PageTopicSettings, TimesSettings):
    """Settings of functions/escalate. `sms_sender_id` is the sender that text messages in some countries show."""

    pagerduty_api_url: str
    sms_sender_id: str = ""


class NotifySettings(ChannelSettings, TimesSettings):
    """Settings of functions/notify."""


class RespondSettings(ChannelSettings, RunbookSettings):
    """Settings of functions/respond, which puts the problems that people report into a queue of functions/ingest."""

    backlog_queue_url: str


class ConsoleSettings(RunbookSettings):
    """Settings of functions/console.

    `execution_url` is the address of an execution in the AWS console, without the execution's name at its end.
    """

    time_zone: TimeZone
    execution_url: str


class PublishSettings(Settings):
    """Settings of functions/publish.

    `execution_url` is the address of an execution in the AWS console, without the execution's name at its end.
    """

    event_bus_name: str
    execution_url: str
