"""The limit of a database's connections is known only under a default parameter group, and if its memory is."""

import pytest

from firstline.adapters.aws.database_limits import most_connections

DEFAULT = ("default.postgres15",)


@pytest.mark.parametrize(
    ("instance_class", "engine", "groups", "limit"),
    [
        ("db.r6g.xlarge", "postgres", DEFAULT, 3_604),
        ("db.m7i.large", "postgres", DEFAULT, 901),
        ("db.r6gd.2xlarge", "postgres", DEFAULT, 5_000),  # PostgreSQL's formula takes no more
        ("db.t4g.micro", "mysql", ("default.mysql8.0",), 85),
        ("db.r5.4xlarge", "mariadb", ("default.mariadb10.6",), 10_922),
        ("db.r6g.xlarge", "postgres", ("payments-pg15",), None),  # the owner's own group may set any limit
        ("db.r6g.xlarge", "postgres", (), None),
        ("db.r6g.xlarge", "sqlserver-se", DEFAULT, None),  # an engine without a known formula
        ("db.serverless", "postgres", DEFAULT, None),  # its memory varies
        ("db.m6g.small", "postgres", DEFAULT, None),  # no such class
        ("", "", (), None),
    ],
)
def test_the_limit_follows_from_class_and_engine_or_is_unknown(
    instance_class: str, engine: str, groups: tuple[str, ...], limit: int | None
) -> None:
    assert most_connections(instance_class, engine, groups) == limit
