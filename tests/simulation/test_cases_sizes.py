"""Nothing grows with the number of alerts: no item, no request, and no work for what needs none."""

from typing import Any

from tests.simulation.timeline import Alert, Timeline


def hosts(begin: int, end: int, severity: str = "low") -> list[Alert]:
    """Return alerts of one group on as many hosts."""
    return [Alert("DiskFull", f"host-{number}", severity, began=1) for number in range(begin, end)]


def biggest(line: Timeline) -> int:
    """Return the size of the biggest item in characters, but for the senders' bodies: one item for each delivery."""
    return max(len(str(item)) for item in line.stored._items() if not item["sk"]["S"].startswith("RAW#"))


def test_no_item_grows_with_the_alerts_of_its_group() -> None:
    with Timeline().running() as line:
        line.at(1).push(*hosts(0, 100))
        line.run_until(60)
        small = biggest(line)
        for number in range(1, 11):
            line.at(60 + number).push(*hosts(100 * number, 100 * number + 100))
        line.run_until(200)

        live = line.live(line.incidents()[0])
        assert (live.joined, live.firing) == (1_100, 1_100)
        assert set(line.answers) == {202}
        assert biggest(line) <= small + 200, "longer numbers, but no list"


def test_a_group_that_cannot_be_written_keeps_no_other_of_its_delivery_out() -> None:
    with Timeline().running() as line:
        line.at(0).do(lambda: refuse(line, "Bad"))
        line.at(1).push(*[Alert("Bad" if number == 0 else f"Good{number}", "web-1", "low") for number in range(12)])
        line.run_until(60)

        taken = {alert.key.name for alert in line.stored.alerts()}
        assert taken == {f"Good{number}" for number in range(1, 12)}
        # The sender has to come again, unless the backlog has what is missing.
        assert line.answers[-1] is not None
        assert line.answers[-1] >= 500 or line.world.queues.waiting


def refuse(line: Timeline, name: str) -> None:
    """Refuse every transaction about an alert of this name."""
    memory = line.world.memory
    transact = memory.transact_write_items

    def some(**request: Any) -> Any:
        if f'"alert_name":"{name}"' in str(request):
            raise memory.error("ProvisionedThroughputExceededException", "Simulated", "TransactWriteItems")
        return transact(**request)

    vars(memory)["transact_write_items"] = some
    vars(line.world._clients["dynamodb"]).pop("transact_write_items", None)


def test_an_alert_that_joins_does_not_rewrite_what_people_read() -> None:
    with Timeline().running() as line:
        line.at(1).push(*hosts(0, 1))
        line.run_until(60)
        line.world.calls.log.clear()
        line.at(61).push(*hosts(1, 2))
        line.run_until(61.5)

        writes = [call for call in line.world.calls.log if call.actor == "ingest" and "write" in call.operation]
        keys = {
            str(part.get("Key") or part.get("Item", {}))
            for call in writes
            for item in call.arguments["TransactItems"]
            for part in item.values()
        }
        assert writes
        assert not [key for key in keys if "'INCIDENT'" in key]
        # A query is for the silences, which a process remembers for some seconds.
        assert line.requests("ingest").total() - line.requests("ingest")["query"] <= 3


def test_a_repeat_of_what_is_known_is_one_request_and_writes_nothing() -> None:
    with Timeline().running() as line:
        line.at(1).push(*hosts(0, 40))
        line.run_until(60)
        line.world.calls.log.clear()
        line.at(61).push(*hosts(0, 40))
        line.run_until(61.5)

        assert line.requests("ingest") == {"batch_get_item": 1}


def test_reconcile_reads_an_idle_incident_once_in_ten_minutes() -> None:
    with Timeline().running() as line:
        line.at(1).push(Alert("DbDown", "db-1", "critical"))
        line.at(60).press("acknowledge")
        line.run_until(1200)
        line.world.calls.log.clear()
        line.run_until(1200 + 30 * 60)

        reads, queries_of_a_run = line.requests("reconcile"), 9
        assert reads["query"] / queries_of_a_run >= 29, "it ran each minute"
        three_looks, three_checks_of_the_index = 3 * 3, 3 * 2  # in half an hour
        assert reads["batch_get_item"] + reads["get_item"] <= three_looks + three_checks_of_the_index
