"""Fields of live halves of incidents that were paged and acknowledged."""

from typing import Any

from firstline.models import Loud
from tests.support.builders import at

PAGED: dict[str, Any] = {
    "paged_seq": 1,
    "page_done": 1,
    "paged_at": at(0),
    "last_paged_at": at(0),
    "page_again_at": at(5),
    "paged_rank": 4,
    "paged_loud": Loud(critical=1),
    "loud_since": None,
}
"""The fields of a live half whose critical alert was paged at noon and not acknowledged."""

ACKED: dict[str, Any] = {"acked_seq": 1, "acked_at": at(1), "acked_by": "Ana", "acked_rank": 4}
"""The fields of a live half whose critical alert was paged at noon and acknowledged by Ana a minute later."""
