"""The stack's own public API, reached as a sender reaches it: over the internet, by its address."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from firstline.errors import CanaryLost

TIMEOUT_SECONDS = 15.0
MAX_BYTES = 65_536

type Connect = Callable[..., HTTPSConnection]


class OwnDoor:
    """One address of the stack's own API."""

    def __init__(self, url: str, connect: Connect = HTTPSConnection) -> None:
        self._url = urlsplit(url)
        self._connect = connect

    def post(self, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """Post a body to the address, and return the JSON object in the answer.

        Raises
        ------
        CanaryLost
            There is no answer, its status is not 2xx, or it is no JSON object.
        """
        connection = self._connect(self._url.netloc, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", self._url.path, body, dict(headers))
            response = connection.getresponse()
            status, text = response.status, response.read(MAX_BYTES)
        except (OSError, HTTPException, ValueError) as error:
            raise CanaryLost(f"{self._url.netloc} did not answer: {error or type(error).__name__}") from error
        finally:
            connection.close()
        with suppress(ValueError):
            answer = json.loads(text)
            if 200 <= status < 300 and isinstance(answer, dict):
                return answer
        said = text[:300].decode(errors="replace")
        raise CanaryLost(f"{self._url.netloc} answered {status} where a 2xx with a JSON object is expected: {said}")
