"""Answers of `What Now?` after a state that its function serves too: with one, the machine need not ask."""

from collections.abc import Callable
from typing import Any

from firstline.contracts import NextMoveInput, Observed, PlanRemediationInput, WhatNowInput, WhatNowOutput
from firstline.errors import HistoryUnavailable
from firstline.observability import logger


def following(
    state: str,
    request: PlanRemediationInput | NextMoveInput,
    choose: Callable[[WhatNowInput], WhatNowOutput],
    **more: Any,
) -> WhatNowOutput | None:
    """Choose what follows a state as `What Now?` does; return None if the machine has to ask that state.

    Parameters
    ----------
    choose
        Serves `What Now?`.
    more
        Further fields of its input.
    """
    if request.incident is None:
        return None
    asked = WhatNowInput(
        state="What Now?",
        incident=request.incident,
        generation=request.generation,
        classification=request.classification,
        planned=True,
        paged=request.paged,
        rounds=request.rounds,
        happened=Observed(state=state),
        **more,
    )
    try:
        # The machine has the plan.
        return choose(asked).model_copy(update={"plan": None})
    except HistoryUnavailable:
        logger.warning("what comes next is not known: the table could not be reached")
        return None
