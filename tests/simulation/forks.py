"""Runs that share their beginning: at each call where a fault is tried, the process forks, and the child has the fault.

A run without faults goes the way of all cells of a story up to their faults, so it is made once. The parent goes on
without a fault and never ends the story: after the last fork nobody needs it.
"""

import gc
import os
import pickle
import select
import traceback
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from tests.simulation.faults import Kind


class _Enough(BaseException):
    """Every fork was made. No `except Exception` of a function sees it."""


class Forks[Cell: Hashable](dict[tuple[str, int], Kind]):
    """The faults of a run that forks, as `Faults.only` takes them.

    Parameters
    ----------
    cells
        What is tried, with the call (its label and number) and the fault there.
    processes
        How many children run at the same time.
    """

    def __init__(self, cells: Iterable[tuple[Cell, tuple[str, int], Kind]], processes: int) -> None:
        super().__init__()
        self.cell: Cell | None = None
        """The cell that this process tries; None in the parent."""
        self.on_fork: Callable[[Cell], object] = lambda cell: None
        """Told in a child of what it tries."""
        self._cells: dict[tuple[str, int], list[tuple[Cell, Kind]]] = defaultdict(list)
        for cell, call, kind in cells:
            self._cells[call].append((cell, kind))
        self._processes = processes
        self._children: dict[int, int] = {}
        self._results: list[Any] = []
        self._failed: list[str] = []

    def get(self, call: tuple[str, int], default: Any = None) -> Any:
        """Return the fault at a call: in the parent none, and in each child that begins here its own."""
        for cell, kind in self._cells.pop(call, ()):
            while len(self._children) >= self._processes:
                self._collect()
            if self._fork(cell):
                return kind
        if self.cell is None and not self._cells:
            raise _Enough
        return default

    def results(self, run: Callable[[], Any]) -> Iterator[Any]:
        """Run in the parent and in every child, and yield what the children's runs return, in no order.

        Raises
        ------
        RuntimeError
            A run in a child failed, or a call at which to fork was never made.
        """
        result, failed = None, None
        try:
            with suppress(_Enough):
                result = run()
        except BaseException:
            if self.cell is None:
                raise
            failed = traceback.format_exc()
        if self.cell is not None:
            self._answer(result, failed)
        while self._children:
            self._collect()
        if self._failed:
            raise RuntimeError(self._failed[0])
        if self._cells:
            raise RuntimeError(f"The run made no such calls: {sorted(self._cells)[:5]}")
        yield from self._results

    def _fork(self, cell: Cell) -> bool:
        """Begin a child. Return True in it."""
        gc.freeze()  # a collection in the child would write to, and so copy, all that the two share
        reads, writes = os.pipe()
        child = os.fork()
        if child:
            os.close(writes)
            self._children[reads] = child
            return False
        gc.disable()  # it lives for a moment
        self.cell, self._answers = cell, writes
        self._cells.clear()
        self.on_fork(cell)
        return True

    def _answer(self, result: Any, failed: str | None) -> None:
        """Send the result to the parent, and end the child."""
        with os.fdopen(self._answers, "wb") as answers:
            pickle.dump((self.cell, result, failed), answers)
        os._exit(0)

    def _collect(self) -> None:
        """Wait until a child answers, and keep its result."""
        reads = select.select([*self._children], [], [])[0][0]
        with os.fdopen(reads, "rb") as answers:
            answer = answers.read()
        os.waitpid(self._children.pop(reads), 0)
        cell, result, failed = pickle.loads(answer) if answer else (None, None, "A child died.")
        if failed:
            self._failed.append(f"{cell}: {failed}")  # raised at the end: the package may catch what is raised here
        else:
            self._results.append(result)
