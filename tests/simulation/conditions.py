"""Conditions that kinds of weather bring: indexes that lag, a table that forgets, a quarantine that is redriven."""

import json
import os
from collections import deque
from datetime import datetime, timedelta
from random import Random

from tests.simulation.world import World


def lag(world: World, seconds: float) -> None:
    """Let the indexes show a change only after a time of up to so many seconds, drawn for each look."""
    written, clock = deque[datetime](), world.clock
    world.memory.on_change.append(lambda key, item: written.append(clock.now()))
    random = Random(f"lag {world.seed}")

    def unseen() -> int:
        shown = clock.now() - timedelta(seconds=random.uniform(0, seconds))
        while written and written[0] <= shown:
            written.popleft()
        return len(written)

    world.memory.index_lag = unseen


def forget_after(world: World, days: int) -> None:
    """Keep what is over for so many days, and let the table delete it each hour."""
    os.environ["HISTORY_DAYS"] = str(days)
    world.functions.restart()

    def expire() -> None:
        world.clock.after(3_600, expire, "the table deletes what has expired")
        world.memory.expire(world.clock.now().timestamp())

    expire()


def redrive(world: World) -> None:
    """Let ingest have what lies in the quarantine, as an operator does who has mended the cause."""
    bodies, world.queues.quarantined = world.queues.quarantined, []
    for number, body in enumerate(bodies):
        if not world.take(body):
            world.queues.quarantined.append(body)
        if number == len(bodies) - 1 and not world.queues.quarantined:
            world.door.redriven()
    events, world.door.quarantined = world.door.quarantined, []
    for event, said in events:  # wrapped in Lambda's report of a failure
        under_way = world.witness.begins(said, world.clock.now())
        taken = world.take(json.dumps({"requestPayload": event}))
        world.witness.ends(under_way, 200 if taken else 500, world.clock.now())
        if not taken:
            world.door.quarantined.append((event, said))
