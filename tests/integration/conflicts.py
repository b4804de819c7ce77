"""A proxy in front of DynamoDB Local that lets transactions collide as DynamoDB does, which DynamoDB Local never does.

A transaction has its items for a while. Until it ends, another transaction with one of them is cancelled with the
reason `TransactionConflict` in the item's place, and a plain write to one of them fails with
`TransactionConflictException`. Reads pass. DynamoDB Developer Guide, "Transaction conflict handling in DynamoDB".
"""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

type ItemKey = tuple[str, str, str]
type Message = tuple[bytes, bytes]
"""The head and the body of an HTTP request or response."""

HOLD_SECONDS = 0.010
"""The time for which a transaction has its items: about what a transaction of DynamoDB takes."""

WRITES = ("PutItem", "UpdateItem", "DeleteItem")
_CONFLICT = "Transaction is ongoing for the item"
_SERVICE = "com.amazonaws.dynamodb.v20120810#"


@dataclass
class Proxy:
    """The proxy: `address` is its own. `requests` and `conflicts` count by operation."""

    upstream: str
    hold_seconds: float = HOLD_SECONDS
    address: str = ""
    requests: Counter[str] = field(default_factory=Counter)
    conflicts: Counter[str] = field(default_factory=Counter)
    _held: set[ItemKey] = field(default_factory=set)
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while True:
                head, body = await self._answer(*await _message(client))
                answer.write(head + body)
                await answer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            answer.close()

    def close(self) -> None:
        """Close the connections to DynamoDB Local."""
        for _, writer in self._idle:
            writer.close()

    async def _answer(self, head: bytes, body: bytes) -> Message:
        operation = _header(head, b"x-amz-target").partition(".")[2]
        self.requests[operation] += 1
        if operation == "TransactWriteItems":
            return await self._transaction(head, body)
        if operation in WRITES:
            request = json.loads(body)
            if _key(request) in self._held:
                self.conflicts[operation] += 1
                return _refusal("TransactionConflictException", _CONFLICT)
        return await self._forward(head, body)

    async def _transaction(self, head: bytes, body: bytes) -> Message:
        keys = [_key(part) for write in json.loads(body)["TransactItems"] for part in write.values()]
        if self._held.intersection(keys):
            self.conflicts["TransactWriteItems"] += 1
            conflict = {"Code": "TransactionConflict", "Message": _CONFLICT}
            reasons = [conflict if key in self._held else {"Code": "None"} for key in keys]
            codes = ", ".join(reason["Code"] for reason in reasons)
            message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
            return _refusal("TransactionCanceledException", message, CancellationReasons=reasons)
        self._held.update(keys)
        try:
            answer = await self._forward(head, body)
            await asyncio.sleep(self.hold_seconds)
        finally:
            self._held.difference_update(keys)
        return answer

    async def _forward(self, head: bytes, body: bytes) -> Message:
        host, _, port = self.upstream.removeprefix("http://").partition(":")
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(host, int(port))
        writer.write(head + body)
        answer = await _message(reader)
        if _header(answer[0], b"connection").lower() == "close":
            writer.close()
        else:
            self._idle.append((reader, writer))
        return answer


@contextmanager
def colliding(upstream: str, hold_seconds: float = HOLD_SECONDS) -> Iterator[Proxy]:
    """Start the proxy in a thread of its own."""
    proxy, loop, ready = Proxy(upstream, hold_seconds), asyncio.new_event_loop(), threading.Event()
    servers: list[asyncio.Server] = []

    async def listen() -> None:
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, backlog=512)
        servers.append(server)
        proxy.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()

    def run() -> None:
        loop.run_until_complete(listen())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(_end(proxy, servers[0]))
        loop.close()


async def _end(proxy: Proxy, server: asyncio.Server) -> None:
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    proxy.close()
    await asyncio.sleep(0)  # transports close in the loop's next round


async def _message(reader: asyncio.StreamReader) -> Message:
    head = await reader.readuntil(b"\r\n\r\n")
    if _header(head, b"transfer-encoding") != "chunked":
        return head, await reader.readexactly(int(_header(head, b"content-length") or 0))
    body = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        body += line + await reader.readexactly(int(line, 16) + 2)
        if int(line, 16) == 0:
            return head, body


def _header(head: bytes, name: bytes) -> str:
    for line in head.split(b"\r\n")[1:]:
        found, _, value = line.partition(b":")
        if found.lower() == name:
            return value.strip().decode()
    return ""


def _key(request: dict[str, Any]) -> ItemKey:
    attributes = request.get("Key") or request["Item"]
    return request["TableName"], attributes["pk"]["S"], attributes["sk"]["S"]


def _refusal(code: str, message: str, **more: Any) -> Message:
    body = json.dumps({"__type": _SERVICE + code, "Message": message, **more}).encode()
    head = (
        f"HTTP/1.1 400 Bad Request\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode(), body
