"""The eight scenarios of `make demo`: alerts of every source to a local Firstline, with checks of each outcome."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import batched

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.demo import alerts
from local.demo.saved_page import save_page
from local.demo.stage import Check, DidNotHappen, Stage, awaits
from local.demo.story import Story, path
from local.emulator import faults
from local.emulator.hosts import Sandbox
from local.emulator.inbox import Message
from local.emulator.stack import REGION, Options, Stack

TIME_LAPSE = 15.0
STORM_ALERTS = 500
STORM_INCIDENTS_AT_MOST = 10
_STORM_BATCH = 10
"""The number of alerts in each message of Alertmanager's during the storm."""


def noise(stage: Stage) -> None:
    """Send a test alert of Grafana's: it is suppressed as noise, and the reason is recorded."""
    incident = stage.open("grafana", alerts.grafana_test(), "Test pressed in Grafana")
    record = stage.wait_closed(incident)
    stage.check("it is suppressed", record.outcome == "suppressed", record.outcome)
    stage.check("with its reason", bool(record.outcome_reason), record.outcome_reason)
    told = any(message.incident == incident for message in stage.stack.inbox.messages())
    stage.check("nobody was told", not told)


def _full_table(stage: Stage) -> None:
    """Send an alert about a full connection table: a runbook makes room on the host and verifies the recovery."""
    host = stage.stack.hosts["web-1"]
    before = faults.fill_connection_table(host)
    labels = {"alertname": "NodeHighNumberConntrackEntriesUsed", "severity": "critical"}
    incident = _open_full_table(stage, "web-1", before, labels, "97 % of the conntrack entries are used.")
    if stage.stack.sandbox is Sandbox.NONE:
        stage.wait_for(incident, "acknowledgement")
        stage.press(incident, "resolve")
        stage.wait_closed(incident)
        stage.check("the commands were only printed, and a human was called", bool(_pages(stage, incident)))
        return
    # The verification holds, which gives the alert some time to resolve before a person is paged.
    stage.wait_for(incident, "resolution")
    fine = alerts.prometheus_alert({**labels, **_where("web-1")}, "The table has room.", status="resolved")
    stage.send("prometheus", alerts.alertmanager(fine), "Alertmanager: resolved")
    record = stage.wait_closed(incident)
    after = faults.connection_table(host)
    stage.check("the table is really larger", after.size == 2 * before.size, f"{before.size}, now {after.size}")
    stage.check("it has room again", after.used_percent < 80, f"{after.used_percent} % used")
    stage.check("cured by the runbook", record.outcome == "auto_resolved", record.outcome)
    verified = [result for result in record.results if result.kind == "verify"]
    held = bool(verified) and verified[-1].status == "Success"
    stage.check("the recovery was verified", held, verified[-1].output if verified else "no verification ran")
    stage.check("Slack was told", bool(stage.messages(incident, "slack")))
    stage.check("nobody was paged", not _pages(stage, incident))


def page(stage: Stage) -> None:
    """Send a critical CloudWatch alarm that no runbook fits: a person is paged and acknowledges, then it resolves."""
    stage.send(
        "deployments",
        {"service": "checkout", "version": "2.41.0", "environment": "prod", "time": datetime.now(UTC).isoformat()},
        "CI/CD: checkout 2.41.0 went out",
    )

    alarm = partial(
        alerts.cloudwatch,
        "checkout-5xx-CRITICAL",
        region=REGION,
        description="Customers cannot pay.",
        dimensions={"ServiceName": "checkout", "Environment": "prod"},
    )
    firing = alarm(reason="Threshold Crossed: 1 datapoint [212.0] was greater than the threshold (50.0).")
    incident = stage.open("cloudwatch", firing, "SNS: checkout answers 5xx")
    stage.wait_for(incident, "acknowledgement")
    stage.check("PagerDuty was triggered", bool(_pages(stage, incident)))
    stage.press(incident, "acknowledge")
    stage.wait_for(incident, "resolution")
    fine = alarm(state="OK", reason="Threshold Crossed: 1 datapoint [3.0] was not greater.")
    stage.send("cloudwatch", fine, "SNS: OK again")
    record = stage.wait_closed(incident)
    stage.check("it was acknowledged", record.acknowledged_at is not None, record.acknowledged_by)
    stage.check("it is resolved", record.outcome == "resolved", record.outcome)
    stage.check_soon("PagerDuty was told", lambda: bool(stage.messages(incident, "pagerduty", "resolve")))


def recovers(stage: Stage) -> None:
    """Send a Datadog alert that recovers: its incident closes by itself."""
    monitor = partial(
        alerts.datadog,
        "Queue of mails is long",
        monitor_id="1187234",
        priority="P3",
        host="worker-1",
        tags="env:prod,service:mailer,team:growth",
        text="avg(last_5m):avg:mailer.queue.depth{*} > 800",
        cycle=str(time.time_ns()),
    )
    incident = stage.open("datadog", monitor(transition="Warn"), "Datadog: the mail queue is long")
    stage.wait_for(incident, "resolution")
    stage.check("Slack was told", bool(stage.messages(incident, "slack")))
    stage.send("datadog", monitor(transition="Recovered"), "Datadog: recovered")
    record = stage.wait_closed(incident)
    stage.check("it closed by itself", record.outcome == "self_cleared", record.outcome)
    stage.check("nobody was paged", not _pages(stage, incident))


def from_pagerduty(stage: Stage) -> None:
    """Send an incident that was opened in PagerDuty: Firstline does not page again, and resolving it there ends it."""
    number = f"Q{time.time_ns():X}"[:14]
    title = "Ledger replication lags behind by 9 minutes"
    triggered = alerts.pagerduty(number, "incident.triggered", title=title, service="ledger")
    incident = stage.open("pagerduty", triggered, "PagerDuty V3: incident.triggered")
    stage.wait_for(incident, "acknowledgement")
    stage.check("Slack was told", bool(stage.messages(incident, "slack")))
    stage.check("PagerDuty was not asked to page again", not _pages(stage, incident))
    resolved = alerts.pagerduty(number, "incident.resolved", title=title, service="ledger")
    stage.send("pagerduty", resolved, "PagerDuty V3: incident.resolved")
    record = stage.wait_closed(incident)
    stage.check("it is resolved", record.outcome == "resolved", record.outcome)


def _not_cured(stage: Stage) -> None:
    """Send an alert that a runbook cannot cure: its change is taken back, and the page says what was tried."""
    host = stage.stack.hosts["db-1"]
    before = faults.fill_connection_table(host, flooded=True)
    labels = {"alertname": "HostConntrackLimit", "severity": "warning", "service": "orders-db"}
    summary = "The number of conntrack entries approaches the limit on db-1."
    incident = _open_full_table(stage, "db-1", before, labels, summary)
    stage.wait_for(incident, "acknowledgement")
    pages = _pages(stage, incident)
    stage.check("a human was paged", bool(pages))
    told = pages[0].text if pages else ""
    stage.check("the page says what was tried", "raise" in told, told[:200])
    stage.check("what was changed is put back", faults.connection_table(host) == before, faults.connection_table(host))
    stage.press(incident, "acknowledge")
    stage.wait_for(incident, "resolution")
    stage.press(incident, "resolve")
    record = stage.wait_closed(incident)
    stage.check("it counts as resolved by a human", record.outcome == "resolved", record.outcome)


def _asks_first(stage: Stage) -> None:
    """Send an alert whose plan needs approval: approving acknowledges the page, and the earlier release is put back."""
    alert = alerts.failing_shop()
    incident = stage.open("generic", alert, "the shop fails after a release")
    stage.wait_for(incident, "acknowledgement")
    stage.check("a person was paged at once", bool(_pages(stage, incident)))
    asked = " ".join(message.text for message in stage.messages(incident, "slack"))
    stage.check("the page carries the plan and its buttons", "[Approve]" in asked, asked[:200])
    stage.press(incident, "approve")
    record = stage.wait_for(incident, "recovery")
    stage.check("a yes is an acknowledgement, too", record.acknowledged_by is not None, record.acknowledged_by)
    stage.send("generic", alert | {"status": "resolved"}, "the shop is well again")
    record = stage.wait_closed(incident)
    put_back = [result.instance_id for result in record.results if result.status == "Success"]
    stage.check("the release was put back", put_back == ["shop/production"], put_back)
    stage.check("it counts as resolved by a human", record.outcome == "resolved", record.outcome)


def storm(stage: Stage) -> None:
    """Send 500 alerts at once: they become at most ten incidents, and not one alert is lost."""
    stage.wait_turn()  # what the same sender reports during a storm joins it
    started = time.monotonic()

    def alert(number: int, status: alerts.Status) -> dict[str, object]:
        labels = {
            "alertname": "TargetDown",
            "service": f"service-{number // 5:03}",
            "severity": "warning",
            "env": "prod",
        }
        summary = f"node-{number:03} cannot be scraped."
        return alerts.prometheus_alert({**labels, "instance": f"node-{number:03}:9100"}, summary, status=status)

    def send_all(status: alerts.Status) -> None:
        all_alerts = [alert(number, status) for number in range(STORM_ALERTS)]
        messages = [alerts.alertmanager(*batch) for batch in batched(all_alerts, _STORM_BATCH, strict=False)]
        with ThreadPoolExecutor(max_workers=3) as senders:
            list(senders.map(lambda message: stage.send("prometheus", message), messages))

    send_all("firing")
    took = time.monotonic() - started
    incidents = list(stage.incidents)
    stage.story.say(stage.label, f"{STORM_ALERTS} alerts in {took:.1f} s: {len(incidents)} incidents", style="bold")
    few = len(incidents) <= STORM_INCIDENTS_AT_MOST
    stage.check(f"at most {STORM_INCIDENTS_AT_MOST} incidents", few, len(incidents))
    for incident in incidents:
        stage.wait(incident, "calling people", lambda record: awaits(record, "resolution", "acknowledgement"))
    records = [stage.history.record(incident) for incident in incidents]
    counted = sum(record.alert_count for record in records if record)
    # A write whose reply is lost is tried again and may count twice; less than all would be a loss.
    stage.check("not one alert is lost", counted >= STORM_ALERTS, f"{counted} counted")
    stage.check("one of them is the storm", any(record.incident.storm for record in records if record))
    send_all("resolved")
    for incident in incidents:
        stage.wait_closed(incident)
    stage.check("all of them closed when the storm was over", True)


def _open_full_table(
    stage: Stage, host: str, table: faults.ConnectionTable, labels: dict[str, str], summary: str
) -> str:
    """Send Alertmanager's alert about a host's full connection table, and return the incident's id.

    `table` is the state of the host's table, which is only printed. `labels` and `summary` are the alert's.
    """
    if stage.stack.sandbox is not Sandbox.NONE:
        stage.story.say(stage.label, f"{host} tracks {table.entries} connections, and its table takes {table.size}")
    alert = alerts.prometheus_alert({**labels, **_where(host)}, summary)
    return stage.open("prometheus", alerts.alertmanager(alert), f"Alertmanager: the connection table of {host} is full")


def _where(host: str) -> dict[str, str]:
    return {"instance": f"{host}:9100", "env": "prod"}


def _pages(stage: Stage, incident: str) -> list[Message]:
    return stage.messages(incident, "pagerduty", "trigger")


SCENARIOS: dict[str, Callable[[Stage], None]] = {
    "noise": noise,
    "full table": _full_table,
    "no runbook": page,
    "recovers": recovers,
    "pagerduty": from_pagerduty,
    "not cured": _not_cured,
    "asks first": _asks_first,
    "storm": storm,
}


def run(console: Console) -> bool:
    """Run all scenarios at the same time on a new local stack; return True if all their checks hold."""
    began = time.monotonic()
    story = Story(console)
    title = "[bold]Firstline on one machine[/bold]"
    console.print(f"{title}: the same template, real functions, real commands on sandboxes.")
    parameters = {"EnvironmentName": "prod", "IncidentsPerMinuteAndAlert": "3"}
    options = Options(
        time_lapse=TIME_LAPSE,
        parameters=parameters,
        # What acts ships with mode: approve; this is the owner's decision to let it act by itself.
        promoted=("conntrack-full",),
        on_command=story.command,
        on_message=story.message,
    )
    stack, saved = Stack(options), None
    try:
        stack.start()
        console.print(
            f"Ready after {time.monotonic() - began:.0f} s. Hosts: {', '.join(stack.hosts)} "
            f"(sandbox: {stack.sandbox}). Long waits pass {TIME_LAPSE:.0f} times as fast.\n"
        )
        if stack.sandbox is Sandbox.NONE:
            console.print("[bold yellow]No sandbox works here, so commands are printed, not run:[/bold yellow]")
            for problem in stack.sandbox_problems:
                console.print(f"  {problem}", markup=False)
        story.watch(stack.executions)
        stages = {label: Stage(label, stack, story) for label in SCENARIOS}
        # Five hundred alerts at once keep this machine busy: the other stories begin first.
        stages["storm"].after = tuple(stage for label, stage in stages.items() if label != "storm")
        with ThreadPoolExecutor(max_workers=len(SCENARIOS)) as players:
            list(players.map(lambda label: _play(SCENARIOS[label], stages[label]), SCENARIOS))
        story.close()
        _summary(console, story, stages, stack.sandbox)
        saved = save_page(stack, next(iter(stages["asks first"].incidents), ""))
    finally:
        story.close()
        stack.close()
    failed = [(label, check) for label, stage in stages.items() for check in stage.checks if not check.holds]
    for label, check in failed:
        console.print(Text(f"DID NOT HOLD  {label}: {check.what} ({check.seen})", "bold red"))
    if saved is not None:
        console.print(f"\nThe console's page of one of these incidents: {saved}", soft_wrap=True)
        console.print("Serve the console: .venv/bin/python -m local up")
    console.print(f"\nTook {time.monotonic() - began:.0f} s. {'Everything held.' if not failed else ''}")
    return not failed


def _play(scenario: Callable[[Stage], None], stage: Stage) -> None:
    try:
        scenario(stage)
    except (DidNotHappen, OSError) as problem:
        stage.checks.append(Check("it went as it should", False, str(problem)))


def _summary(console: Console, story: Story, stages: dict[str, Stage], sandbox: Sandbox) -> None:
    table = Table(title="\nWhat happened", title_justify="left", title_style="bold", show_lines=True, expand=True)
    table.add_column("Alert", no_wrap=True)
    table.add_column("Its execution", ratio=2)
    table.add_column("Checked", ratio=2)
    for label, stage in stages.items():
        first = next(iter(stage.incidents), "")
        more = f"\n… and {len(stage.incidents) - 1} more incidents" if len(stage.incidents) > 1 else ""
        checked = Text("\n").join(
            Text(f"{'✓' if check.holds else '✗'} {check.what}", "green" if check.holds else "bold red")
            for check in stage.checks
        )
        table.add_row(Text(label, "bold"), Text(path(story.states(first)) + more), checked)
    console.print(table)
    if sandbox is Sandbox.NONE:
        console.print("Commands were only printed: install bubblewrap, or allow user namespaces, to see them run.")
