"""The number of a test's cases that are tried: all where CI asks for everything, a fifth elsewhere."""

import os
from collections.abc import Iterable
from itertools import islice

from tests.support.needs import REQUIRE_ALL

THOROUGH = bool(os.environ.get(REQUIRE_ALL))
_FEWEST = 10


def tries(all_of_them: int) -> int:
    """Return how many of so many cases to try: all where CI asks for everything, else a fifth, but at least ten."""
    return all_of_them if THOROUGH else max(min(_FEWEST, all_of_them), all_of_them // 5)


def some[Case](cases: Iterable[Case], *, begin: int = 0) -> Iterable[Case]:
    """Return every fifth of a test's cases, from number `begin` on; all of them where CI asks for everything."""
    return cases if THOROUGH else islice(cases, begin % 5, None, 5)
