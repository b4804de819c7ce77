"""Answers with status 200: each gives a verdict, is refused with a reason, or turns out to be an error."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.adapters.llm.chat_answer import Completion
from firstline.classification.prompt import Prompt
from firstline.errors import ModelGaveNoVerdict, ModelUnavailable, QuestionRefused

PROMPT = Prompt("1", "Judge.", "{}", ("restart-worker",), ("alert", "e1"))
VERDICT = {
    "severity": "low",
    "cause": "A worker stopped.",
    "is_deployment_related": True,
    "can_be_remediated": True,
    "runbook_id": "restart-worker",
    "confidence": 0.6,
    "summary": "Mail waits.",
    "first_steps": [],
    "cites": ["alert"],
}
WRITTEN = json.dumps(VERDICT)
NUMBERS = {"prompt_tokens": 40, "completion_tokens": 2, "total_tokens": 42}


def _answer(message: dict[str, Any] | None = None, finish: Any = "stop", **more: Any) -> bytes:
    choice = {"message": message or {"content": WRITTEN}, "finish_reason": finish} | more.pop("choice", {})
    return json.dumps({"choices": [choice], "usage": NUMBERS} | more).encode()


def _no_verdict(body: bytes) -> ModelGaveNoVerdict:
    with pytest.raises(ModelGaveNoVerdict) as raised:
        Completion.read(body).judgement(PROMPT)
    return raised.value


@pytest.mark.parametrize(
    "finish",
    [
        *("stop", "STOP", "eos", "eos_token", "end_turn", "stop_sequence", "", None, "unknown", "FINISH_REASON_STOP"),
        *("tool_calls", "function_call", "done", 0, {"type": "stop"}, "a word of next year"),
    ],
)
def test_an_end_is_accepted_unless_its_word_is_known_to_mean_an_early_one(finish: Any) -> None:
    assert Completion.read(_answer(finish=finish)).judgement(PROMPT).model_dump() == VERDICT


@pytest.mark.parametrize(
    ("finish", "why"),
    [
        ("length", "max_output_tokens"),
        ("max_tokens", "max_output_tokens"),
        ("MAX_TOKENS", "max_output_tokens"),
        ("model_length", "context is full"),
        ("model_context_window_exceeded", "context is full"),
        ("content_filter", "content filter"),
        ("SAFETY", "content filter"),
        ("sensitive", "content filter"),
        ("guardrail_intervened", "content filter"),
        ("refusal", "refused"),
        ("insufficient_system_resource", "could not finish"),
        ("network_error", "could not finish"),
        ("abort", "could not finish"),
        ("error", "could not finish"),
    ],
)
def test_a_known_early_end_gives_no_verdict_and_its_own_reason(finish: str, why: str) -> None:
    reason = str(_no_verdict(_answer(finish=finish)))
    assert f"ended early ({finish})" in reason
    assert why in reason
    assert ("max_output_tokens" in reason) is (why == "max_output_tokens")


def test_the_reason_names_azures_filter_that_stopped_the_answer() -> None:
    found = {"hate": {"filtered": False}, "self_harm": {"filtered": True, "severity": "high"}, "jailbreak": None}
    error = _no_verdict(_answer({"content": ""}, "content_filter", choice={"content_filter_results": found}))
    assert "content filter of the server stopped it (self_harm)" in str(error)


@pytest.mark.parametrize(
    "content",
    [
        WRITTEN,
        VERDICT,
        [{"type": "text", "text": WRITTEN}],
        [{"text": WRITTEN}],
        [WRITTEN],
        [{"type": "output_text", "text": WRITTEN, "annotations": []}],
        [{"type": "text", "text": {"value": WRITTEN}}],
        [{"type": "text", "text": WRITTEN[:30]}, {"type": "text", "text": WRITTEN[30:]}],
        [{"type": "thinking", "thinking": [{"type": "text", "text": '{"severity": "noise"}'}]}, {"text": WRITTEN}],
        [{"type": "reasoning", "text": '{"severity": "noise"}'}, {"type": "text", "text": WRITTEN}],
        [{"type": "a kind of next year", "text": "x"}, None, 7, {"type": "text", "text": WRITTEN}, {"type": "text"}],
    ],
)
def test_a_verdict_is_read_from_a_text_an_object_or_parts_of_text(content: Any) -> None:
    assert Completion.read(_answer({"role": "assistant", "content": content})).judgement(PROMPT).severity == "low"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"content": None, "refusal": "I will not."}, "the model refused: I will not."),
        ({"content": [{"type": "refusal", "refusal": "I will not."}]}, "the model refused: I will not."),
        ({"content": "I'm sorry, I can't help with that."}, "The model said: I'm sorry, I can't help with that."),
        ({"content": "See https://evil.example/x"}, "The model said: See [link removed]"),
        ({"content": ""}, "the answer is empty"),
        ({"content": None, "reasoning_content": WRITTEN}, "the answer is empty, but the model's thoughts are not"),
        ({"content": [{"type": "thinking", "thinking": WRITTEN}]}, "the answer is empty"),
        ({}, "the answer is empty"),
    ],
)
def test_without_a_verdict_the_reason_tells_what_the_model_said_instead(message: dict[str, Any], reason: str) -> None:
    assert reason in str(_no_verdict(_answer(message or {"role": "assistant"})))


CALL = {"type": "function", "function": {"name": "verdict", "arguments": WRITTEN}}


@pytest.mark.parametrize("arguments", [WRITTEN, VERDICT], ids=["as text", "as an object"])
def test_the_arguments_of_a_single_tool_call_are_read_as_the_answer(arguments: Any) -> None:
    function = {"name": "verdict", "arguments": arguments}
    body = _answer({"content": None, "tool_calls": [{"type": "function", "function": function}]}, "tool_calls")
    older = _answer({"content": None, "function_call": function}, "function_call")
    assert Completion.read(body).judgement(PROMPT).severity == "low"
    assert Completion.read(older).judgement(PROMPT).severity == "low"


@pytest.mark.parametrize("calls", [[{}], [CALL, CALL]], ids=["without arguments", "two calls"])
def test_a_tool_call_without_arguments_and_several_calls_give_no_verdict(calls: list[Any]) -> None:
    assert "called a tool" in str(_no_verdict(_answer({"content": None, "tool_calls": calls}, "tool_calls")))


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (NUMBERS, (40, 2)),
        ({"prompt_tokens": 40, "completion_tokens": None, "total_tokens": 42}, (40, 2)),
        ({"prompt_tokens": None, "completion_tokens": None, "total_tokens": 42}, (0, 42)),
        ({"prompt_tokens": 40, "completion_tokens": 2, "total_tokens": None, "prompt_tokens_details": None}, (40, 2)),
        ({"input_tokens": 40, "output_tokens": 2}, (40, 2)),
        ({"prompt_tokens": 40.0, "completion_tokens": 2.0, "cost": 0.001}, (40, 2)),
        ({"prompt_tokens": "40", "completion_tokens": -2, "total_tokens": True}, None),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, None),
        ({"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}, None),
        ({}, None),
        (None, None),
        ("none", None),
    ],
)
def test_the_usage_is_read_under_all_its_names_and_impossible_numbers_count_as_absent(
    usage: Any, expected: tuple[int, int] | None
) -> None:
    completion = Completion.read(_answer(usage=usage))
    assert completion.judgement(PROMPT).severity == "low"
    tokens = completion.tokens
    assert (tokens and (tokens.prompt_tokens, tokens.completion_tokens)) == expected


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        ({"error": {"code": 429, "message": "slow down"}}, ModelUnavailable, "429 inside of a 200: slow down"),
        ({"error": {"code": "503", "message": "busy"}}, ModelUnavailable, "503"),
        ({"error": {"type": "overloaded_error", "message": "busy"}}, ModelUnavailable, "503"),
        ({"error": {"code": 524, "message": "edge"}, "choices": None}, ModelUnavailable, "524"),
        ({"error": {"code": 402, "message": "no credits"}}, ModelGaveNoVerdict, "402 inside of a 200: no credits"),
        ({"error": {"code": "insufficient_quota", "message": "empty"}}, ModelGaveNoVerdict, "402"),
        ({"error": {"code": "model_not_found", "message": "?"}}, ModelGaveNoVerdict, "404"),
        ({"error": {"code": 400, "message": "response_format: no"}}, QuestionRefused, "response_format: no"),
        ([{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "no"}}], QuestionRefused, "400"),
        ({"object": "error", "message": "too long", "code": 400}, QuestionRefused, "too long"),
        ({"error": "model requires more memory"}, ModelGaveNoVerdict, "an error: model requires more memory"),
        ({"errors": [{"message": "nope", "code": 10}]}, ModelGaveNoVerdict, "an error: nope"),
        ({"detail": "Not authenticated"}, ModelGaveNoVerdict, "Not authenticated"),
        ({"code": 500, "msg": "upstream", "choices": []}, ModelUnavailable, "500 inside of a 200: upstream"),
        ({"choices": None, "base_resp": {"status_code": 1004, "status_msg": "login"}}, ModelGaveNoVerdict, "login"),
        ({"base_resp": {"status_code": 1002, "status_msg": "wait"}}, ModelUnavailable, "429 inside of a 200: wait"),
        ({"base_resp": {"status_code": "1013", "status_msg": "?"}, "choices": []}, ModelUnavailable, "503"),
        ({"base_resp": {"status_code": 2049, "status_msg": "key"}}, ModelGaveNoVerdict, "401 inside of a 200: key"),
        ({"base_resp": {"status_code": 2013, "status_msg": "form"}}, QuestionRefused, "400"),
        ({"base_resp": {"status_code": 9999, "status_msg": "new"}}, ModelGaveNoVerdict, "an error: new"),
        (
            {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 22 seconds."},
            ModelUnavailable,
            "429 inside of a 200: Rate limit is exceeded. Try again in 22 seconds.",
        ),
        ({"statusCode": 401, "message": "Access denied due to missing subscription key."}, ModelGaveNoVerdict, "401"),
        (
            {
                "fault": {
                    "faultstring": "Spike arrest",
                    "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"},
                }
            },
            ModelUnavailable,
            "429 inside of a 200: Spike arrest: policies.ratelimit.SpikeArrestViolation",
        ),
        ({"fault": {"faultstring": "no", "detail": {"errorcode": "x.GatewayTimeout"}}}, ModelUnavailable, "504"),
        (
            {"fault": {"faultstring": "Failed to resolve API Key variable", "detail": {"errorcode": "steps.oauth"}}},
            ModelGaveNoVerdict,
            "401",
        ),
        ({"error": "Rate limit reached for requests"}, ModelUnavailable, "429"),
        ({"error": "Too Many Requests"}, ModelUnavailable, "429"),
        ({"error": {"message": "Invalid API key provided"}}, ModelGaveNoVerdict, "401"),
        ({"error": {"message": "You exceeded your current quota"}}, ModelGaveNoVerdict, "402"),
        ({"error": "upstream connect error or disconnect"}, ModelUnavailable, "503"),
        ({"error": "model is overloaded", "choices": None}, ModelUnavailable, "503"),
        ({"error": "request timed out"}, ModelUnavailable, "504"),
        ({"message": "Limit Exceeded"}, ModelUnavailable, "429"),
        ({"Message": "User is not authorized to access this resource"}, ModelGaveNoVerdict, "403"),
        ({"error_code": 17, "error_msg": "Open api daily request limit reached"}, ModelUnavailable, "429"),
        ({"httpCode": "429", "httpMessage": "Too Many Requests"}, ModelUnavailable, "429 inside of a 200: Too Many"),
        ({"status": 429, "title": "Slow down"}, ModelUnavailable, "429 inside of a 200: Slow down"),
        ({"status": "error", "message": "the model is loading"}, ModelUnavailable, "503"),
        (
            {"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "the GPU is gone"}}},
            ModelUnavailable,
            "Provider returned error: the GPU is gone",
        ),
    ],
)
def test_an_error_inside_of_a_200_raises_what_its_status_means(body: Any, kind: type, reason: str) -> None:
    error = _no_verdict(json.dumps(body).encode())
    assert type(error) is kind
    assert reason in str(error)
    assert error.usage is not None
    assert error.usage.tokens == 0


def test_an_error_of_the_choice_counts_with_the_tokens_that_were_used() -> None:
    of_choice = {"error": {"code": 502, "message": "upstream died"}}
    error = _no_verdict(_answer({"content": WRITTEN[:20]}, "error", choice=of_choice))
    assert isinstance(error, ModelUnavailable)
    assert error.usage is not None
    assert error.usage.tokens == 42
    assert Completion.read(_answer(choice=of_choice)).judgement(PROMPT).severity == "low", "it ended well"


def test_an_error_counts_even_beside_a_verdict() -> None:
    for error in (
        {"error": "rate limit"},
        {"fault": {"faultstring": "Spike arrest"}},
        {"statusCode": 429, "choices": []},
    ):
        assert isinstance(_no_verdict(_answer(**error)), ModelUnavailable)


@pytest.mark.parametrize(
    "fine",
    [
        {"error": None},
        {"error": {}},
        {"error": ""},
        {"error": {"code": 0, "message": ""}},
        {"error": {"code": 200, "message": "success"}},
        {"errors": []},
        {"base_resp": {"status_code": 0, "status_msg": ""}},
        {"code": 200, "msg": "ok", "status": "completed"},
    ],
)
def test_an_empty_or_successful_error_object_is_no_error(fine: dict[str, Any]) -> None:
    assert Completion.read(_answer(**fine)).judgement(PROMPT).severity == "low"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([WRITTEN, "stop", "400"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLACES = ["choices", "error", "errors", "usage", "base_resp", "object", "code", "message"]
OF_CHOICE = ["message", "finish_reason", "error", "content_filter_results", "text"]
OF_MESSAGE = ["content", "refusal", "reasoning_content", "tool_calls"]


@given(
    body=st.dictionaries(st.sampled_from(PLACES), JSON, max_size=4),
    choice=st.dictionaries(st.sampled_from(OF_CHOICE), JSON, max_size=3),
    message=st.dictionaries(st.sampled_from(OF_MESSAGE), JSON, max_size=3),
)
def test_any_answer_of_a_server_gives_a_valid_verdict_or_a_short_reason(
    body: dict[str, Any], choice: dict[str, Any], message: dict[str, Any]
) -> None:
    whole = json.loads(_answer({"content": WRITTEN} | message, choice=choice)) | body
    try:
        judgement = Completion.read(json.dumps(whole).encode()).judgement(PROMPT)
    except ModelGaveNoVerdict as error:
        assert len(str(error)) < 700  # noqa: PT017 - either outcome is right
        return
    assert judgement.runbook_id in (None, *PROMPT.runbook_ids)


def test_a_list_with_one_answer_is_read_as_the_answer() -> None:
    assert Completion.read(b"[" + _answer() + b"]").judgement(PROMPT).severity == "low"


def test_a_verdict_with_a_runbook_that_was_not_offered_is_refused() -> None:
    assert "runbook that was not offered" in str(_no_verdict(_answer({"content": VERDICT | {"runbook_id": "rm-rf"}})))


def test_a_verdict_that_cites_only_its_own_inventions_is_refused() -> None:
    made_up = VERDICT | {"cites": ["the shelter is ready", "bk-exporter: 9215"]}
    assert "cites only what is not there" in str(_no_verdict(_answer({"content": made_up})))


@pytest.mark.parametrize("cites", [[], ["e1"], ["e1", "e9"]])
def test_a_verdict_that_cites_nothing_or_something_given_is_read(cites: list[str]) -> None:
    assert Completion.read(_answer({"content": VERDICT | {"cites": cites}})).judgement(PROMPT).cites == cites


def test_an_answer_that_repeats_itself_to_the_end_asks_for_a_larger_model() -> None:
    loop = '{"first_steps": [' + '"Check the status of the exporter and of its host.", ' * 9
    why = str(_no_verdict(_answer({"content": loop}, finish="length")))
    assert "repeats itself" in why
    assert "max_output_tokens" not in why
