"""Floods: what is critical is paged by its name, nothing grows with its members, and one trouble wakes people once."""

from tests.simulation.timeline import Alert, Timeline

LIMIT = 5
"""The incidents that a source may open in a minute here."""


def noises(number: int, severity: str = "low") -> list[Alert]:
    """Return alerts of as many groups, none of which pages."""
    return [Alert(f"Noise{each}", "web-1", severity) for each in range(number)]


def test_criticals_that_begin_during_a_storm_are_each_paged_by_name() -> None:
    criticals = [Alert(f"Cause{each}", "db-1") for each in range(5)]
    with Timeline(per_minute=LIMIT).running() as line:
        line.at(1).push(*noises(LIMIT + 5))
        line.at(20).push(*criticals)
        line.run_until(100)

        for critical in criticals:
            line.between(20, 80).expect_page(critical.name, channel="pagerduty")
        storms = [live for live in line.stored.lives() if live.group_key.startswith("storm:")]
        assert len(storms) == 1
        assert all(line.alert(critical).live_key != storms[0].group_key for critical in criticals)  # type: ignore[union-attr]


ROUTED = """
levels:
  - {name: everybody, channels: [pagerduty], on_call: everybody, acknowledge_within: 5m}
  - {name: payments, channels: [sns], on_call: the payments team, acknowledge_within: 5m}
routes:
  - {service: [payments-*], levels: [payments]}
  - {levels: [everybody]}
"""


def test_criticals_of_one_name_in_a_storm_each_wake_the_people_of_their_own_route() -> None:
    with Timeline(per_minute=LIMIT).running() as line:
        line.page_by(ROUTED)
        line.at(1).push(*noises(LIMIT + 5))
        line.at(20).push(Alert("DbDown", "db-1", service="shop"))
        line.at(40).push(Alert("DbDown", "db-2", service="payments-api"))
        line.at(60).push(Alert("DbDown", "db-3", service="payments-web"), Alert("DbDown", "db-4", service="search"))
        line.run_until(400)

        line.between(20, 35).expect_page("db-1", channel="pagerduty")
        line.between(40, 55).expect_page("db-2", channel="sns")
        line.between(60, 75).expect_page("db-3", channel="sns")
        line.between(60, 75).expect_page("db-4", channel="pagerduty")
        assert not line.between(40, 400).pages("db-2", "pagerduty") + line.between(60, 400).pages("db-3", "pagerduty")


def test_criticals_that_join_an_acknowledged_storm_are_paged_together() -> None:
    first = [Alert(f"Cause{each}", "db-1") for each in range(LIMIT + 2)]
    later = [Alert(f"Later{each}", "db-1") for each in range(LIMIT + 6)]
    with Timeline(per_minute=LIMIT).running() as line:
        line.at(1).push(*first)
        line.run_until(100)
        storm = next(live for live in line.stored.lives() if live.group_key.startswith("storm:"))
        number = line.incidents().index(storm.incident_id)
        in_storm = [alert.name for alert in first if line.alert(alert).live_key == storm.group_key]  # type: ignore[union-attr]
        assert in_storm
        for name in in_storm:
            line.between(1, 100).expect_page(name)

        line.at(110).press("acknowledge", number)
        line.at(480).push(*later)
        line.run_until(900)

        joined = [alert.name for alert in later if line.alert(alert).live_key == storm.group_key]  # type: ignore[union-attr]
        assert len(joined) >= 5, "those beyond the limit join it"
        again = [page for page in line.pages(storm.incident_id) if page.at > line.at(480).time]
        assert 1 <= len({page.at for page in again}) <= 2, "one page names many of them"
        assert any(name in str(page.content) for page in again for name in joined), "it names the worst of them"


def test_a_storm_of_any_size_can_be_acknowledged_resolved_and_closed_with_a_few_requests() -> None:
    sizes, requests = [], []
    for size in (50, 600):
        with Timeline(per_minute=LIMIT).running() as line:
            for begin in range(0, size, 100):
                line.at(1 + begin / 100).push(*noises(size)[begin : begin + 100])
            line.run_until(200)
            storm = next(live for live in line.stored.lives() if live.group_key.startswith("storm:"))
            assert storm.joined >= size - LIMIT
            line.world.calls.log.clear()
            line.at(201).press("acknowledge", line.incidents().index(storm.incident_id))
            line.at(240).press("resolve", line.incidents().index(storm.incident_id))
            line.run_until(300)

            assert not line.is_open(storm.incident_id)
            sizes.append(max(len(str(live.item)) for live in line.stored.lives()))
            requests.append(line.requests("notify/Close Incident").total() + line.requests("respond").total())
    assert sizes[1] < sizes[0] + 100, "longer numbers, but no list of alerts"
    assert requests[1] <= requests[0] + 2, "hardly more for twelve times the alerts"


def test_a_held_flood_does_not_page_each_incident_when_its_silence_ends() -> None:
    flood = [Alert("DbDown", "db-1", "high", service=f"service-{each}") for each in range(20)]
    with Timeline(per_minute=LIMIT).running() as line:
        line.at(0.5).silence("DbDown", 600)
        line.at(1).push(*flood)
        line.run_until(900)

        line.between(0, 599).expect_no_page()
        line.between(600, 900).expect_page("DbDown")
        assert len(line.between(600, 890).pages(channel="pagerduty")) <= len(flood) / 2
        assert sum(live.firing for live in line.stored.lives() if live.is_open) == len(flood)


def test_many_incidents_while_slack_is_down_wake_people_once() -> None:
    with Timeline().running() as line:
        line.at(0).fault("", "slack", "", "refuse", times=100_000)
        for number in range(8):
            line.at(1 + 2 * number).push(Alert(f"Small{number}", "web-1", "low"))
        line.run_until(900)

        woken = {page.incident_id for page in line.pages()}
        assert len(woken) == 1
        line.between(0, 900).expect_page("Slack is down")
        assert len(line.open_incidents()) == 8


def test_messages_that_slack_did_not_take_are_shown_when_it_is_back() -> None:
    with Timeline().running() as line:
        line.at(0).fault("", "slack", "", "refuse", times=100_000)
        for number in range(3):
            line.at(1 + 2 * number).push(Alert(f"Small{number}", "web-1", "low"))
        line.at(400).stop_faults()
        line.run_until(1500)

        shown = {message.incident_id for message in line.world.messages if message.channel == "slack"}
        assert set(line.incidents()) <= shown
        assert len({page.incident_id for page in line.pages()}) == 1


def test_a_member_of_a_storm_that_returns_while_its_end_is_written_keeps_the_storm_open_and_pages_when_worse() -> None:
    member, back = Alert("Noise9", "web-1", "low", began=1), Alert("Noise9", "web-1", "low", began=200)
    with Timeline(per_minute=LIMIT).running() as line:
        line.at(1).push(*noises(LIMIT + 5))
        line.run_until(150)
        storm = next(live for live in line.stored.lives() if live.group_key.startswith("storm:"))
        members = [alert for alert in noises(LIMIT + 5) if line.alert(alert).live_key == storm.group_key]  # type: ignore[union-attr]
        assert line.alert(member).live_key == storm.group_key  # type: ignore[union-attr]
        others = [
            Alert(alert.name, began=1, severity="low").resolved() for alert in members if alert.name != member.name
        ]
        line.at(190).push(*others)
        line.at(199).before("ingest", "dynamodb", "transact_write_items", line.pushes(back))
        line.at(200).push(member.resolved(199), again=(5, 10))
        line.run_until(260)
        # Long after the storm's quiet would have been over, criticals of the member's name fire.
        for each in range(4):
            line.at(900 + each).push(Alert("Noise9", f"db-{each}"))
        line.run_until(1400)

        stored = line.alert(back)
        assert stored is not None
        assert stored.firing
        assert line.is_open(stored.incident_id)
        line.between(900, 960).expect_page("Noise9")
