"""Tests of the file `policy/model.yaml`: its values, its defaults, and what a mistake is told."""

from pathlib import Path

import pytest

from firstline.errors import ConfigurationError
from firstline.policy.model import Ceiling, ModelPolicy, Price, load_model_policy

SHIPPED = Path("runbooks/policy/model.yaml")


def read(folder: Path, text: str) -> ModelPolicy:
    file = folder / "model.yaml"
    file.write_text(text)
    return load_model_policy(file)


def test_the_shipped_file_names_no_model_and_equals_the_defaults() -> None:
    assert load_model_policy(SHIPPED) == ModelPolicy()
    assert ModelPolicy().model is None


def test_a_file_with_a_model_its_price_and_its_ceiling_is_read(tmp_path: Path) -> None:
    policy = read(
        tmp_path,
        "base_url: http://127.0.0.1:11434/v1\nmodel: gpt-oss:20b\ndeadline_seconds: 60\nmax_output_tokens: 4000\n"
        "price_per_million_tokens: {prompt: 1.25, completion: 10}\ndaily_ceiling: {cost: 5}\n",
    )
    assert (policy.base_url, policy.model) == ("http://127.0.0.1:11434/v1", "gpt-oss:20b")
    assert (policy.deadline_seconds, policy.max_output_tokens) == (60, 4_000)
    assert policy.price_per_million_tokens == Price(prompt=1.25, completion=10)
    assert policy.daily_ceiling == Ceiling(tokens=0, cost=5)


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("modell: gpt-5", ["modell: no such key; remove it or correct its spelling"]),
        ("daily_ceiling: {token: 5}", ["daily_ceiling.token: no such key"]),
        ("price_per_million_tokens: {input: 5}", ["price_per_million_tokens.input: no such key"]),
        ("model: ''", ["model: ", "at least 1 character"]),
        ("base_url: api.openai.com", ["base_url: "]),
        ("deadline_seconds: 61", ["deadline_seconds: ", "less than or equal to 60"]),
        ("deadline_seconds: 0", ["deadline_seconds: ", "greater than 0"]),
        ("max_output_tokens: 99", ["max_output_tokens: ", "greater than or equal to 100"]),
        ("daily_ceiling: {tokens: -1}", ["daily_ceiling.tokens: "]),
        ("daily_ceiling: {cost: .inf}", ["daily_ceiling.cost: ", "finite"]),
        ("price_per_million_tokens: {prompt: .nan}", ["price_per_million_tokens.prompt: ", "finite"]),
        ("daily_ceiling: {cost: 5}", ["daily_ceiling.cost needs price_per_million_tokens; write the prices"]),
        ("", ["the file: "]),
        ("model: [", ["not readable as YAML"]),
    ],
)
def test_a_mistake_is_told_with_file_key_and_fix(tmp_path: Path, text: str, complaints: list[str]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read(tmp_path, text)
    assert str(tmp_path / "model.yaml") in str(raised.value)
    for complaint in complaints:
        assert complaint in str(raised.value)


def test_the_error_for_a_missing_file_says_what_to_create(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not found; to use no model, create it with `model: null`"):
        load_model_policy(tmp_path / "model.yaml")
