"""What is no HTTP gets a problem too, and nobody fills the memory with a head."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import orjson
import pytest

from duetime.http.asgi import Receive, Scope, Send, answer
from duetime.http.server import HttpService, bind
from duetime.limits import HEAD_BYTES_MAX

BOUND_SECONDS: Final = 10.0
PART: Final = b"a" * 4096


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await answer(send, status=200, body=b"fine", content_type="text/plain")


@asynccontextmanager
async def connection() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Give a connection to a server that answers "fine" to everything."""
    listener = bind("127.0.0.1", 0)
    listener.listen()
    service = HttpService(name="test", app=app, listener=listener)
    serving = asyncio.create_task(service.run())
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            reader, writer = await asyncio.open_connection(*listener.getsockname()[:2])
            yield reader, writer
            writer.close()
            service.drain()
            await serving
    finally:
        serving.cancel()
        listener.close()


def told(response: bytes) -> tuple[bytes, str]:
    """Give the status line, and the type of the problem in the body."""
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    return head.splitlines()[0], orjson.loads(body)["type"]


@pytest.mark.parametrize(
    "request_",
    [
        b"what is this\r\n\r\n",
        "GET /tasks/é HTTP/1.1\r\nhost: x\r\n\r\n".encode(),
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n{}",
    ],
)
async def test_what_is_no_http_is_refused_with_a_problem(request_: bytes) -> None:
    async with connection() as (reader, writer):
        writer.write(request_)
        status, kind = told(await reader.read())

    assert (b"HTTP/1.1 400 Bad Request", "/problems/malformed-request") == (status, kind)


async def test_a_head_that_does_not_end_is_refused() -> None:
    async with connection() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nx-a: ")
        writer.write(PART * (HEAD_BYTES_MAX // len(PART)))
        status, kind = told(await reader.read())

    assert b"HTTP/1.1 431 Request Header Fields Too Large" == status
    assert "/problems/head-too-large" == kind


async def test_bodies_and_many_requests_on_one_connection_are_no_large_head() -> None:
    request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(PART) + PART
    async with connection() as (reader, writer):
        for _ in range(2 * HEAD_BYTES_MAX // len(PART)):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")

            assert head.startswith(b"HTTP/1.1 200 OK")
            assert b"fine" == await reader.readexactly(4)
