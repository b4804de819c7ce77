"""Targets: the machine that an alert's location names, or the reason why no machine gets a command."""

import pytest

from firstline.models import Location
from firstline.remediation.targets import Instance, which, why_elsewhere
from tests.support.machines import DOMAINS, FLEET, FOUND, HERE, REFUSED, Said

NAMES = {machine.key: f"i-{number:017x}" for number, machine in enumerate(FLEET, start=1)} | {
    "near": "vpc-0000000000000000a",
    "far": "vpc-0000000000000000b",
}
INSTANCES = [
    Instance(
        instance_id=NAMES[machine.key],
        name=machine.name,
        address=machine.address,
        network=NAMES[machine.network],
        state=machine.state,
        tagged=machine.tagged,
    )
    for machine in FLEET
]


def test_the_tables_of_hosts_are_complete_and_without_duplicates() -> None:
    said = [str((case.source, case.payload)) for case in (*REFUSED, *FOUND)]

    assert (len(REFUSED) >= 60, len(FOUND) >= 30) == (True, True)
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("said", REFUSED, ids=str)
def test_a_location_that_may_be_another_machine_gets_no_target_and_says_why(said: Said) -> None:
    chosen = which(said.location(NAMES), INSTANCES, HERE, DOMAINS)

    assert isinstance(chosen, str)
    assert said.reason in chosen


@pytest.mark.parametrize("said", FOUND, ids=str)
def test_a_location_that_surely_names_a_machine_finds_it(said: Said) -> None:
    chosen = which(said.location(NAMES), INSTANCES, HERE, DOMAINS)

    assert isinstance(chosen, Instance), chosen
    assert chosen.instance_id == NAMES[said.machine or ""]


def test_the_order_in_which_instances_are_found_does_not_matter() -> None:
    for said in (*REFUSED, *FOUND):
        location = said.location(NAMES)
        first, last = (which(location, found, HERE, DOMAINS) for found in (INSTANCES, INSTANCES[::-1]))
        assert isinstance(first, str) == isinstance(last, str)
        assert isinstance(first, str) or first == last


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        (Location(accounts=["12345678901"]), "the alert is about account 12345678901, and this stack acts in account"),
        (Location(hosts=["ip-10-0-0-1.ec2.internal"]), "the alert is about region us-east-1, and this stack acts in"),
        (Location(accounts=[HERE.account], regions=["eu-central-1a"], hosts=["web-9"]), None),
        (Location(), None),
    ],
)
def test_another_account_or_region_is_known_without_reading_the_fleet(location: Location, reason: str | None) -> None:
    said = why_elsewhere(location, HERE)

    assert said is None if reason is None else reason in (said or "")


@pytest.mark.parametrize("domains", [["example.org", "corp.example.org"], ["corp.example.org", "example.org"]])
def test_the_longest_domain_that_fits_is_cut_off(domains: list[str]) -> None:
    web_1 = Instance(instance_id=NAMES["web-1"], name="web-1")

    assert which(Location(hosts=["web-1.corp.example.org"]), [web_1], HERE, domains) == web_1
