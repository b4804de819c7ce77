"""The states of the machine that the function remediate serves: `What Now?`, `Plan Remediation` and `Next Move`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from firstline.contracts import (
    NextMoveInput,
    NextMoveOutput,
    Observed,
    PlanRemediationInput,
    PlanRemediationOutput,
    WhatNowInput,
    WhatNowOutput,
)
from firstline.errors import HistoryUnavailable
from firstline.incidents.audit_trail import Trail
from firstline.incidents.choice import serve_what_now
from firstline.incidents.store import Incidents
from firstline.incidents.what_now import Times
from firstline.observability import logger
from firstline.remediation.next_move import next_move, stop, with_times
from firstline.remediation.permission import Permission
from firstline.remediation.plan import Planning, plan
from firstline.remediation.targets import OwnAccount


@dataclass(frozen=True)
class RemediationStates:
    """The three states that the function remediate serves.

    Parameters
    ----------
    times
        The times that the stack's owner sets, such as how long an alert may take to resolve after a cure.
    planning
        Builds the input of planning, for the account and region of the stack and a time.
    permission
        Builds the check of whether a plan may still act, for a time.
    """

    incidents: Incidents
    trail: Trail
    times: Times
    planning: Callable[[PlanRemediationInput, OwnAccount, datetime], Planning]
    permission: Callable[[datetime], Permission]
    clock: Callable[[], datetime]

    def what_now(self, request: WhatNowInput) -> WhatNowOutput:
        """Serve the state `What Now?`: choose the next state of the execution."""
        logger.append_keys(incident_id=request.incident.incident_id)
        output = serve_what_now(
            request,
            incidents=self.incidents,
            now=self.clock(),
            times=self.times,
            withdrawn=lambda plan, record: self.permission(self.clock()).withdrawn(plan, record),
        )
        happened = request.happened and request.happened.state
        logger.info(output.go, extra={"happened": happened, "seconds": output.seconds})
        return output

    def plan(self, request: PlanRemediationInput, here: OwnAccount) -> PlanRemediationOutput:
        """Serve the state `Plan Remediation`: plan the chosen runbook, and choose the state after it.

        The output's `next` is None if the machine has to ask `What Now?` for that state, as when the table cannot be
        read.
        """
        logger.append_keys(incident_id=request.incident.incident_id)
        output = plan(self.planning(request, here, self.clock()), trail=self.trail)
        logger.info(output.reason, extra={"runbook_id": output.plan.runbook_id if output.plan else None})
        after = self._following("Plan Remediation", request, notified=request.notified)
        reason = after.reason if after and after.reason else output.reason
        return output.model_copy(update={"next": after, "reason": reason})

    def next_move(self, request: NextMoveInput, here: OwnAccount) -> NextMoveOutput:
        """Serve the state `Next Move`: choose the state in which the machine goes on with a remediation.

        If the remediation has ended, choose the next state of the incident's execution, too.
        """
        logger.append_keys(incident_id=request.incident_id)
        output = with_times(next_move(request, here), self.clock())
        if output.acts:
            record = self.incidents.record(request.incident_id)
            if why := self.permission(self.clock()).withdrawn(request.plan, record):
                output = stop(request, output, why)
        logger.info(output.move, extra={"observed": request.observed.state, "seconds": output.seconds})
        if output.ended is not None and (after := self._following("Next Move", request, remediation=output.ended)):
            ended, reason = after.remediation or output.ended, after.reason or output.reason
            output = output.model_copy(update={"ended": ended, "reason": reason, "next": after})
        return output

    def _following(
        self, state: str, request: PlanRemediationInput | NextMoveInput, **more: Any
    ) -> WhatNowOutput | None:
        """Return the state that the state machine enters after `state`, as its state `What Now?` would choose it.

        Return None if the machine has to enter `What Now?` itself: if the table cannot be read, or if the request lacks
        the incident. `more` are further fields of the input of `What Now?`.
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
            # The machine has the plan already.
            return self.what_now(asked).model_copy(update={"plan": None})
        except HistoryUnavailable:
            logger.warning("the table could not be read: the machine asks What Now? for the next state")
            return None
