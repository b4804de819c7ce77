"""A page topic without subscribers: the ops channel is told once, and again each day."""

import pytest

from firstline.incidents.tell_once import Once
from firstline.incidents.unheard_topic import UnheardWatch
from firstline.observability import metrics
from tests.support.builders import at
from tests.support.memory import MemoryStore

DAY = 24 * 60


class Ops:
    """The ops channel and the topic of a stack. Times are minutes after noon."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.heard = False
        self.takes = True
        self.tries, self.said = 0, list[str]()
        self.processes = 0
        self.new_process()
        metrics.clear_metrics()

    def new_process(self) -> None:
        self.processes += 1
        once = Once(self.store.incidents, f"process-{self.processes}")
        self.watch = UnheardWatch(lambda: self.heard, once, self._say, "shop")

    def look(self, begin: int, end: int) -> None:
        """Run reconcile at each minute of a span, its end included."""
        for minute in range(begin, end + 1):
            self.watch.look(at(minute))

    def _say(self, text: str) -> bool:
        self.tries += 1
        if self.takes:
            self.said.append(text)
        return self.takes


@pytest.fixture
def ops() -> Ops:
    return Ops()


def test_a_topic_with_a_subscriber_costs_neither_a_metric_nor_a_request(ops: Ops) -> None:
    ops.heard = True

    ops.look(1, 30)

    assert (ops.said, ops.store.calls, metrics.metric_set) == ([], [], {})


def test_the_ops_channel_is_told_once_and_again_each_day_while_it_lasts(ops: Ops) -> None:
    ops.look(0, DAY - 1)
    assert len(ops.said) == 1
    assert "PageEmail" in ops.said[0]
    assert "PageTopicUnheard" in metrics.metric_set
    ops.new_process()
    ops.look(DAY // 2, DAY - 1)
    assert len(ops.said) == 1

    ops.look(DAY, DAY + 11)
    assert len(ops.said) == 2

    ops.heard = True
    ops.look(2 * DAY, 3 * DAY)
    assert len(ops.said) == 2


def test_a_channel_that_takes_nothing_is_tried_each_ten_minutes_until_it_does(ops: Ops) -> None:
    ops.takes = False
    ops.look(0, 59)
    assert ops.tries == 6

    ops.takes = True
    ops.look(60, 120)

    assert len(ops.said) == 1
