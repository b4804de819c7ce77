"""The input and the output of the function behind each Task state: `<State>Input` and `<State>Output`.

The state machine stores each output in variables and gives a Task only the variables that it needs. Every key is
written, even if its value is null, because a JSONata expression fails on a missing field.

An execution may outlive a deployment, so a new function reads old messages and the reverse: unknown keys are ignored
(at any depth with `extra="ignore"`), and a new key keeps its default for one release. The messages of each release are
recorded in `tests/events/contracts/<version>`.

Read `choice.py` first: every function answers with the next state, as `What Now?` would choose it.
"""

from typing import TYPE_CHECKING

from firstline import late_names

if TYPE_CHECKING:
    from firstline.contracts.choice import (
        AfterSignal,
        AfterWait,
        DoneSoFar,
        ErrorOutput,
        Go,
        Observed,
        RemediationEnd,
        WhatNowInput,
        WhatNowOutput,
    )
    from firstline.contracts.classify import ClassifyInput, ClassifyOutput
    from firstline.contracts.people import (
        AnnounceQuietInput,
        AnnounceRemediationInput,
        AwaitQuietInput,
        CloseIncidentInput,
        EndInput,
        NotifyInput,
        NotifyOpsInput,
        NotifyOutput,
        PageOnCallInput,
        PageOnCallOutput,
        ReasonedInput,
        RecordSuppressionInput,
    )
    from firstline.contracts.remediation import (
        Cursor,
        Move,
        NextMoveInput,
        NextMoveOutput,
        Origin,
        PlanRemediationInput,
        PlanRemediationOutput,
    )

__all__ = [
    "AfterSignal", "AfterWait", "AnnounceQuietInput", "AnnounceRemediationInput", "AwaitQuietInput", "ClassifyInput",
    "ClassifyOutput", "CloseIncidentInput", "Cursor", "DoneSoFar", "EndInput", "ErrorOutput", "Go", "Move",
    "NextMoveInput", "NextMoveOutput", "NotifyInput", "NotifyOpsInput", "NotifyOutput", "Observed", "Origin",
    "PageOnCallInput", "PageOnCallOutput", "PlanRemediationInput", "PlanRemediationOutput", "ReasonedInput",
    "RecordSuppressionInput", "RemediationEnd", "WhatNowInput", "WhatNowOutput",
]  # fmt: skip

_NAMES = {
    "choice": "AfterSignal AfterWait DoneSoFar ErrorOutput Go Observed RemediationEnd WhatNowInput WhatNowOutput",
    "classify": "ClassifyInput ClassifyOutput",
    "people": (
        "AnnounceQuietInput AnnounceRemediationInput AwaitQuietInput CloseIncidentInput EndInput NotifyInput "
        "NotifyOpsInput NotifyOutput PageOnCallInput PageOnCallOutput ReasonedInput RecordSuppressionInput"
    ),
    "remediation": "Cursor Move NextMoveInput NextMoveOutput Origin PlanRemediationInput PlanRemediationOutput",
}

if not TYPE_CHECKING:  # A type checker knows the names from above, and refuses any other.
    __getattr__ = late_names(__name__, _NAMES)
