"""HTTP as no client library would send it: bodies in pieces, cut off, or with headers that lie."""

import contextlib
import http.client
import socket
import struct
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

BOUNDARY = "boundary-of-a-test"


def part(disposition: str | bytes, content: bytes, *headers: str) -> bytes:
    """One part with its delimiter before it; `disposition` is what follows `form-data; `."""
    said = disposition if isinstance(disposition, bytes) else disposition.encode()
    lines = [b"Content-Disposition: form-data; " + said, *(header.encode() for header in headers)]
    return f"--{BOUNDARY}\r\n".encode() + b"\r\n".join(lines) + b"\r\n\r\n" + content + b"\r\n"


def file_part(content: bytes, filename: str = "board.png", name: str = "image") -> bytes:
    return part(f'name="{name}"; filename="{filename}"', content, "Content-Type: application/octet-stream")


def text_part(name: str, value: str | bytes) -> bytes:
    return part(f'name="{name}"', value if isinstance(value, bytes) else value.encode())


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def head(
    *headers: str, length: int | None = None, target: str = "/upload", method: str = "POST", host: str = "localhost"
) -> bytes:
    """A request's head with a multipart type; `length` is what it says of its body."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", f"Content-Type: multipart/form-data; boundary={BOUNDARY}"]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, *headers, "", ""]).encode()


def chunked(pieces: Iterable[bytes]) -> Generator[bytes]:
    """The pieces in chunked transfer coding."""
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.content)


class Connection:
    """A socket that speaks no HTTP by itself, but understands an answer."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_pieces(self, data: bytes, size: int = 1, pause: float = 0.0) -> None:
        """Each piece in a packet of its own, as far as the other side reads along."""
        for start in range(0, len(data), size):
            self.socket.sendall(data[start : start + size])
            time.sleep(pause)

    def answer(self) -> Answer:
        received = http.client.HTTPResponse(self.socket)
        with contextlib.closing(received):
            received.begin()
            headers = {name.lower(): value for name, value in received.getheaders()}
            return Answer(received.status, headers, received.read())

    def is_closed(self) -> bool:
        """Whether the other side has nothing more to say; waits for that."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def reset(self) -> None:
        """Leave by RST, as a program that is killed."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


@contextmanager
def connected(address: tuple[str, int], seconds: float = 20) -> Generator[Connection]:
    with socket.create_connection(address, timeout=seconds) as made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Connection(made)


def ask(address: tuple[str, int], *data: bytes) -> Answer:
    """Send all of it, then read the answer."""
    with connected(address) as connection:
        for piece in data:
            connection.send(piece)
        return connection.answer()


def upload(address: tuple[str, int], *parts: bytes) -> Answer:
    """The answer to a whole form of these parts."""
    content = body(*parts)
    return ask(address, head(length=len(content)) + content)
