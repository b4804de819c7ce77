"""The depth of tests: all cases are tried where CI asks for everything, a fifth for each change."""

import os
from collections.abc import Iterable
from itertools import islice

from tests.support.needs import REQUIRE_ALL

THOROUGH = bool(os.environ.get(REQUIRE_ALL))
_FEWEST = 10


def tries(all_of_them: int) -> int:
    """Return how many of a test's cases to try; never fewer than ten, if there are that many."""
    return all_of_them if THOROUGH else max(min(_FEWEST, all_of_them), all_of_them // 5)


def some[Case](cases: Iterable[Case], *, begin: int = 0) -> Iterable[Case]:
    """Return each fifth of a test's cases, from number `begin`; all of them where CI asks for all."""
    return cases if THOROUGH else islice(cases, begin % 5, None, 5)
