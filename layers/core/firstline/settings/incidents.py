"""The settings of the functions that judge and cure incidents: classify and remediate."""

from typing import Literal

from firstline.settings.base import Names, RunbookSettings, TimesSettings, TimeZone


class ClassifySettings(RunbookSettings, TimesSettings):
    """Settings of functions/classify. `error_log_group_arns` are the logs that may be searched for error lines."""

    time_zone: TimeZone
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
