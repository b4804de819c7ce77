"""One chat completion over HTTP with the `openai` client, which is imported only when a model is asked.

The answer's body is returned unread: `chat_answer.py` checks it, because the client does not validate what it reads.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import cache
from ssl import SSLContext
from typing import Any, cast

import httpx2
import openai

from firstline.adapters.llm.server_error import MAX_ERROR_CHARS, server_error, words_of
from firstline.errors import ModelGaveNoVerdict, ModelUnavailable
from firstline.models import Usage
from firstline.privacy.safe_text import safe_line

MAX_BODY_BYTES = 1_000_000


class _Capped(httpx2.AsyncByteStream):
    """A response body that raises ModelGaveNoVerdict if it is longer than 1 MB (`MAX_BODY_BYTES`)."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise ModelGaveNoVerdict(f"the server's answer is larger than {MAX_BODY_BYTES:,} bytes", usage=None)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Transport(httpx2.AsyncHTTPTransport):
    """An HTTP transport without redirects, proxies and compression, which limits the size of bodies."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise ModelGaveNoVerdict("the server compressed its answer, although it was asked not to", usage=None)
        response.stream = _Capped(cast(httpx2.AsyncByteStream, response.stream))
        return response


@cache
def _trusted() -> SSLContext:
    """Return the trusted certificates. To read them is half of the work of a question, so a process reads them once."""
    return httpx2.create_ssl_context()


async def complete(base_url: str, api_key: str, seconds: float, request: dict[str, Any]) -> bytes:
    """Return the body of one successful completion. There is no retry, because an incident waits for the answer.

    Raises
    ------
    ModelUnavailable
        The server cannot be reached, is overloaded or broken, or does not answer within `seconds`.
    QuestionRefused
        The server does not take a question of this form.
    ModelGaveNoVerdict
        The server answers with another error, or with a body that is too large or compressed.
    """
    # `trust_env=False`: no proxy and no .netrc from the environment stands between us and the endpoint in the settings.
    http = httpx2.AsyncClient(transport=_Transport(verify=_trusted()), timeout=seconds, trust_env=False)
    headers = {"Accept-Encoding": "identity"}
    client = openai.AsyncOpenAI(
        base_url=base_url, api_key=api_key, max_retries=0, http_client=http, default_headers=headers
    )
    try:
        async with asyncio.timeout(seconds), client:
            answer = await client.chat.completions.with_raw_response.create(**request)
            body: bytes = answer.content
            return body
    except (TimeoutError, openai.APITimeoutError):
        raise ModelUnavailable(f"the model gave no answer within {seconds:.3g} s", usage=None) from None
    except openai.APIStatusError as error:
        # The client shows a message that stands where OpenAI puts it, and no other.
        said = error.message if " - " in error.message else f"{error.message}: {words_of(error.body)}".rstrip(": ")
        if wait := error.response.headers.get("retry-after"):
            said = f"{said} (Retry-After: {wait})"
        raise server_error(error.status_code, said, explained=isinstance(error.body, dict | list)) from error
    except openai.APIConnectionError as error:
        if isinstance(error.__cause__, ModelGaveNoVerdict):
            raise error.__cause__ from None
        why = safe_line(str(error.__cause__ or error), MAX_ERROR_CHARS)
        # A connection that broke off in the middle of an answer may have cost something.
        usage = Usage() if isinstance(error.__cause__, httpx2.ConnectError) else None
        raise ModelUnavailable(f"{safe_line(base_url, 200)} cannot be reached: {why}", usage=usage) from error
    except openai.OpenAIError as error:
        raise ModelGaveNoVerdict(safe_line(f"{type(error).__name__}: {error}", MAX_ERROR_CHARS)) from error
