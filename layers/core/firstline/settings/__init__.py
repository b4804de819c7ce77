"""The settings of the Lambda functions: one model per function, read from its environment on first use, not at import.

The name of a field is that of an environment variable in lower case. `template.yaml` sets every variable, and a test
compares the models with the template. Fields have no default, or an empty one, because the template decides. Base
models hold the fields that several functions share; read `base.py` first.
"""

from typing import TYPE_CHECKING

from firstline import late_names

if TYPE_CHECKING:
    from firstline.settings.alerts import CanarySettings, IngestionSettings, IngestSettings
    from firstline.settings.base import RunbookSettings, Settings, TimesSettings
    from firstline.settings.incidents import ClassifySettings, RemediateSettings
    from firstline.settings.people import (
        ChannelSettings,
        ConsoleSettings,
        EscalateSettings,
        NotifySettings,
        PageTopicSettings,
        PublishSettings,
        RespondSettings,
    )
    from firstline.settings.reconcile import ReconcileSettings

__all__ = [
    "CanarySettings", "ChannelSettings", "ClassifySettings", "ConsoleSettings", "EscalateSettings", "IngestSettings",
    "IngestionSettings", "NotifySettings", "PageTopicSettings", "PublishSettings", "ReconcileSettings",
    "RemediateSettings", "RespondSettings", "RunbookSettings", "Settings", "TimesSettings",
]  # fmt: skip

_NAMES = {
    "alerts": "CanarySettings IngestSettings IngestionSettings",
    "base": "RunbookSettings Settings TimesSettings",
    "incidents": "ClassifySettings RemediateSettings",
    "people": (
        "ChannelSettings ConsoleSettings EscalateSettings NotifySettings PageTopicSettings PublishSettings "
        "RespondSettings"
    ),
    "reconcile": "ReconcileSettings",
}

if not TYPE_CHECKING:  # A type checker knows the names from above, and refuses any other.
    __getattr__ = late_names(__name__, _NAMES)
