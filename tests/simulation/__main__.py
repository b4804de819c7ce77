"""`python -m tests.simulation`: run many seeds, shrink what fails, and tell its story."""

import argparse
import gc
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from functools import partial
from typing import NamedTuple


class Result(NamedTuple):
    """A seed's end."""

    seed: int
    rule: str
    text: str
    worst: timedelta
    calm: timedelta
    seconds: float


def one(seed: int, events: int, forced: Sequence[str] = ()) -> Result:
    """Run one seed."""
    from tests.simulation import drawing, scenario

    gc.set_threshold(20_000)  # a run makes many objects and few cycles
    began = time.process_time()
    try:
        ran = scenario.run(drawing.drawn(seed, events, forced))
    except Exception:  # noqa: BLE001 (a bug in the simulation or the package: it has a seed all the same)
        took = time.process_time() - began
        return Result(seed, "exception", traceback.format_exc(limit=-6), timedelta(0), timedelta(0), took)
    rule = ran.violations[0].rule if ran.violations else ""
    text = "; ".join(f"{each.at:%d %H:%M:%S} {each.rule}: {each.about}" for each in ran.violations[:3])
    took = time.process_time() - began
    return Result(seed, rule, text, ran.oracle.heard.worst_to_human, ran.oracle.heard.worst_calm, took)


def _sweep(number: int | None, replayed: str | None, seed: int, processes: int) -> int:
    from tests.simulation import shrink, sweep

    if replayed is not None:
        cell = sweep.Cell.of(replayed)
        print("\n".join(shrink.story(sweep.replayed(cell))))
        print(f"{cell}: {sweep.judge(cell).violation or 'nothing is wrong'}")
        return 0
    chosen = sweep.every_cell() if number is None else sweep.sample(number, seed)
    return 1 if sweep.report(chosen, processes) else 0


def _special(name: str) -> int:
    from tests.simulation import scenario, special, storm

    if name == "storm":
        for group_by_host in (False, True):
            storm.check_pages(group_by_host=group_by_host)
        print(f"{storm.ALERTS:,} alerts, by cause and by host: each critical cause was paged, and every alert counted.")
        return 0
    ran = scenario.run(special.year() if name == "year" else special.crowd())
    print(f"{ran.world.clock.now():%Y-%m-%d %H:%M}: {dict(ran.world.functions.invocations)}")
    for violation in ran.violations[:10]:
        print(f"{violation.at:%Y-%m-%d %H:%M:%S} {violation.rule}: {violation.about}")
    return 1 if ran.violations else 0


def _planted(first: int, most: int, processes: int) -> int:
    from tests.simulation import planted

    missed = 0
    with ProcessPoolExecutor(processes) as pool:
        searches = pool.map(partial(planted.find, first=first, most=most), range(len(planted.BUGS)))
        for bug, found in zip(planted.BUGS, searches, strict=True):
            missed += not found.rule
            text = f"{found.by}, after {found.runs} runs ({found.rule})" if found.rule else f"NOT FOUND in {found.runs}"
            print(f"{bug.name}: {text}", flush=True)
    return 1 if missed else 0


def main() -> int:
    """Run seeds, print each that fails, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        choices=("seeds", "sweep", "planted"),
        default="seeds",
        help="seeds, the fault sweep, or how many runs it takes to find each planted bug",
    )
    parser.add_argument("--cells", type=int, help="of the sweep, draw so many of each story, by --from")
    parser.add_argument("--cell", help="run this cell of the sweep only, and tell its story")
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first seed")
    parser.add_argument("--events", type=int, default=40, help="how much happens in each")
    parser.add_argument("--minutes", type=float, help="stop after so long")
    parser.add_argument("--replay", type=int, help="run this seed only, shrink it, and tell its story")
    parser.add_argument(
        "--with", action="append", default=[], dest="forced", help="a kind of weather that each seed has, see kinds.py"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-shrink", action="store_true", help="only list the seeds that fail")
    parser.add_argument(
        "--special",
        choices=("year", "crowd", "storm"),
        help="a year-long incident, 20,000 alerts in a group, or a storm of 10,000 alerts of 50 causes",
    )
    given = parser.parse_args()
    if given.replay is not None:
        from tests.simulation import shrink

        return shrink.tell(given.replay, given.events, forced=given.forced, shrinks=not given.no_shrink)
    if given.what == "sweep":
        return _sweep(given.cells, given.cell, given.first, given.processes)
    if given.special:
        return _special(given.special)
    if given.what == "planted":
        return _planted(given.first, given.seeds, given.processes)
    began = time.monotonic()
    seeds = range(given.first, given.first + given.seeds)
    print(f"Seeds {seeds.start} to {seeds.stop - 1}, {given.events} events each.", flush=True)
    failed: list[Result] = []
    done, busy = 0, 0.0
    worst, calm = (timedelta(0), 0), (timedelta(0), 0)
    with ProcessPoolExecutor(given.processes) as pool:
        for result in pool.map(partial(one, events=given.events, forced=given.forced), seeds, chunksize=4):
            done += 1
            busy += result.seconds
            worst, calm = max(worst, (result.worst, result.seed)), max(calm, (result.calm, result.seed))
            if result.rule:
                failed.append(result)
                print(f"seed {result.seed}: {result.text}", flush=True)
            if given.minutes and time.monotonic() - began > given.minutes * 60:
                pool.shutdown(cancel_futures=True)
                break
    took = time.monotonic() - began
    print(f"{done} seeds in {took:.0f} s ({done / max(busy, 0.001):.1f} in a second of a core), {len(failed)} failed.")
    print(
        f"The longest time until a person heard: {worst[0]} with faults (seed {worst[1]}), "
        f"{calm[0]} without (seed {calm[1]})."
    )
    for rule, number in Counter(result.rule for result in failed).most_common():
        print(f"  {number} x {rule}: seeds {', '.join(str(each.seed) for each in failed if each.rule == rule)[:120]}")
    if failed and not given.no_shrink:
        from tests.simulation import shrink

        shrink.tell(failed[0].seed, given.events, forced=given.forced)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
