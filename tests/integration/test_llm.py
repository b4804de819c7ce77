"""A scripted OpenAI-compatible server, over real HTTP with the real client: every way in which the wire fails.

The bound on time is generous on purpose: it tells "one deadline" from "several", not a fast machine from a slow one.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai  # the import counts against the deadline; here it must not
import pytest

from firstline.adapters.llm import ChatModel, Endpoint
from firstline.classification.prompt import Prompt
from firstline.classification.rules import NO_RULES
from firstline.classification.verdict import classify
from firstline.errors import ModelGaveNoVerdict
from firstline.models import Evidence, Incident, NormalizedAlert

assert openai.__version__

DEADLINE_SECONDS = 1.5
"""For a server that hangs."""

PATIENT_SECONDS = 30.0
"""For a server that fails at once: long enough that a busy machine doesn't turn its failure into a time-out."""

AT_MOST_SECONDS = 4 * DEADLINE_SECONDS
NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
PROMPT = Prompt("1", "Judge.", '{"alert": {}}', ("low-disk",))

type Script = Callable[[BaseHTTPRequestHandler, "Server"], None]

VERDICT = {
    "severity": "critical",
    "cause": "The disk is full of logs.",
    "is_deployment_related": False,
    "can_be_remediated": True,
    "runbook_id": "low-disk",
    "confidence": 0.9,
    "summary": "The disk of web-1 is full.",
    "first_steps": ["Look at /var/log."],
}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.over = threading.Event()
        """Set at the test's end: what hangs lets go."""
        self.hung_up = threading.Event()
        """Set when the client closed a connection that the script was still writing to."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        if isinstance(sys.exception(), ConnectionError):
            self.hung_up.set()
            return
        super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append({"path": self.path, "body": json.loads(body)})
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.server.script(self, self.server)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Server]]:
    started: list[Server] = []

    def start(script: Script) -> Server:
        server = Server(script)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.over.set()
        server.shutdown()
        server.server_close()


def _model(url: str, key: str | None = "test-key", deadline_seconds: float = PATIENT_SECONDS) -> ChatModel:
    return ChatModel(Endpoint(url, "test-model", lambda: key, deadline_seconds, 500))


def _answer(status: int, body: bytes, content_type: str = "application/json", **headers: str) -> Script:
    def script(http: BaseHTTPRequestHandler, server: Server) -> None:
        http.send_response(status)
        http.send_header("Content-Type", content_type)
        http.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            http.send_header(name.replace("_", "-"), value)
        http.end_headers()
        http.wfile.write(body)

    return script


def _completion(message: dict[str, Any] | None = None, finish_reason: str = "stop", **changes: Any) -> Script:
    """A chat completion; `changes` to the verdict in it."""
    message = message or {"role": "assistant", "content": json.dumps(VERDICT | changes)}
    choices = [{"index": 0, "finish_reason": finish_reason, "message": message}]
    return _answer(200, json.dumps({"id": "1", "choices": choices, "usage": {"total_tokens": 321}}).encode())


def _says_nothing(http: BaseHTTPRequestHandler, server: Server) -> None:
    server.over.wait(30)


def _stops_in_the_middle(http: BaseHTTPRequestHandler, server: Server) -> None:
    _answer_head(http, 1_000)
    http.wfile.write(b'{"choices": [')
    server.over.wait(30)


def _trickles(http: BaseHTTPRequestHandler, server: Server) -> None:
    """A byte at a time, each well within any read time-out."""
    _answer_head(http, 100_000)
    while not server.over.wait(0.05):
        http.wfile.write(b" ")


def _trickles_headers(http: BaseHTTPRequestHandler, server: Server) -> None:
    http.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not server.over.wait(0.05):
        http.wfile.write(b"X-More: and more\r\n")


def _closes_in_the_middle(http: BaseHTTPRequestHandler, server: Server) -> None:
    _answer_head(http, 1_000)
    http.wfile.write(b'{"choices": [')
    http.close_connection = True


def _is_endless(http: BaseHTTPRequestHandler, server: Server) -> None:
    _answer_head(http, 50_000_000)
    for _ in range(50):
        http.wfile.write(b" " * 1_000_000)


def _fails_endlessly(http: BaseHTTPRequestHandler, server: Server) -> None:
    http.send_response(500)
    http.send_header("Content-Length", "50000000")
    http.end_headers()
    for _ in range(50):
        http.wfile.write(b"x" * 1_000_000)


def _answer_head(http: BaseHTTPRequestHandler, length: int) -> None:
    http.send_response(200)
    http.send_header("Content-Type", "application/json")
    http.send_header("Content-Length", str(length))
    http.end_headers()


def _error(message: str) -> bytes:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error"}}).encode()


HANGS = {"says nothing", "stops in the middle", "trickles", "trickles headers"}

FAILURES: dict[str, tuple[Script, str, int]] = {
    "says nothing": (_says_nothing, "no answer within 1.5 s", 0),
    "stops in the middle": (_stops_in_the_middle, "no answer within 1.5 s", 0),
    "trickles": (_trickles, "no answer within 1.5 s", 0),
    "trickles headers": (_trickles_headers, "no answer within 1.5 s", 0),
    "closes in the middle": (_closes_in_the_middle, "cannot be reached", 0),
    "too many requests": (_answer(429, _error("slow down"), Retry_After="60"), "answered 429: ", 0),
    "server error": (_answer(500, b"oops", "text/plain"), "answered 500", 0),
    "unavailable": (_answer(503, b"", Retry_After="1"), "answered 503", 0),
    "wrong key": (_answer(401, _error("Incorrect API key")), "answered 401: ", 0),
    "schema refused": (_answer(400, _error("response_format is not supported")), "response_format is not supported", 0),
    "redirect": (_answer(307, b"", Location="http://127.0.0.1:1/"), "answered 307", 0),
    "50 MB": (_is_endless, "larger than 1,000,000 bytes", 0),
    "50 MB of error": (_fails_endlessly, "larger than 1,000,000 bytes", 0),
    "compressed": (_answer(200, b"\x1f\x8b", Content_Encoding="gzip"), "compressed", 0),
    "not JSON": (_answer(200, b"<html>Welcome</html>", "text/html"), "not a chat completion", 0),
    "not JSON, though it says so": (_answer(200, b"welcome"), "not a chat completion", 0),
    "not UTF-8": (_answer(200, b"\xff\xfe{}"), "not a chat completion", 0),
    "another JSON": (_answer(200, b'{"object": "list"}'), "not a chat completion: choices", 0),
    "null": (_answer(200, b"null"), "not a chat completion", 0),
    "deep JSON": (_answer(200, b"[" * 100_000), "not a chat completion", 0),
    "no choice": (_answer(200, b'{"choices": [], "usage": {"total_tokens": 9}}'), "no choice", 9),
    "refusal": (_completion({"role": "assistant", "content": None, "refusal": "I won't."}), "refused: I won't.", 321),
    "cut short": (_completion({"content": '{"severity": "cri'}, "length"), "ended early (length)", 321),
    "filtered": (_completion({"content": ""}, "content_filter"), "ended early (content_filter)", 321),
    "truncated JSON": (_completion({"content": '{"severity": "cri'}), "not of the schema", 321),
    "no content": (_completion({"content": None}), "not of the schema", 321),
    "prose": (_completion({"content": "It looks bad."}), "not of the schema", 321),
    "wrong enum": (_completion(severity="catastrophic"), "not of the schema: severity", 321),
    "missing key": (_completion({"content": '{"severity": "low"}'}), "not of the schema: cause", 321),
    "wrong type": (_completion(can_be_remediated="yes"), "not of the schema: can_be_remediated", 321),
    "confidence beyond 1": (_completion(confidence=97), "not of the schema: confidence", 321),
    "unknown runbook": (_completion(runbook_id="format-disk"), "runbook that was not offered", 321),
    "tool call": (_completion({"content": None, "tool_calls": []}, "tool_calls"), "ended early (tool_calls)", 321),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_whatever_the_server_does_there_is_an_answer_within_one_deadline(
    failure: str, serve: Callable[[Script], Server]
) -> None:
    script, reason, tokens = FAILURES[failure]
    server = serve(script)
    deadline = DEADLINE_SECONDS if failure in HANGS else PATIENT_SECONDS
    began = time.monotonic()
    with pytest.raises(ModelGaveNoVerdict) as raised:
        _model(server.url, deadline_seconds=deadline).verdict(PROMPT)
    assert time.monotonic() - began < (AT_MOST_SECONDS if failure in HANGS else PATIENT_SECONDS)
    assert reason in str(raised.value)
    assert raised.value.tokens == tokens
    assert len(str(raised.value)) < 600
    assert len(server.requests) == 1, "a hidden retry"


@pytest.mark.parametrize("failure", ["says nothing", "trickles", "server error", "refusal", "wrong enum"])
@pytest.mark.parametrize("severity", ["critical", "medium"])
def test_a_failing_model_never_lowers_a_severity(
    failure: str, severity: str, serve: Callable[[Script], Server]
) -> None:
    verdict = classify(
        _incident(severity),
        evidence=Evidence(same_name_last_hour=1, earlier=[], deployments=[], local_time=NOW, business_hours=True),
        rules=NO_RULES,
        offered=[],
        model=_model(
            serve(FAILURES[failure][0]).url,
            deadline_seconds=DEADLINE_SECONDS if failure in HANGS else PATIENT_SECONDS,
        ),
        now=NOW,
    )
    assert verdict.severity == severity
    assert FAILURES[failure][1] in verdict.reasons[-1]


def test_nobody_listens() -> None:
    with pytest.raises(ModelGaveNoVerdict, match=r"cannot be reached"):
        _model("http://127.0.0.1:1/v1").verdict(PROMPT)


def test_tls_that_never_shakes_hands(serve: Callable[[Script], Server]) -> None:
    """A plain server behind an https address: the handshake is part of the deadline too."""
    server = serve(_says_nothing)
    began = time.monotonic()
    with pytest.raises(ModelGaveNoVerdict):
        _model(server.url.replace("http:", "https:"), deadline_seconds=DEADLINE_SECONDS).verdict(PROMPT)
    assert time.monotonic() - began < AT_MOST_SECONDS


def test_an_address_that_is_none() -> None:
    with pytest.raises(ModelGaveNoVerdict):
        _model("not a url").verdict(PROMPT)


def test_without_a_key_nothing_is_sent(serve: Callable[[Script], Server]) -> None:
    server = serve(_completion())
    with pytest.raises(ModelGaveNoVerdict, match="no API key"):
        _model(server.url, key=None).verdict(PROMPT)
    assert server.requests == []


def test_a_key_that_takes_forever_counts_against_the_deadline() -> None:
    let_go = threading.Event()

    def key() -> str | None:
        let_go.wait(30)
        return None

    began = time.monotonic()
    with pytest.raises(ModelGaveNoVerdict, match="no answer within"):
        ChatModel(Endpoint("http://127.0.0.1:1/v1", "m", key, 0.2, 500)).verdict(PROMPT)
    assert time.monotonic() - began < AT_MOST_SECONDS
    let_go.set()


def test_a_key_that_cannot_be_read_is_no_verdict() -> None:
    def key() -> str | None:
        raise PermissionError("AccessDenied on ssm:GetParameter")

    with pytest.raises(ModelGaveNoVerdict, match="PermissionError: AccessDenied"):
        ChatModel(Endpoint("http://127.0.0.1:1/v1", "m", key, 1, 500)).verdict(PROMPT)


def test_the_connection_is_closed_when_time_is_up(serve: Callable[[Script], Server]) -> None:
    server = serve(_trickles)
    with pytest.raises(ModelGaveNoVerdict):
        _model(server.url, deadline_seconds=0.5).verdict(PROMPT)
    assert server.hung_up.wait(10)


def test_a_verdict(serve: Callable[[Script], Server]) -> None:
    server = serve(_completion())
    verdict = _model(server.url).verdict(PROMPT)
    assert verdict.judgement.model_dump() == VERDICT
    assert (verdict.model, verdict.tokens) == ("test-model", 321)


def test_what_is_asked(serve: Callable[[Script], Server]) -> None:
    server = serve(_completion())
    _model(server.url).verdict(PROMPT)
    sent = server.requests[0]
    assert sent["path"] == "/v1/chat/completions"
    assert server.headers[0]["authorization"] == "Bearer test-key"
    body = sent["body"]
    assert body["model"] == "test-model"
    assert [(one["role"], one["content"]) for one in body["messages"]] == [
        ("system", "Judge."),
        ("user", '{"alert": {}}'),
    ]
    assert body["max_completion_tokens"] == 500
    schema = body["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["properties"]["runbook_id"]["anyOf"][0]["enum"] == ["low-disk"]


@pytest.mark.parametrize(
    "extra",
    [
        {"usage": None},
        {"unheard_of": {"of": "it"}, "usage": {"total_tokens": 1, "prompt_tokens": 1}},
    ],
)
def test_servers_differ_in_what_does_not_matter(extra: dict[str, Any], serve: Callable[[Script], Server]) -> None:
    content = json.dumps(VERDICT | {"thoughts": "hm"})
    body = {"choices": [{"message": {"content": content, "reasoning": "hm"}, "finish_reason": "stop"}]} | extra
    assert _model(serve(_answer(200, json.dumps(body).encode())).url).verdict(PROMPT).judgement.severity == "critical"


def test_the_client_is_imported_by_the_first_call_and_not_before() -> None:
    script = """
import sys
from firstline.adapters.llm import ChatModel, Endpoint
from firstline.classification.prompt import Prompt
from firstline.errors import ModelGaveNoVerdict
import functions.classify.app
early = {"openai", "httpx2"} & set(sys.modules)
assert not early, early
try:
    ChatModel(Endpoint("http://127.0.0.1:1/v1", "m", lambda: "k", 60, 500)).verdict(Prompt("1", "s", "{}", ()))
except ModelGaveNoVerdict as reason:
    assert "cannot be reached" in str(reason), reason
assert "openai" in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": "layers/core:.", "AWS_DEFAULT_REGION": "eu-west-1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _incident(severity: str) -> Incident:
    alert = NormalizedAlert(
        source="datadog",
        alert_name="Disk",
        severity=severity,
        message="full",
        labels={},
        timestamp=NOW,
        raw_payload=None,
        status="firing",
        fingerprint="f",
        group_key="g",
    )
    return Incident(incident_id="disk", group_key="g", opened_at=NOW, alert=alert, alert_count=1, hosts=[])
