"""The person behind an action, the proof of who it is, and the answers that Slack, console and command line share."""

from datetime import datetime
from typing import Literal

from firstline.errors import NotPermitted
from firstline.incidents.audit_trail import Fact
from firstline.models import Frozen, Name
from firstline.policy.people import FILE, Person, Role

type Through = Literal["Slack", "approval page", "command line", "console"]
"""The place at which a person acts, as messages name it."""


REOPENED = "A new incident of the same group opens within seconds."

LATER = "Noted. AWS is slow to react, so it takes effect within a minute or two."
"""The answer when an action is stored but the execution could not be told: reconcile tells the execution."""


class Actor(Frozen):
    """A person, where they act, and the proof: a Slack user id, the ARN of an AWS caller, or a console's session."""

    person: Person
    through: Through
    principal: Name

    @property
    def by(self) -> str:
        """The person and the place as records and messages name them: `ada (Slack)`."""
        return f"{self.person.name} ({self.through})"


def check_role(actor: Actor, role: Role) -> None:
    """Raise NotPermitted, with the fix, unless the person has the role."""
    if not actor.person.may(role):
        person = actor.person
        raise NotPermitted(f"{person.name} is a {person.role}, and this takes the role {role}: change it in {FILE}.")


def acted(actor: Actor, does: str, now: datetime, reason: str = "") -> Fact:
    """Return the entry of the audit trail for a person's action (`does`, such as `resolve`), with its reason if any."""
    facts = {"does": does, "through": actor.through, "principal": actor.principal, "acted_at": now.isoformat()}
    return Fact(what="acted", who=actor.by, facts=facts | ({"reason": reason} if reason else {}))
