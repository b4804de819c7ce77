"""The question whether a waiting execution must be woken for what its incident's live half shows. Pure."""

from firstline.models import Live
from firstline.models.live import loudest_since


def must_wake(live: Live) -> bool:
    """Return True if what joined or ended concerns the wait that the execution is in.

    Actions of people (acknowledge, resolve, approve) are told by whoever writes them, see `incidents.lifecycle`.
    """
    match live.awaiting:
        case "hold":
            return live.firing <= 0 or loudest_since(live, live.judged_loud) > 0
        case "recovery":
            return live.firing <= 0
        case "acknowledgement" | "resolution":
            return live.firing <= 0 or _worse_than_known(live)
        case "quiet":
            return live.firing > 0
        case None:
            return False


def _worse_than_known(live: Live) -> bool:
    """Return True if something louder joined than the newest page, the acknowledgement and the verdict knew of."""
    known = live.paged_loud if live.paged_seq else live.judged_loud
    return loudest_since(live, known) > max(live.paged_rank, live.acked_rank, live.decided or 0)
