"""Error lines of logs: which lines are errors, and that only their masked, redacted shapes are returned."""

import json

import pytest

from firstline.classification.error_lines import MAX_SHAPE_CHARS, LogEvent, group

FIRST = 1_772_600_000_000
"""A time in milliseconds: 2026-03-04 04:53:20 UTC."""


def shapes(*texts: str) -> list[str]:
    return [line.shape for line in group([LogEvent(FIRST, text) for text in texts])]


@pytest.mark.parametrize(
    ("event", "shape"),
    [
        ("[ERROR]\t2026-03-04T10:00:00.123Z\t7f3a9c\tno row for order 4711", "no row for order <n>"),
        ("[ERROR] KeyError: 'user'\rTraceback (most recent call last):\r  File \"app.py\"", "key error <value>"),
        (
            '2026-03-04T10:00:00.1Z\t6f9b\tERROR\tInvoke Error\t{"errorType":"TypeError","errorMessage":"x is null"}',
            "invoke error type error x is null",
        ),
        ("2026-03-04T10:00:00Z 5b0e9a Task timed out after 3.00 seconds", "task timed out after <n>"),
        (
            '2026-03-04 10:00:00 UTC:10.0.0.1(5123):app@orders:[9]:ERROR:  duplicate key violates "orders_key"',
            "duplicate key violates <value>",
        ),
        ("Traceback (most recent call last):\n  File \"a.py\", line 1\nValueError: bad '7'", "value error bad <value>"),
        ('level=error msg="dial tcp 10.0.0.1:5432: refused"', "level error msg dial tcp <host> refused"),
        ("E0304 10:00:00.1 1 reflector.go:150] failed to watch", "failed to watch"),
        ("Execution failed due to a timeout error", "execution failed due to a timeout error"),
        (json.dumps({"level": "ERROR", "message": "boom 3"}), "boom <n>"),
        (json.dumps({"level": 50, "msg": "boom"}), "boom"),
        (json.dumps({"level": "error", "err": {"message": "boom", "stack": "at x"}}), "boom"),
        (json.dumps({"errorType": "Runtime.ExitError", "errorMessage": "exit"}), "runtime exit error exit"),
        (
            json.dumps({"status": "502", "routeKey": "GET /orders", "integrationErrorMessage": "timeout"}),
            "status 5xx get <path> timeout",
        ),
    ],
)
def test_an_error_line_of_each_kind_is_found_and_masked(event: str, shape: str) -> None:
    assert shapes(event) == [shape]


@pytest.mark.parametrize(
    "event",
    [
        "INFO retry after TimeoutError",
        "WARN disk nearly full: IOError is near",
        "REPORT RequestId: 5b0e Status: error Error Type: Runtime.ExitError",
        "2026-03-04 10:00:00 UTC:[9]:STATEMENT:  SELECT secret FROM Error",
        "    raise ValueError(name)",
        "Traceback (most recent call last):",
        json.dumps({"level": "INFO", "message": "no Error"}),
        json.dumps({"status": 200, "message": "ok"}),
        "",
        "{" * 9_000,
    ],
)
def test_lines_that_report_no_error_are_left_out(event: str) -> None:
    assert shapes(event) == []


def test_lines_that_are_alike_are_counted_most_frequent_first() -> None:
    events = [LogEvent(FIRST + number * 1_000, f"ERROR no row for order {number}") for number in range(5)]
    events += [LogEvent(FIRST - 1_000, "ERROR disk gone"), LogEvent(FIRST, "INFO fine")]

    found = group(reversed(events))

    assert [(line.times, line.shape) for line in found] == [(5, "no row for order <n>"), (1, "disk gone")]
    assert found[0].first_at.isoformat() == "2026-03-04T04:53:20+00:00"


def test_secrets_and_personal_data_are_removed_before_lines_are_grouped() -> None:
    secrets = [f"ERROR login of {name}@example.com failed, password={name}swordfish" for name in ("ada", "bob")]

    (found,) = group([LogEvent(FIRST, text) for text in secrets])

    assert found.times == 2
    assert not any(word in found.shape for word in ("ada", "bob", "swordfish", "example"))


def test_a_shape_is_bounded() -> None:
    (shape,) = shapes("ERROR " + "word " * 2_000)
    assert len(shape) <= MAX_SHAPE_CHARS
