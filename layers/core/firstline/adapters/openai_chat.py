"""One chat completion over HTTP with the `openai` client. Imported only when a model is really asked.

The body is handed back unread: what a server may put into it is checked in `adapters/llm.py` against a schema of our
own, because the client builds its objects without validating them.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx2
import openai

from firstline.classification.redaction import safe_line
from firstline.errors import ModelGaveNoVerdict

MAX_BODY_BYTES = 1_000_000
MAX_ERROR_CHARS = 300


class _Capped(httpx2.AsyncByteStream):
    """A body that stops being read when it grows beyond all reason."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise ModelGaveNoVerdict(f"the answer is larger than {MAX_BODY_BYTES:,} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Transport(httpx2.AsyncHTTPTransport):
    """HTTP without redirects of ours, proxies or compression, and with capped bodies."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise ModelGaveNoVerdict("the answer is compressed, although identity was asked for")
        response.stream = _Capped(cast(httpx2.AsyncByteStream, response.stream))
        return response


async def complete(
    *,
    base_url: str,
    api_key: str,
    model: str,
    system: str,
    data: str,
    schema: dict[str, Any],
    max_output_tokens: int,
    deadline_seconds: float,
) -> bytes:
    """The body of one successful completion.

    Raises
    ------
    ModelGaveNoVerdict
        Anything else, with the reason. No retry: the incident is waiting.
    """
    # `trust_env=False`: no proxy and no .netrc from the environment stands between us and the endpoint in the settings.
    http = httpx2.AsyncClient(transport=_Transport(), timeout=deadline_seconds, trust_env=False)
    client = openai.AsyncOpenAI(
        base_url=base_url,
        api_key=api_key,
        max_retries=0,
        http_client=http,
        default_headers={"Accept-Encoding": "identity"},
    )
    try:
        async with asyncio.timeout(deadline_seconds), client:
            answer = await client.chat.completions.with_raw_response.create(
                model=model,
                messages=[{"role": "system", "content": system}, {"role": "user", "content": data}],
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "verdict", "strict": True, "schema": schema},
                },
                max_completion_tokens=max_output_tokens,
            )
            return answer.content
    except (TimeoutError, openai.APITimeoutError):
        raise ModelGaveNoVerdict(f"no answer within {deadline_seconds:g} s") from None
    except openai.APIStatusError as error:
        said = safe_line(error.message, MAX_ERROR_CHARS)
        raise ModelGaveNoVerdict(f"the server answered {error.status_code}: {said}") from error
    except openai.APIConnectionError as error:
        why = safe_line(str(error.__cause__ or error), MAX_ERROR_CHARS)
        raise ModelGaveNoVerdict(f"{safe_line(base_url, 200)} cannot be reached: {why}") from error
    except openai.OpenAIError as error:
        raise ModelGaveNoVerdict(safe_line(f"{type(error).__name__}: {error}", MAX_ERROR_CHARS)) from error
