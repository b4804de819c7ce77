"""A trail from the verdict to the end, for tests of trails."""

from firstline.incidents.audit_trail import Fact, Trail
from tests.support.builders import at

FACTS = [
    Fact(what="classified", who="rules", facts={"severity": "high"}),
    Fact(what="planned", who="policy", facts={"decision": "approve", "plan_digest": "d1"}),
    Fact(what="decided", who="ada", facts={"decision": "approved"}),
    Fact(what="ran", who="state machine", facts={"command_id": "c-1", "status": "Success"}),
    Fact(what="closed", who="state machine", facts={"outcome": "auto_resolved"}),
]


def append_each[T: Trail](trail: T) -> T:
    """Append the facts to the trail of `inc-1`, one a minute from noon, and return the trail."""
    for minute, fact in enumerate(FACTS):
        trail.append("inc-1", [fact], at(minute))
    return trail
