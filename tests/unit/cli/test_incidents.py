"""`firstline incidents`, `show` and the actions, as a person types them, against a stack in memory."""

import csv
import io
import json
from typing import Any

import pytest
import typer
from botocore.awsrequest import AWSPreparedRequest
from botocore.httpsession import URLLib3Session
from typer.testing import CliRunner, Result
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from firstline.incidents.audit_trail import Fact
from firstline.incidents.status import Filter
from firstline.models import AlertLink, Counts
from firstline_cli import actions, incidents, requests, stacks
from firstline_cli.console import refusal
from firstline_cli.listing import as_csv, rows
from firstline_cli.main import app
from firstline_cli.one_incident import plan_lines
from local.emulator.signing import user_arn
from tests.support.builders import (
    INCIDENT_ID,
    NOW,
    a_classification,
    a_page,
    a_plan,
    a_record,
    a_result,
    a_waiting_record,
    a_whole_plan,
    an_alert,
    an_incident,
)
from tests.support.memory import MemoryStore
from tests.support.terminal import Terminal

SHORT = INCIDENT_ID[-8:]
CLOSED: dict[str, Any] = {"status": "CLOSED", "closed_at": NOW, "resolved_at": NOW, "outcome": "resolved"}
PAGED: dict[str, Any] = {"paged_at": NOW, "pages": [a_page(at=NOW)]}


class Typed:
    """A person at a terminal of the stack."""

    def __init__(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stack = terminal
        found = stacks.Stack(terminal.store.table, "arn:aws:states:eu-west-1:123456789012:stateMachine:i", Any)  # type: ignore[arg-type]
        for module in (incidents, actions):
            monkeypatch.setattr(module, "stack_of", lambda name: found)
        monkeypatch.setattr(actions, "post", self._post)
        monkeypatch.setattr(requests, "post", self._post)
        self.by = "ada"

    def _post(self, stack: object, path: str, body: dict[str, Any]) -> dict[str, Any]:
        status, answer = self.stack.post(path, body, by=self.by)
        if status not in (200, 202):
            raise refusal(answer["said"], requests.CODES[status])
        return dict(answer)

    def __call__(self, *arguments: str, by: str = "ada", **options: Any) -> Result:
        self.by = by
        return CliRunner().invoke(app, list(arguments), **options)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    return Typed(
        Terminal(a_waiting_record(a_plan(decision="approve"), awaiting="acknowledgement", **PAGED)), monkeypatch
    )


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """A high incident that nobody has, a critical one that bob has, and a low one that is over, all of service shop."""

    def record(incident_id: str, severity: Any, **changes: Any) -> Any:
        alert = an_alert(severity=severity, group_key=incident_id, alert_name="=HYPERLINK(x)", service="shop")
        verdict = a_classification(severity=severity)
        return a_record(an_incident(alert, incident_id=incident_id), classification=verdict, **changes)

    store = MemoryStore(
        record("DiskFull-web-1-aaaa1111", "high", **PAGED),
        record("DbDown-db-1-bbbb1111", "critical", **PAGED, acknowledged_at=NOW, acknowledged_by="bob (Slack)"),
        record("Old-web-2-cccc2222", "low", status="CLOSED", closed_at=NOW, outcome="resolved", resolved_at=NOW),
    )
    terminal = Terminal()
    terminal.store = store
    return Typed(terminal, monkeypatch)


def test_the_list_begins_with_the_incident_that_nobody_has(several: Typed) -> None:
    result = several("incidents")

    assert result.exit_code == 0, result.output
    first, second = result.stdout.splitlines()
    assert "aaaa1111" in first
    assert "NOBODY HAS IT, paged" in first
    assert "bbbb1111" in second
    assert "bob (Slack) has it" in second


def test_the_list_says_that_a_plan_waits_for_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = a_plan(title="Free disk space", decision="approve")
    typed = Typed(Terminal(a_waiting_record(plan)), monkeypatch)
    assert "waits for a yes to “Free disk space”" in " ".join(typed("incidents").stdout.split())
    (row,) = json.loads(typed("incidents", "-o", "json").stdout)
    assert row["asks"] == "Free disk space"


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["list"], ["aaaa1111", "bbbb1111"]),
        (["--unowned"], ["aaaa1111"]),
        (["--severity", "critical+"], ["bbbb1111"]),
        (["--service", "mail"], []),
        (["--all", "--since", "9999d"], ["aaaa1111", "bbbb1111", "cccc2222"]),
        (["list", "--mine"], ["bbbb1111"]),  # who types is bob
    ],
)
def test_the_list_is_filtered_by_owner_severity_service_and_state(
    several: Typed, options: list[str], shown: list[str]
) -> None:
    # Of service shop: aaaa1111 is high and unowned, bbbb1111 critical and bob's, cccc2222 closed.
    result = several("incidents", *options, "-o", "json", by="bob")
    assert result.exit_code == 0, result.output
    assert [row["short_id"] for row in json.loads(result.stdout)] == shown


def test_a_formula_in_an_alerts_name_is_quoted_in_the_csv(several: Typed) -> None:
    lines = list(csv.DictReader(io.StringIO(several("incidents", "-o", "csv").stdout)))
    assert [line["alert"] for line in lines] == ["'=HYPERLINK(x)"] * 2
    assert lines[0]["who"].startswith("Nobody has it")


@pytest.mark.parametrize("begin", "=+-@\uff1d\uff0b\uff0d\uff20")
def test_no_cell_begins_as_a_formula(begin: str) -> None:
    (row,) = rows(MemoryStore(a_record(an_incident(an_alert(alert_name=f"{begin}1")))).table, Filter(), NOW)
    (cells,) = csv.DictReader(io.StringIO(as_csv([row])))
    assert cells["alert"] == f"'{begin}1"


def test_json_is_printed_as_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    incident = an_incident(an_alert(message="für \x9b2J \u202e"))
    shown = Typed(Terminal(a_record(incident)), monkeypatch)("show", incident.incident_id, "-o", "json").stdout
    assert shown.isascii()
    assert json.loads(shown)["record"]["incident"]["alert"]["message"] == "für \x9b2J \u202e"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["incidents", "--severity", "awful"], 2, "'awful' is no severity; known are critical"),
        (["incidents", "--all", "--since", "soon"], 2, "--since: 'soon' is no duration"),
        (["incidents", "--all", "--open"], 2, "exclude each other"),
        (["ack", "1111"], 3, "'1111' is the end of 2 incidents; give more of the id:"),
        (["ack", "eeee5555"], 3, "No incident's id ends with 'eeee5555'"),
        (["ack", "1"], 3, "too short"),
        (["ack", ".*aa1111"], 3, "is no incident's id"),
        (["ack", "DiskFull-web-1-aaaa1111/../../oncall/platform?"], 3, "is no incident's id"),
        (["show", "No-such-incident-of-this-stack"], 3, "does not know this incident"),
        (["judge", "aaaa1111", "terrible"], 2, "The answer 'terrible' is unknown; write one of real, noise"),
        (["approve", "aaaa1111"], 4, "no plan"),
    ],
)
def test_each_mistake_is_said_and_has_its_exit_code(
    several: Typed, arguments: list[str], code: int, words: str
) -> None:
    result = several(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert words in result.stderr


def test_an_ambiguous_id_names_the_candidates(several: Typed) -> None:
    assert several("ack", "1111").stderr.splitlines()[1:] == ["  DbDown-db-1-bbbb1111", "  DiskFull-web-1-aaaa1111"]


def test_ack_with_a_short_id_takes_the_incident(typed: Typed) -> None:
    result = typed("ack", SHORT)

    assert result.exit_code == 0, result.output
    assert "You have the incident." in result.stdout
    assert typed.stack.store.only.acknowledged_by == "ada (command line)"


def test_ack_of_an_incident_that_somebody_has_names_that_person(typed: Typed) -> None:
    typed("ack", SHORT, by="ada")

    again = typed("ack", SHORT, by="bob")

    assert (again.exit_code, again.stderr) == (4, "Nothing to do: ada (command line) has it already.\n")


def test_a_reader_is_refused_with_the_fix(typed: Typed) -> None:
    result = typed("ack", SHORT, by="eve")
    assert result.exit_code == 4
    assert result.stderr.startswith("eve is a reader, and this takes the role operator: change it in runbooks/policy/")


def test_resolve_is_refused_if_an_alert_joined_since_the_reader_looked_but_not_without_seen(typed: Typed) -> None:
    refused = typed("resolve", SHORT, "--seen", "0")
    assert refused.exit_code == 4
    assert "1 more alert joined or got worse since you looked" in refused.stderr
    assert typed("resolve", SHORT).exit_code == 0
    assert typed.stack.store.only.resolved_by == "ada (command line)"


@pytest.mark.parametrize("seen", ["2", "3"])
def test_seen_takes_the_number_of_alerts_that_people_are_shown(typed: Typed, seen: str) -> None:
    twice = Counts(joined=3, again=1, firing=2, ranks=(0, 0, 0, 3, 0))  # one of the two alerts fired again
    typed.stack.store.change(INCIDENT_ID, own=twice)
    assert json.loads(typed("incidents", "--output", "json").stdout)[0]["alerts"] == 2

    refused = typed("resolve", SHORT, "--seen", "1")
    assert (refused.exit_code, "1 more alert joined" in refused.stderr) == (4, True)
    assert typed("resolve", SHORT, "--seen", seen).exit_code == 0
    live = typed.stack.store.only.live
    assert live is not None
    assert live.resolved_seen == live.joined == 3, "an alert that joins from now on was not seen"


def test_approving_shows_the_plan_and_asks(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    assert typed("approve", SHORT).exit_code == 2, "nobody is at the terminal"
    monkeypatch.setattr("firstline_cli.actions.at_terminal", lambda: True)
    no = typed("approve", SHORT, input="n\n")
    assert no.exit_code == 1
    assert "rotate-logs" in no.stdout
    assert typed.stack.store.only.decision is None

    assert typed("approve", SHORT, input="y\n").exit_code == 0
    assert typed.stack.store.only.decision == "approved"


@pytest.mark.parametrize(
    ("arguments", "does"),
    [(["note", SHORT, "cleared it"], "note"), (["judge", SHORT, "low"], "judge"), (["refuse", SHORT], "refuse"),
     (["escalate", SHORT, "bob is asleep"], "escalate")],
)  # fmt: skip
def test_each_command_does_its_one_act(typed: Typed, arguments: list[str], does: str) -> None:
    result = typed(*arguments, "-o", "json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["said"]
    assert [facts["does"] for what, _, facts in typed.stack.trail if what == "acted"] == [does]


def test_incidents_open_hands_over_a_persons_report(typed: Typed) -> None:
    result = typed("incidents", "open", "Checkout hangs", "--severity", "high", "--service", "checkout")
    assert (result.exit_code, result.stdout) == (0, "Reported: Checkout hangs. Its incident opens within seconds.\n")
    (alert,) = typed.stack.submitted
    assert (alert.service, alert.severity) == ("checkout", "high")


def test_show_says_who_has_it_what_it_is_and_what_happened(typed: Typed) -> None:
    assert f"take it: firstline ack {SHORT}\n" in typed("show", SHORT).stdout
    typed("ack", SHORT)

    text, as_json = typed("show", SHORT).stdout, typed("show", SHORT, "-o", "json").stdout

    heading, sentence, *_ = text.splitlines()
    assert heading.startswith("HIGH ")
    assert sentence.startswith("ada (command line) has it")
    for words in ("What the alert says", "The plan", f"approve it: firstline approve {SHORT}", "What happened"):
        assert words in text
    assert "Acknowledged by ada (command line)" in text
    assert "take it" not in text
    assert f"on {a_plan().targets[0].name}" in text
    whole = json.loads(as_json)
    assert whole["stands"]["owner"] == "ada (command line)"
    assert "task_token" not in as_json, "whoever has the token can end the wait"


@pytest.mark.parametrize(("decision", "does"), [("auto", "runs by itself because: "), ("approve", "asks because: ")])
def test_a_plan_says_why_it_asks_or_runs_by_itself(decision: str, does: str) -> None:
    assert [line for line in plan_lines(a_plan(decision=decision)) if line.startswith(does)]


@pytest.mark.parametrize(("changes", "says"), [({}, ", open for"), (CLOSED, ", was open for")])
def test_show_says_how_long_an_incident_is_or_was_open(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], says: str
) -> None:
    assert f"{INCIDENT_ID}{says} " in Typed(Terminal(a_record(**changes)), monkeypatch)("show", INCIDENT_ID).stdout


def test_a_person_who_decides_at_a_terminal_reads_all_that_may_run() -> None:
    plan = a_whole_plan(decision="approve")

    assert set(plan.parts) <= set(plan_lines(plan))


def test_show_prints_https_links_and_every_text_of_the_sender_without_personal_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    links = [
        AlertLink(kind="runbook", url="https://wiki.example/disk"),
        AlertLink(kind="logs", url="http://x.example/"),
    ]
    linked = an_incident(an_alert(links=links, annotations={"impact": "no orders, says ada" + "@example.com"}))
    text = Typed(Terminal(a_record(linked)), monkeypatch)("show", linked.incident_id).stdout.replace("\n", " ")

    assert "Runbook: https://wiki.example/disk" in text
    assert "Prometheus: https://prometheus.example/" in text
    assert "x.example/" not in text.replace("prometheus.example/", "").replace("wiki.example/", "")
    assert "impact: no orders" in text
    assert "ada@" not in text


def test_show_prints_no_personal_data_of_an_output(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "mail to ada" + "@example.com bounced"
    record = a_record(results=[a_result(output=said)], classification=a_classification(cause=said, summary=said))
    text = Typed(Terminal(record), monkeypatch)("show", record.incident.incident_id).stdout
    assert "[redacted e-mail address] bounced" in text.replace("\n", " ")
    assert "ada@" not in text


def test_show_prints_no_control_characters_of_an_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    evil = an_incident(an_alert(message="\x1b[2Jboo \x07", alert_name="a\x1b]0;x\x07b"))
    typed = Typed(Terminal(a_record(evil)), monkeypatch)
    typed.stack.store.trail.append(evil.incident_id, [Fact(what="over", who="\x1b[31mx", facts={"a": "\x1b[1m"})], NOW)
    for arguments in (["show", evil.incident_id], ["incidents"]):
        result = typed(*arguments)
        assert result.exit_code == 0, result.output
        assert "\x1b" not in result.stdout
        assert "\x07" not in result.stdout


# --- the signed request ---


class Sent:
    """A session whose API answers as a test wishes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, status: int = 200, body: str = '{"said": "Done."}') -> None:
        self.requests: list[AWSPreparedRequest] = []
        self._status, self._body = status, body
        monkeypatch.setattr(URLLib3Session, "send", lambda _, request: self._answer(request))

    def _answer(self, request: AWSPreparedRequest) -> Any:
        self.requests.append(request)
        return type("Answer", (), {"status_code": self._status, "content": self._body.encode()})


def a_stack(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> stacks.Stack:
    from boto3.session import Session

    fields: dict[str, Any] = {
        "table": None,
        "state_machine": "arn:aws:states:eu-west-1:123456789012:stateMachine:i",
        "client": None,
        "session": Session("ada", "local", region_name="eu-west-1"),
        "name": "firstline-prod",
        "api_url": "https://api.example",
    }
    return stacks.Stack(**fields | changes)


def test_a_request_is_signed_as_the_authorizer_checks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = Sent(monkeypatch)

    assert requests.post(a_stack(monkeypatch), "incidents/a-1/note", {"text": "ü"})["said"] == "Done."

    (prepared,) = sent.requests
    assert prepared.url == "https://api.example/operate/incidents/a-1/note"

    def arn(body: bytes, secret: str = "local", **more: str) -> str | None:
        headers = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in prepared.headers.items()
        }
        environ = EnvironBuilder(
            "/operate/incidents/a-1/note",
            "https://api.example",
            method="POST",
            data=body,
            headers=[*(headers | more).items()],
        ).get_environ()
        return user_arn(Request(environ), body, account="1", secret=secret, roles=["RespondFunctionRole"])

    body = prepared.body
    assert isinstance(body, bytes)
    assert arn(body) == "arn:aws:iam::1:user/ada"
    assert arn(body + b" ") is None
    assert arn(body, secret="another") is None
    assert arn(body, **{"X-Amz-Date": "20200101T000000Z"}) is None
    assert arn(body, Authorization="Bearer ada") is None


@pytest.mark.parametrize(
    ("status", "body", "code", "words"),
    [
        (
            403,
            '{"message": "Forbidden"}',
            4,
            "does not let you in (Forbidden): attach the policy arn:aws:iam::1:policy/p",
        ),
        (403, '{"said": "eve is a reader."}', 4, "eve is a reader."),
        (409, '{"said": "Nothing to do."}', 4, "Nothing to do."),
        (404, '{"said": "Unknown."}', 3, "Unknown."),
        (404, '{"said": "\\u001b[2JUn\\u202eknown."}', 3, "Unknown."),
        (503, '{"said": "AWS does not answer."}', 5, "AWS does not answer."),
        (502, "<html>", 5, "answered 502 (no reason): look whether something was changed"),
    ],
)
def test_a_refusal_of_the_api_ends_the_command_with_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: int, body: str, code: int, words: str
) -> None:
    Sent(monkeypatch, status, body)
    with pytest.raises(typer.Exit) as ended:
        requests.post(a_stack(monkeypatch, operator_policy="arn:aws:iam::1:policy/p"), "whoami", {})
    assert ended.value.exit_code == code
    assert words in capsys.readouterr().err
