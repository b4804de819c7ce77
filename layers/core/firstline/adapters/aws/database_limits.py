"""The most connections that a database takes, by its class and the formula of RDS's default parameter groups.

RDS reports the limit nowhere. With a parameter group of the owner's, which may set any limit, it is unknown. The true
limit is a little lower, because the system takes a part of the class's memory.
"""

import re
from collections.abc import Iterable

_GIB = 2**30
_GIB_PER_CPU = {"c": 2, "m": 4, "r": 8}
_BURSTABLE_GIB = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}
_CLASS = re.compile(r"db\.(?P<family>[cmrt])\d[a-z]{0,3}\.(?P<size>micro|small|medium|large|\d{0,2}xlarge)")
_BYTES_PER_CONNECTION = {"postgres": 9_531_392, "mysql": 12_582_880, "mariadb": 12_582_880}
_MOST_OF_POSTGRES = 5_000


def most_connections(instance_class: str, engine: str, groups: Iterable[str]) -> int | None:
    """Return the most connections that a database takes, or None if that is unknown.

    Parameters
    ----------
    groups
        The names of the database's parameter groups.

    Example
    -------
    >>> most_connections("db.r6g.xlarge", "postgres", ["default.postgres15"])
    3604
    """
    memory, each = _memory_gib(instance_class), _BYTES_PER_CONNECTION.get(engine)
    names = list(groups)
    if memory is None or each is None or not names or not all(name.startswith("default.") for name in names):
        return None
    limit = memory * _GIB // each
    return min(limit, _MOST_OF_POSTGRES) if engine == "postgres" else limit


def _memory_gib(instance_class: str) -> int | None:
    found = _CLASS.fullmatch(instance_class)
    if found is None:
        return None
    family, size = found["family"], found["size"]
    if family == "t":
        return _BURSTABLE_GIB.get(size)
    if size in ("micro", "small", "medium"):
        return None
    cpus = 2 if size == "large" else 4 * int(size.removesuffix("xlarge") or 1)
    return cpus * _GIB_PER_CPU[family]
