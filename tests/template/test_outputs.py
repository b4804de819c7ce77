"""The outputs that `sam deploy` prints at its end."""

import pytest

from tests.template.test_iam_senders import template


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, ["NOBODY", "PageEmail is empty", "subscribe somebody to"]),
        ({"PageEmail": "ops@example.com"}, ["ops@example.com", "once the mail that asks to confirm it was answered"]),
    ],
)
def test_the_output_of_a_deployment_says_who_is_woken(parameters: dict[str, str], words: list[str]) -> None:
    said = str(template(**parameters).outputs()["WhoIsWoken"])

    assert all(word in said for word in words), said
    assert ("NOBODY" in said) is (not parameters)
