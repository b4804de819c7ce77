"""The contracts of the function classify."""

from firstline.contracts.choice import DoneSoFar, WhatNowOutput
from firstline.models import Classification, Lenient


class ClassifyInput(DoneSoFar):
    """Input of the states `Classify` and `Classify Again`, which judge how bad the incident is."""

    notified: bool = False


class ClassifyOutput(Lenient):
    """Output of the states `Classify` and `Classify Again`: how bad the incident is, and why.

    `next` is the answer that `What Now?` would give now; if it is None, the machine asks `What Now?`.
    """

    classification: Classification
    next: WhatNowOutput | None = None
