"""Silences, windows and rules hold what they name, and nothing that they do not."""

from tests.simulation.timeline import Alert, Timeline

HIGH = Alert("DbDown", "db-1", "high")


def test_a_silence_before_the_alert_holds_it_and_its_end_pages() -> None:
    with Timeline().running() as line:
        line.at(0.5).silence("DbDown", 600)
        line.at(1).push(HIGH)
        line.run_until(900)

        line.between(0, 600).expect_no_page()
        line.between(600, 720).expect_page("db-1")


def test_ending_a_silence_by_hand_pages_within_two_minutes() -> None:
    with Timeline().running() as line:
        line.at(0.5).silence("DbDown", 8 * 3600)
        line.at(1).push(HIGH)
        line.at(300).do(line.world.end_silence)
        line.run_until(500)

        line.between(0, 300).expect_no_page()
        line.between(300, 430).expect_page("db-1")


def test_a_silence_until_the_alert_resolves_is_over_then_although_a_longer_one_came_later() -> None:
    high = Alert("DbDown", "db-1", "high", began=1)
    with Timeline().running() as line:
        line.at(0.5).silence("DbDown", 8 * 3600, until_resolved=True)
        line.at(1).push(high)
        line.at(100).silence("DbDown", 9 * 3600)
        line.at(400).push(high.resolved())
        line.at(500).do(line.world.end_silence)  # the longer one
        line.at(1000).push(Alert("DbDown", "db-1", "high", began=1000))
        line.run_until(1300)

        line.between(1000, 1130).expect_page("db-1")


def test_a_longer_silence_that_is_ended_by_hand_holds_nothing_although_reconcile_is_out_of_order() -> None:
    with Timeline().running() as line:
        line.at(0.5).silence("DbDown", 1800)
        line.at(1).push(HIGH)
        line.at(600).silence("DbDown", 8 * 3600)
        line.at(900).fault("reconcile", "dynamodb", "", "refuse", times=100_000)
        line.at(1000).do(line.world.end_silence)  # the longer one
        line.run_until(2100)

        line.between(1800, 1930).expect_page("db-1")


def test_what_resolves_while_it_is_silenced_pages_nobody() -> None:
    with Timeline().running() as line:
        line.at(0.5).silence("DbDown", 3600)
        line.at(1).push(Alert("DbDown", "db-1", "high", began=1))
        line.at(300).push(Alert("DbDown", "db-1", "high", began=1).resolved())
        line.run_until(5000)

        line.between(0, 5000).expect_no_page()
        assert line.open_incidents() == []
        assert line.head(line.incidents()[0])["outcome"] == "suppressed"


def test_a_critical_is_not_silenced_unless_the_silence_says_so() -> None:
    with Timeline().running() as line:
        line.at(0.5).silence("DbDown", 3600)
        line.at(1).push(Alert("DbDown", "db-1", "critical"))
        line.run_until(60)
        line.between(0, 60).expect_page("db-1")

    with Timeline().running() as line:
        line.at(0.5).silence("DbDown", 3600, even_critical=True)
        line.at(1).push(Alert("DbDown", "db-1", "critical"))
        line.run_until(3500)
        line.between(0, 3500).expect_no_page()


def test_an_alert_that_a_rule_holds_for_five_minutes_pages_if_it_still_fires_then() -> None:
    with Timeline().running() as line:
        line.at(1).push(Alert("LinkFlaps", "sw-1", "high"))  # a rule holds these
        line.run_until(420)

        line.between(0, 295).expect_no_page()
        line.between(295, 420).expect_page("sw-1")
