"""Teams and the signed webhook against a server that behaves, refuses, redirects, drips or hangs."""

import socket
import threading
import time
from base64 import b64encode
from typing import Any

import pytest

from firstline.adapters.channels.posting import PostsOnce, SavePost
from firstline.adapters.channels.teams import TeamsWorkflow
from firstline.adapters.channels.webhook import SignedWebhook
from firstline.channels.summary import StackInfo
from firstline.errors import ChannelFailed, HistoryUnavailable
from tests.integration.http_stub import Answer, answering
from tests.support.builders import CONSOLE, INCIDENT_ID, NOW, a_notification, a_record, hostile_notification

ACCEPTED = Answer(202, b"")
SECRET = f"whsec_{b64encode(bytes(32)).decode()}"
CHANNELS = ["teams", "webhook"]


def channel(name: str, url: str, save: SavePost = lambda *_: None, timeout_seconds: float = 10) -> PostsOnce:
    if name == "teams":
        return TeamsWorkflow(
            f"{url}/workflow?sig=s3cret", save, stack=StackInfo(execution_url=CONSOLE), timeout_seconds=timeout_seconds
        )
    more = {"execution_url": "", "timeout_seconds": timeout_seconds, "clock": lambda: NOW}
    return SignedWebhook(f"{url}/hook?key=s3cret", [SECRET], save, stack="firstline", **more)  # type: ignore[arg-type]


def test_teams_gets_a_card() -> None:
    with answering(ACCEPTED) as stub:
        channel("teams", stub.url).post(hostile_notification("paged"))
    (asked,) = stub.asked
    assert (asked.path, asked.headers["Content-Type"]) == ("/workflow?sig=s3cret", "application/json")
    assert asked.json["attachments"][0]["content"]["type"] == "AdaptiveCard"


def test_the_webhook_is_signed_under_an_id_that_stays() -> None:
    with answering(Answer(503), ACCEPTED) as stub:
        hook = channel("webhook", stub.url)
        with pytest.raises(ChannelFailed):
            hook.post(a_notification())
        hook.post(a_notification())
    first, again = (
        {name.lower(): value for name, value in asked.headers.items() if name.lower().startswith("webhook-")}
        for asked in stub.asked
    )
    assert first == again
    assert first["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert first["webhook-signature"].startswith("v1,")
    assert stub.asked[0].json["incident"]["id"] == INCIDENT_ID


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize(
    ("answer", "retryable", "after", "words"),
    [
        (Answer(400, b"bad card"), False, None, "400 bad card; check"),
        (Answer(401, {}), False, None, "401.*check"),
        (Answer(404, {}), False, None, "404.*check"),
        (Answer(408, {}), True, None, "408"),
        (Answer(429, {}, {"Retry-After": "17"}), True, 17, "429"),
        (Answer(429, {}), True, 60, "429"),
        (Answer(502, b"x" * 100_000), True, None, "502"),
        (Answer(302, b"", {"Location": "/elsewhere"}), False, None, "302.*check"),
        (Answer(hang=True), True, 60, "did not answer within"),
    ],
    ids=["400", "401", "404", "408", "429 with a time", "429 without one", "502 and much text", "a redirect", "hangs"],
)
def test_failures_say_whether_trying_again_helps(
    name: str, answer: Answer, retryable: bool, after: float | None, words: str
) -> None:
    with answering(answer) as stub, pytest.raises(ChannelFailed, match=words) as caught:
        channel(name, stub.url, timeout_seconds=0.5 if answer.hang else 10).post(a_notification())
    assert (caught.value.retryable, caught.value.retry_after) == (retryable, after)
    assert "s3cret" not in str(caught.value)
    assert [asked.path for asked in stub.asked if asked.path == "/elsewhere"] == [], "redirects are not followed"


def test_teams_gets_less_of_a_card_that_is_too_large() -> None:
    with answering(Answer(413, b"too large"), ACCEPTED) as stub:
        channel("teams", stub.url).post(hostile_notification("paged"))
    whole, less = stub.asked
    assert len(less.body) < len(whole.body)
    body = less.json["attachments"][0]["content"]["body"]
    _title, _happening, incident_id = body
    assert INCIDENT_ID in str(incident_id)
    assert len(body) < len(whole.json["attachments"][0]["content"]["body"])


@pytest.mark.parametrize("name", CHANNELS)
def test_a_server_that_is_not_there_can_be_tried_later(name: str) -> None:
    with answering(ACCEPTED) as stub:
        gone = channel(name, stub.url)
    with pytest.raises(ChannelFailed) as caught:
        gone.post(a_notification())
    assert caught.value.retryable


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize(
    "url", ["http://teams.example", "file:///etc", "ftp://127.0.0.1", "", "https://", "https://[x"]
)
def test_only_https_is_asked(name: str, url: str) -> None:
    with pytest.raises(ChannelFailed, match="must be https://") as caught:
        channel(name, url).post(a_notification())
    assert not caught.value.retryable


def test_a_receiver_that_drips_does_not_hold_a_page() -> None:
    over = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1_000:
                if over.wait(0.05):
                    return
                connection.sendall(bytes([byte]))

    with socket.create_server(("127.0.0.1", 0)) as server:
        serving = threading.Thread(target=drip, args=(server,))
        serving.start()
        began = time.monotonic()
        with pytest.raises(ChannelFailed, match="did not answer within") as caught:
            channel("webhook", f"http://127.0.0.1:{server.getsockname()[1]}", timeout_seconds=2).post(a_notification())
        over.set()
        serving.join()
    assert caught.value.retryable
    assert time.monotonic() - began < 40, "it would take 50 seconds"


# --- once ---


def test_what_was_posted_already_counts_as_told_and_is_not_posted_again() -> None:
    saved: dict[str, str] = {}
    with answering(ACCEPTED) as stub:
        once = channel("teams", stub.url, lambda _, name, digest: saved.update({name: digest}))
        assert once.tell(a_notification())
        assert once.tell(a_notification(record=a_record(posted=saved)))
        assert once.tell(a_notification("acknowledged", a_record(posted=saved, acknowledged_by="ada")))
        assert not once.tell(a_notification("quiet"))
    assert len(stub.asked) == 2, "the page, and that ada has it; nothing is posted of a quiet"


def test_what_was_not_taken_is_not_remembered() -> None:
    saved: list[Any] = []
    with answering(Answer(503)) as stub, pytest.raises(ChannelFailed):
        channel("teams", stub.url, lambda *post: saved.append(post)).tell(a_notification())
    assert saved == []


def test_a_table_that_is_out_of_reach_does_not_fail_the_post() -> None:
    def fails(*_: str) -> None:
        raise HistoryUnavailable("no table")

    with answering(ACCEPTED) as stub:
        assert channel("webhook", stub.url, fails).tell(a_notification())
