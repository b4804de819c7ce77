"""Composition root: it builds the parts of a function from its settings, each once and when it is first used.

Read `stores.py` first. A handler makes one `Wiring` and passes its parts on to one call into the package. A part's
modules are imported where the part is built, so that a cold start imports nothing that its function does not use.

To replace a part in a test, set it before it is used: `wiring.incidents = MemoryStore().incidents`.

The modules' classes inherit from each other, here from left to right; `Wiring` inherits from the last ones:

    stores → files → monitors → classification
    stores → files → remediation → people → on_call → alerts (also from monitors)

| module | its parts |
|---|---|
| `stores` | settings, secrets, the table and its stores, executions |
| `files` | the owner's files: runbooks, rules, policies, people, schedules |
| `monitors` | readers of CloudWatch's alarms |
| `classification` | what the function classify needs: the model, and how far it is trusted |
| `remediation` | planning, permission, SSM documents, releases, targets, the switch; also the times of incidents |
| `people` | channels, pages, who is on call, events; the respond function and the console |
| `on_call` | text messages, hand-overs, calendar feeds |
| `alerts` | ingest, reconcile and the canary |
"""

import gc
import os
from typing import TYPE_CHECKING

from firstline import GARBAGE_THRESHOLDS
from firstline.adapters.aws.clients import CLIENT_CONFIG
from firstline.wiring.alerts import AlertParts
from firstline.wiring.classification import ClassificationParts

if TYPE_CHECKING:
    from botocore.config import Config

    from firstline.settings import Settings

ON_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"
"""The variable that Lambda sets."""


class Wiring(AlertParts, ClassificationParts):
    """The parts of one Lambda function, built from its settings.

    Parameters
    ----------
    model
        The class of the function's settings, which are read from the environment.
    config
        The time-outs and retries of the function's AWS clients, except of those for which a part sets its own.

    Example
    -------
    >>> wiring = Wiring(IngestSettings)
    >>> wiring.front_door.handle(event, now)
    """

    def __init__(self, model: "type[Settings]", config: "Config" = CLIENT_CONFIG) -> None:
        super().__init__(model, config)
        # A function has one wiring, made when all is imported. From then on garbage is looked for, and never in that.
        if ON_LAMBDA in os.environ:
            gc.freeze()
            gc.set_threshold(*GARBAGE_THRESHOLDS)
