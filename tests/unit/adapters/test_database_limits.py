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
        ("db.r6g.xlarge", "postgres", ("payments-pg15",), None),
        ("db.r6g.xlarge", "postgres", (), None),
        ("db.r6g.xlarge", "sqlserver-se", DEFAULT, None),
        ("db.serverless", "postgres", DEFAULT, None),
        ("db.m6g.small", "postgres", DEFAULT, None),
        ("", "", (), None),
    ],
)
def test_the_limit_follows_from_class_and_engine(
    instance_class: str, engine: str, groups: tuple[str, ...], limit: int | None
) -> None:
    assert most_connections(instance_class, engine, groups) == limit
