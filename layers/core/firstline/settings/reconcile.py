"""The settings of the function reconcile, which accepts alerts as ingest does and pages as escalate does."""

from firstline.settings.alerts import IngestionSettings
from firstline.settings.people import EscalateSettings


class ReconcileSettings(IngestionSettings, EscalateSettings):
    """Settings of functions/reconcile, which also accepts alerts, pages people and updates messages.

    `function_names` lists the stack's functions, separated by commas, whose throttled calls reconcile reports.
    """

    function_names: str = ""
