"""The audit trail: one chain, whoever writes at the same moment."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from firstline.incidents.audit_trail import Fact, Trail, first_break
from tests.integration.trail import FACTS, append_each
from tests.support.builders import at


@pytest.fixture
def written(trail: Trail) -> Trail:
    return append_each(trail)


def test_a_trail_reads_as_it_happened_and_is_whole(written: Trail) -> None:
    entries = written.entries("inc-1")

    assert [(entry.number, entry.what, entry.who, entry.at) for entry in entries] == [
        (number, fact.what, fact.who, at(number - 1)) for number, fact in enumerate(FACTS, 1)
    ]
    assert first_break("inc-1", entries) is None
    assert written.entries("inc-2") == []


def test_a_fact_that_is_appended_again_stays_one_entry(written: Trail) -> None:
    written.append("inc-1", [FACTS[3], FACTS[4], FACTS[4]], at(60))

    assert len(written.entries("inc-1")) == len(FACTS)


def test_many_facts_in_one_append_are_one_chain(written: Trail) -> None:
    facts = [Fact(what="ran", who="state machine", facts={"command_id": f"c-{n}"}) for n in range(120)]

    written.append("inc-1", facts, at(60))

    entries = written.entries("inc-1")
    assert len(entries) == len(FACTS) + 120
    assert first_break("inc-1", entries) is None


def test_writers_at_the_same_moment_are_one_chain(trail: Trail) -> None:
    def append(number: int) -> None:
        trail.append("inc-1", [Fact(what="ran", who="x", facts={"n": number})], at(number))

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(append, range(5)))

    entries = trail.entries("inc-1")
    assert sorted(entry.facts["n"] for entry in entries) == list(range(5))
    assert first_break("inc-1", entries) is None
