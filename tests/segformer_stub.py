"""A SegFormer service that answers what it is told to: on loopback, for tests, benchmarks and trials by hand.

    python tests/segformer_stub.py --port 8080      # instant answers with pictures of a real answer's size

It reads HTTP by itself, since no framework would cut an answer in its middle or reset a connection.
"""

import argparse
import asyncio
import hashlib
import io
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from typing import Self

import multipart
from PIL import Image

from segformer_answers import Pictures, current_answer, encoded

CHUNK_BYTES = 1 << 16
HEAD_KEPT = 1 << 20
WHOLE_KEPT = 64 << 20


@dataclass(frozen=True)
class Reply:
    """What to do with a request: wait `delay` seconds, then answer, or break off.

    `cut_after` closes the connection after so many bytes of the body; `reset` without an answer, by RST; `early`
    answers without having read the request's body; `close` ends the body by closing, without a Content-Length.
    """

    status: int = 200
    body: bytes = b""
    media_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    delay: float = 0.0
    cut_after: int | None = None
    reset: bool = False
    early: bool = False
    close: bool = False

    @classmethod
    def json(cls, answer: object, status: int = 200, **headers: str) -> Self:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, encoded(answer), headers=named)

    @classmethod
    def failure(cls, status: int, error: str, **headers: str) -> Self:
        return cls.json({"success": False, "error": error}, status, **headers)


@dataclass
class Received:
    """One request, as it came. Times are those of `time.monotonic()`; `sha256` is that of the file part's content."""

    method: str
    path: str
    headers: dict[str, str]
    began: float
    read: float | None = None
    answered: float | None = None
    """When the whole answer was handed over; `None` while it was not, or where it never was."""
    part_name: str | None = None
    filename: str | None = None
    media_type: str | None = None
    parts: int = 0
    size_bytes: int = 0
    sha256: str = ""
    width: int = 0
    height: int = 0


Answer = Reply | Callable[[Received], Reply]

HEALTHY = Reply.json({"status": "ok", "model_loaded": True, "device": "cuda:0", "model": "stub", "version": "1.0"})


class SegformerStub:
    """`with SegformerStub() as stub:` serves in a thread of its own at `stub.url`.

    Uploads are answered by what stands in `next_answers`, first in first out, and then by `answer`, which may be
    changed at any time. By default the answer is a valid one for the image's own size, with tiny pictures.
    """

    def __init__(self, answer: Answer | None = None, *, pictures: Pictures | None = None, port: int = 0) -> None:
        made_with = pictures or Pictures.tiny()
        self.answer: Answer = answer or (lambda got: Reply.json(current_answer(got.width, got.height, made_with)))
        self.next_answers: deque[Answer] = deque()
        self.health: Answer = HEALTHY
        self.seconds_between_reads = 0.0
        self.requests: list[Received] = []
        self.open_connections = 0
        self._port = port
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve()), name="segformer-stub", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def uploads(self) -> list[Received]:
        return [request for request in self.requests if request.path.endswith("/upload")]

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._started.wait(10):
            raise RuntimeError("The stub did not start.")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    async def serve(self, host: str = "127.0.0.1") -> None:
        """Serve until told to stop."""
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._accepted, host, self._port, limit=CHUNK_BYTES)
        self._port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stopping.wait()
        await asyncio.sleep(0.01)  # asyncio leaves a connection open that is just being accepted by a server it closes
        server.close()
        for connection, writer in self._connections.items():
            connection.cancel()
            writer.close()  # here too: a task that is cancelled before its first step closes nothing
        await asyncio.gather(*list(self._connections), return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._connected(reader, writer))
        self._connections[connection] = writer
        connection.add_done_callback(self._connections.pop)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_connections += 1
        try:
            while await self._request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the other side left, or the stub stops: both are what tests do
        finally:
            self.open_connections -= 1
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read and answer one request; whether another may follow on the connection."""
        received = _head(await reader.readuntil(b"\r\n\r\n"))
        self.requests.append(received)
        reply = self._scripted(received) if received.method == "POST" else self.health
        if not (isinstance(reply, Reply) and reply.early):
            await self._read_body(reader, received)
        received.read = time.monotonic()
        made = reply if isinstance(reply, Reply) else reply(received)
        await _wait(reader, made.delay)
        goes_on = await _send(writer, made)
        received.answered = time.monotonic()
        if made.early:
            while await reader.read(CHUNK_BYTES):
                pass  # closing with something unread would be a reset, which may overtake the answer
        return goes_on

    def _scripted(self, received: Received) -> Answer:
        if not received.path.endswith("/upload"):
            return Reply.failure(404, "not found")
        return self.next_answers.popleft() if self.next_answers else self.answer

    async def _read_body(self, reader: asyncio.StreamReader, received: Received) -> None:
        left = int(received.headers.get("content-length", "0"))
        content_type = Message()
        content_type["Content-Type"] = received.headers.get("content-type", "")
        boundary = content_type.get_boundary()
        chunks = _chunks(reader, left, self.seconds_between_reads)
        if boundary is not None:
            await _read_parts(chunks, boundary, received)
            return
        async for _ in chunks:
            pass


def _head(head: bytes) -> Received:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return Received(method, path, headers, time.monotonic())


async def _chunks(reader: asyncio.StreamReader, left: int, pause: float) -> AsyncIterator[bytes]:
    while left > 0:
        chunk = await reader.read(min(left, CHUNK_BYTES))
        if not chunk:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(chunk)
        yield chunk
        if pause:
            await asyncio.sleep(pause)


async def _wait(reader: asyncio.StreamReader, seconds: float) -> None:
    """Wait, unless the other side leaves meanwhile."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if reader.at_eof():
            raise asyncio.IncompleteReadError(b"", None)
        await asyncio.sleep(min(0.02, seconds))


async def _read_parts(chunks: AsyncIterator[bytes], boundary: str, received: Received) -> None:
    digest, head, kept = hashlib.sha256(), bytearray(), HEAD_KEPT
    with multipart.PushMultipartParser(boundary, strict=True) as parser:
        async for chunk in chunks:
            for event in parser.parse(chunk):
                if isinstance(event, multipart.MultipartSegment):
                    received.parts += 1
                    received.part_name, received.filename = event.name, event.filename
                    received.media_type = event.header("Content-Type")
                    kept = WHOLE_KEPT if received.media_type == "image/tiff" else HEAD_KEPT
                elif event:
                    digest.update(event)
                    received.size_bytes += len(event)
                    head += event[: max(0, kept - len(head))]
    received.sha256 = digest.hexdigest()
    received.width, received.height = _size(bytes(head))


def _size(head: bytes) -> tuple[int, int]:
    """Of the stored pixels; 0 × 0 for what is no image."""
    try:
        with Image.open(io.BytesIO(head)) as image:
            return image.size
    except OSError:
        return 0, 0


async def _send(writer: asyncio.StreamWriter, reply: Reply) -> bool:
    if reply.reset:
        # RST in place of FIN: the socket lingers for no time.
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        return False
    lines = [f"HTTP/1.1 {reply.status} Stub", f"Content-Type: {reply.media_type}"]
    if not reply.close:
        lines.append(f"Content-Length: {len(reply.body)}")
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    writer.write(reply.body[: reply.cut_after])
    await writer.drain()
    return not (reply.close or reply.early or reply.cut_after is not None)


@contextmanager
def refused_port() -> Generator[int]:
    """A port that refuses every connection, and that nobody else can take meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def main() -> None:
    parser = argparse.ArgumentParser(description="A SegFormer service that finds the same defects in every image.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    arguments = parser.parse_args()
    pictures = Pictures.real_sized()

    def answer(received: Received) -> Reply:
        return Reply(body=encoded(current_answer(received.width, received.height, pictures)), delay=arguments.delay)

    stub = SegformerStub(answer, port=arguments.port)
    asyncio.run(stub.serve(arguments.host))


if __name__ == "__main__":
    main()
