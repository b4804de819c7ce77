"""What people made of a plan."""

from typing import Literal

from pydantic import AwareDatetime

from firstline.models.frozen import Frozen, Name, Text

type Decision = Literal["approved", "refused"]
"""What people made of a plan."""


class Approval(Frozen):
    """One person said yes to a plan. `approver` is the entry of the stack's Approvers, `by` how messages name them."""

    approver: Name
    by: Text
    at: AwareDatetime
