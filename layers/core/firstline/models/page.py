"""A page that went out: somebody is called."""

from pydantic import Field

from firstline.models.frozen import Frozen, Name, Text


class Page(Frozen):
    """A page that went out: at which level, through which channels, and how long to wait for somebody to say 'mine'."""

    level: int = Field(ge=0)
    on_call: Text
    delivered_to: list[Name]
    acknowledge_within_seconds: int = Field(ge=1)
    has_next_level: bool
    resolve_within_seconds: int = Field(ge=1)
