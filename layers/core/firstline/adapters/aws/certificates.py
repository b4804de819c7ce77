"""Signing certificates of SNS, fetched over HTTPS from an address that a delivery of SNS names.

Pass only an address that `firstline.sources.sns` has found to be SNS's own. `http.client` follows no redirect, reads no
proxy from the environment and knows no scheme but its own: nothing else can be reached by accident.
"""

import time
from collections.abc import Callable
from functools import lru_cache
from http.client import HTTPException, HTTPSConnection
from socket import EAI_NODATA, EAI_NONAME, gaierror
from urllib.parse import urlsplit

from firstline.errors import CertificateUnavailable, Unauthenticated

TIMEOUT_SECONDS = 3.0
"""The time-out of each step of the request; SNS itself waits 15 seconds for the answer."""

MAX_BYTES = 16_384
"""The most bytes that are read; a certificate has about 2,000."""

MAX_REMEMBERED = 16
"""The most certificates that are remembered: there is one for each region, renewed about once a year."""

_NO_SUCH_HOST = (EAI_NONAME, EAI_NODATA)

REFUSED_SECONDS = 60.0

_FAILED = "the signing certificate cannot be fetched"

type Connect = Callable[..., HTTPSConnection]


class Certificates:
    """Signing certificates of SNS, each fetched once, because the certificate at an address never changes.

    An address without a certificate is not asked again for a minute: otherwise each request
    of a stranger to Firstline would cause a request by Firstline.
    """

    def __init__(self, connect: Connect = HTTPSConnection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect
        self._clock = clock
        self._certificate = lru_cache(MAX_REMEMBERED)(self._fetch)
        self._refused_until: dict[str, float] = {}

    def get(self, url: str) -> str:
        """Return the certificate at an address of SNS as PEM text, fetched or remembered.

        Raises
        ------
        Unauthenticated
            The host does not exist, or the answer is no certificate.
        CertificateUnavailable
            The address did not answer in time; the sender should try again.
        """
        now = self._clock()
        if self._refused_until.get(url, now) <= now:
            try:
                return self._certificate(url)
            except Unauthenticated:
                if len(self._refused_until) >= MAX_REMEMBERED:
                    self._refused_until.clear()
                self._refused_until[url] = now + REFUSED_SECONDS
        raise Unauthenticated(f"{_FAILED}: {url} had none within the last minute")

    def _fetch(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise Unauthenticated(f"{_FAILED}: {url} does not start with https://")
        connection = self._connect(parts.hostname, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", parts.path)
            response = connection.getresponse()
            body = response.read(MAX_BYTES + 1)
        except gaierror as error:
            if error.errno in _NO_SUCH_HOST:
                raise Unauthenticated(f"{_FAILED}: no host has the name in {url}") from error
            raise CertificateUnavailable(f"{_FAILED}: {url} did not answer: {error}") from error
        except (OSError, HTTPException) as error:
            raise CertificateUnavailable(f"{_FAILED}: {url} did not answer: {error}") from error
        finally:
            connection.close()
        if response.status >= 500 or response.status == 429:
            raise CertificateUnavailable(f"{_FAILED}: {url} answered {response.status}")
        is_certificate = len(body) <= MAX_BYTES and body.lstrip().startswith(b"-----BEGIN CERTIFICATE-----")
        if response.status != 200 or not is_certificate:
            raise Unauthenticated(f"{_FAILED}: {url} answered {response.status} without a certificate")
        return body.decode("ascii", "replace")
