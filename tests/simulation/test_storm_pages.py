"""A storm through the whole of Firstline: few executions and pages, each critical cause by its name, right counts.

`make simulate ARGS='--special storm'` plays all ten thousand alerts, as CI does. A thousand alerts of as many causes in
as many minutes use up a source's tokens and fill a storm's incident, too.
"""

import pytest

from tests.simulation.storm import check_pages


@pytest.mark.parametrize("group_by_host", [False, True], ids=["a group for each cause", "a group for each host"])
def test_a_thousand_alerts_of_fifty_causes_page_each_critical_cause_once_and_soon(*, group_by_host: bool) -> None:
    check_pages(1_000, group_by_host=group_by_host)
