"""Tests of the fetching of SNS's signing certificates: what is cached, refused and tried again."""

from http.client import HTTPException
from socket import EAI_AGAIN, EAI_NONAME, gaierror
from typing import Any

import pytest

from firstline.adapters.aws.certificates import MAX_BYTES, MAX_REMEMBERED, REFUSED_SECONDS, Certificates
from firstline.errors import CertificateUnavailable, Unauthenticated

PEM = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a.pem"


class Server:
    """A fake of HTTPSConnection that gives every request the same answer and records the requests."""

    def __init__(self, status: int = 200, body: bytes = PEM, failure: Exception | None = None) -> None:
        self.status, self.body, self.failure = status, body, failure
        self.asked: list[str] = []
        self.open = 0

    def __call__(self, host: str, timeout: float) -> "Server":
        assert 0 < timeout <= 5
        self.host = host
        self.open += 1
        return self

    def request(self, method: str, path: str) -> None:
        if self.failure:
            raise self.failure
        self.asked.append(f"{method} https://{self.host}{path}")

    def getresponse(self) -> "Server":
        return self

    def read(self, limit: int) -> bytes:
        return self.body[:limit]

    def close(self) -> None:
        self.open -= 1


def certificates(server: Server) -> Certificates:
    connect: Any = server
    return Certificates(connect)


def test_a_certificate_is_fetched_once_and_then_taken_from_the_cache() -> None:
    server = Server()
    certs = certificates(server)

    assert certs.get(URL) == certs.get(URL) == PEM.decode()
    assert server.asked == [f"GET {URL}"]
    assert server.open == 0


@pytest.mark.parametrize(
    "server",
    [
        Server(status=429),
        Server(status=500),
        Server(failure=TimeoutError("slow")),
        Server(failure=gaierror(EAI_AGAIN, "try again")),
        Server(failure=ConnectionRefusedError()),
        Server(failure=HTTPException("garbled")),
    ],
)
def test_a_certificate_whose_fetch_failed_is_fetched_again_by_the_next_request(server: Server) -> None:
    certs = certificates(server)
    with pytest.raises(CertificateUnavailable, match="SimpleNotificationService-0a"):
        certs.get(URL)
    assert server.open == 0

    server.status, server.body, server.failure = 200, PEM, None

    assert certs.get(URL) == PEM.decode()


@pytest.mark.parametrize(
    "server",
    [
        Server(status=302),
        Server(status=403),
        Server(status=404),
        Server(body=b"<html>"),
        Server(body=b""),
        Server(body=PEM + b"x" * MAX_BYTES),
        Server(failure=gaierror(EAI_NONAME, "no such host")),
    ],
)
def test_an_address_without_a_certificate_is_refused_and_not_asked_again_for_a_minute(server: Server) -> None:
    now = [0.0]
    connect: Any = server
    certs = Certificates(connect, lambda: now[0])
    with pytest.raises(Unauthenticated, match="SimpleNotificationService-0a"):
        certs.get(URL)
    server.status, server.body, server.failure = 200, PEM, None
    server.asked.clear()
    with pytest.raises(Unauthenticated):
        certs.get(URL)
    assert server.asked == []

    now[0] += REFUSED_SECONDS

    assert certs.get(URL) == PEM.decode()


@pytest.mark.parametrize("url", ["http://sns.eu-west-1.amazonaws.com/a.pem", "file:///etc/passwd", "https:///a.pem"])
def test_an_address_that_is_not_https_or_has_no_host_is_refused_without_a_connection(url: str) -> None:
    server = Server()
    with pytest.raises(Unauthenticated):
        certificates(server).get(url)
    assert server.open == 0
    assert server.asked == []


def test_the_cache_of_certificates_is_limited_so_an_old_one_is_fetched_again() -> None:
    server = Server()
    certs = certificates(server)
    for n in range(3 * MAX_REMEMBERED):
        certs.get(f"https://sns.eu-west-1.amazonaws.com/{n}.pem")

    certs.get("https://sns.eu-west-1.amazonaws.com/0.pem")

    assert len(server.asked) == 3 * MAX_REMEMBERED + 1
