"""What was stored before is still read."""

from firstline.contracts import ClassifyOutput
from firstline.models import Classification, Usage
from tests.support.builders import a_classification

SPENT = Usage(prompt_tokens=600, completion_tokens=100, cost=0.5)


def test_a_verdict_that_was_stored_with_its_sum_of_tokens_is_read_and_counts_them_once() -> None:
    # Given a verdict from before, in the table and in an execution that is under way
    stored = a_classification(usage=SPENT).model_dump(mode="json") | {"tokens": 700}

    # When it is read, by the table's adapter and by a function of the machine
    read = Classification.model_validate(stored)
    handed_on = ClassifyOutput.model_validate({"classification": stored}).classification

    # Then the sum is what `usage` says, and is not stored beside it again
    assert read == handed_on == a_classification(usage=SPENT)
    assert read.tokens == 700
    assert "tokens" not in read.model_dump(mode="json")
