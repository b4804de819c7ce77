"""The frame around every page of the console: the stack's name, the visitor, the time and its zone."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from firstline.console.sessions import NOT_IN, Pass, form_token
from firstline.errors import NotEntitled


@dataclass(frozen=True)
class Frame:
    """The frame of one page.

    Parameters
    ----------
    stack
        The stack's name.
    zone
        The time zone in which times are shown.
    me
        The visitor; None on a page for which nobody has to sign in.
    token
        The token of the visitor's session, of which the forms carry a hash; empty on a page without forms.
    script
        The name of the script that refreshes the page; empty on a page that is not refreshed.
    """

    stack: str
    zone: tzinfo
    now: datetime
    me: Pass | None = None
    token: str = ""
    script: str = ""

    @property
    def visitor(self) -> Pass:
        """The visitor who has signed in; NotEntitled is raised if nobody has."""
        if self.me is None:
            raise NotEntitled(NOT_IN)
        return self.me

    def values(self, title: str, here: str = "", *, narrow: bool = False) -> dict[str, Any]:
        """Return the values that the template `base.html` needs.

        `here` is the page's name in the navigation, empty if it is not in it. With `narrow`, the page is laid out in a
        narrow column.
        """
        return {
            "stack": self.stack,
            "zone": self.zone,
            "now": self.now,
            "me": self.me,
            "form_token": form_token(self.token) if self.token else "",
            "script": self.script,
            "title": title,
            "here": here,
            "narrow": narrow,
        }
