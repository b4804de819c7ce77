"""The rule by which alerts that join or end wake an incident's waiting execution. Pure; it reads only `Live`."""

from firstline.incidents.pages import has_louder, is_over, next_due
from firstline.models import Live
from firstline.models.live import loudest_since


def must_wake(live: Live) -> bool:
    """Return True if the execution waits, and its wait must end now because alerts joined or ended.

    A wait for quiet ends if an alert fires again, or if a person must look. A wait for an alert to recover ends when no
    alert fires. Every other wait ends if a high or critical alert joined that is not held and that no verdict, page or
    acknowledgement covers, if the incident is over, or if a page is due at once.
    """
    if not live.open or live.task_token is None or live.awaiting is None:
        return False
    if live.awaiting == "quiet":
        return not is_over(live)
    if live.firing <= 0:
        return live.awaiting == "recovery" or is_over(live) or _must_page(live)
    if live.awaiting == "recovery":
        return False
    if live.awaiting == "hold":
        return loudest_since(live, live.judged_loud) > 0
    return has_louder(live)


def _must_page(live: Live) -> bool:
    """Return True if no alert fires and yet a page is due at once, because an alert ended without data.

    Return False while the execution waits for a person to acknowledge.
    """
    following = next_due(live)
    return live.awaiting != "acknowledgement" and following is not None and following.at is None
