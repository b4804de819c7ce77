"""Signing certificates of SNS, fetched over HTTPS from the one address that a request may name.

Only pass what `firstline.sources.cloudwatch.signing_certificate_url` returned. `http.client` follows no redirect, reads
no proxy from the environment and knows no scheme but its own: nothing else can be reached by accident.
"""

from collections.abc import Callable
from functools import lru_cache
from http.client import HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from firstline.errors import CertificateUnavailable

TIMEOUT_SECONDS = 3.0
"""For each step of the request; SNS itself waits 15 seconds for the answer."""

MAX_BYTES = 16_384
"""A certificate has about 2,000."""

MAX_REMEMBERED = 16
"""There is one certificate for each region, renewed about once a year."""

type Connect = Callable[..., HTTPSConnection]


class Certificates:
    """Signing certificates, each fetched once: an address stands for one certificate for ever."""

    def __init__(self, connect: Connect = HTTPSConnection) -> None:
        self._connect = connect
        self.get = lru_cache(MAX_REMEMBERED)(self._fetch)

    def _fetch(self, url: str) -> str:
        """Return the certificate as PEM text.

        Raises
        ------
        CertificateUnavailable
            The address did not answer with a certificate in time; the sender should try again.
        """
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise CertificateUnavailable(f"{url} is no https address")
        connection = self._connect(parts.hostname, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", parts.path)
            response = connection.getresponse()
            body = response.read(MAX_BYTES + 1)
        except (OSError, HTTPException) as error:
            raise CertificateUnavailable(f"{url} did not answer: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise CertificateUnavailable(f"{url} answered {response.status}")
        if len(body) > MAX_BYTES or not body.lstrip().startswith(b"-----BEGIN CERTIFICATE-----"):
            raise CertificateUnavailable(f"{url} did not answer with a certificate")
        return body.decode("ascii", "replace")
