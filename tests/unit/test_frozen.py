"""The base of the models: several threads may be the first to use one."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler

from firstline.models import Frozen


class Slow:
    """A type whose schema takes until a second thread builds it too, or until none has for a while."""

    builds = 0
    second = Event()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        cls.builds += 1
        if cls.builds == 1:
            cls.second.wait(0.2)
        else:
            cls.second.set()
        return handler(source)


def test_one_thread_builds_a_model_that_several_use_first() -> None:
    class Part(Frozen):
        number: Annotated[int, Slow]

    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda number: Part(number=number), (1, 2)))

    assert [part.number for part in parts] == [1, 2]
    assert Slow.builds == 1
