"""The most that ingest and the state machine may cost, counted: requests, writes and transitions, never seconds."""

from collections import Counter
from pathlib import Path
from statistics import mean

import pytest

from evals.cases import load
from evals.classifiers import Policy, opinions
from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.classification import prompt
from tests.bench import costs, paths, prices, requests, transitions
from tests.support.builders import alert, at
from tests.support.changes import joining
from tests.template.machine import Machine


def test_ingest_makes_no_more_requests_than_promised() -> None:
    calls = requests.measure()

    counted = {what: requests.dynamodb(calls[what]) for what in requests.LIMITS}

    assert {what: count for what, count in counted.items() if count > requests.LIMITS[what]} == {}
    assert calls[requests.NEW]["stepfunctions:StartExecution"] == 1
    assert "stepfunctions:StartExecution" not in calls[requests.AGAIN]


def test_an_alert_costs_the_same_whatever_the_size_of_its_group() -> None:
    door = costs.door_in_memory()

    small, large = costs.measure(door, 1), costs.measure(door, 1_000)

    assert {kind: cost.total for kind, cost in large.items() if cost.total > costs.LIMITS[kind]} == {}
    assert large == small
    assert small[costs.NEW].started == 1
    assert small[costs.DUPLICATE].write_units == 0


def test_five_thousand_alerts_of_one_group_in_one_delivery_are_56_transactions() -> None:
    door = costs.door_in_memory()

    cost = door.send(*costs.many(5_000))

    # 90 alerts are written in one transaction, and 100 items are read at once.
    assert cost.requests == Counter(batch_get_item=51, update_item=1, transact_write_items=56, get_item=55)
    live = TableIncidents(door.table).live(alert().group_key)
    assert live is not None
    assert (live.joined, live.firing, cost.started) == (5_000, 5_000, 1)


def test_an_alert_that_joins_on_a_shard_takes_four_requests_and_a_loud_one_five() -> None:
    door = costs.door_in_memory()
    door.send(alert(fingerprint="first"))
    incidents = TableIncidents(door.table)
    live = incidents.live(alert().group_key)
    assert live is not None
    record = incidents.record(live.incident_id)
    assert record is not None
    # From here on the incident's counts are on shards.
    TableGroups(door.table)._spread(joining(record.incident, alert(fingerprint="crowd"), now=at(1)))

    quiet = door.send(alert(fingerprint="second", severity="low"))
    loud = door.send(alert(fingerprint="third", severity="critical"))

    # Before the transaction: the alert and LIVE, then the shards. After it: LIVE and the shards, for the new counts.
    assert quiet.requests == Counter(batch_get_item=3, transact_write_items=1)
    assert loud.requests == quiet.requests + Counter(update_item=1), "LIVE tells the execution that waits"


@pytest.mark.parametrize("path", transitions.PATHS)
def test_a_path_has_no_more_transitions_than_promised(path: str) -> None:
    through, limit = transitions.PATHS[path]

    taken = Machine.load(transitions.INCIDENT).fewest_transitions(*through)
    assert len(through) < taken <= limit, "the path names a few of its states"


PAGE = (Path(__file__).parents[2] / "docs" / "cost.md").read_text()


@pytest.mark.parametrize("path", ["duplicate", "noise", "paged, acknowledged, resolved", prices.FLIGHT])
def test_the_page_about_costs_says_what_a_path_takes(path: str) -> None:
    """If this fails, something costs more or less than it did: look at what, and write the page anew (`make cost`)."""
    (row,) = [line.split("|") for line in PAGE.splitlines() if line.startswith(f"| {path} |")]
    work = paths.play(paths.PATHS[path]).work

    posts, transitions, invocations = (int(cell) for cell in row[2:5])
    assert (posts, transitions, invocations) == (work.posts, work.transitions, work.invocations.total())
    assert float(row[6].split()[0]) == work.documented


def test_the_guide_of_the_canary_says_what_it_costs() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "canary.md").read_text()
    (row,) = [line.split("|") for line in PAGE.splitlines() if line.startswith(f"| {prices.FLIGHT} |")]

    month = prices.canary_month(float(row[8].strip(" *$")))
    path = month - prices.METRIC - prices.ALARM - prices.WAITING_FOR_FLIGHTS

    assert f"A month has {prices.FLIGHTS:,.0f} flights: about ${path:.2f} for the path" in guide
    assert f"About **${month:.2f}**" in guide
    assert f"the canary (about ${month:.2f}," in PAGE


def test_the_page_about_costs_says_what_a_model_costs() -> None:
    policy = Policy.of()
    prompts = []
    for case in load():
        seen = opinions(case, policy)
        question = prompt.build(seen.incident, evidence=seen.evidence, offered=seen.offered, now=seen.now)
        prompts.append(len((question.system + question.data).encode()))

    assert mean(prompts) / 4 == pytest.approx(prices.QUESTION.prompt_tokens, rel=0.05)
    assert f"is ${prices.model_thousand():.2f} per 1,000 incidents" in PAGE


def test_the_page_about_costs_and_the_readme_say_what_an_idle_month_costs() -> None:
    month = prices.idle_month().values()
    billed, whole = (sum(dollars for dollars, _, is_billed in month if is_billed or free) for free in (False, True))

    assert billed <= 0.20
    assert whole <= 1.50
    assert f"of which ${billed:.2f} are" in PAGE
    assert f"costs ${billed:.2f} to ${whole:.2f} a month" in (Path(__file__).parents[2] / "README.md").read_text()
