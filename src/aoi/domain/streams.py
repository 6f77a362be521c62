"""Streams of bytes: looked into, measured, and closed whatever happens."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from aoi.domain.errors import ImageTooLarge

CHUNK_BYTES = 1 << 20


async def bytes_chunks(content: bytes) -> AsyncIterator[bytes]:
    """`content` in chunks of at most `CHUNK_BYTES`."""
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]


async def file_chunks(path: Path) -> AsyncIterator[bytes]:
    """A file of this machine in chunks of at most `CHUNK_BYTES`; raises `OSError`."""
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(CHUNK_BYTES):
            yield chunk


@asynccontextmanager
async def closing(stream: AsyncIterator[bytes]) -> AsyncGenerator[AsyncIterator[bytes]]:
    """The stream; on leaving, a generator is closed, so that its file or connection is."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


async def peeked(stream: AsyncIterator[bytes], size: int) -> tuple[bytes, AsyncIterator[bytes]]:
    """The first `size` bytes, or all there are, and the stream as if nothing had been read from it."""
    read = bytearray()
    while len(read) < size:
        chunk = await anext(stream, None)
        if chunk is None:
            break
        read += chunk
    return bytes(read[:size]), _chained(bytes(read), stream)


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in rest:
        yield chunk


class Measured:
    """A stream that is hashed (SHA-256) and counted on its way, and stopped beyond `limit` bytes."""

    def __init__(self, content: AsyncIterator[bytes], limit: int) -> None:
        self._content = content
        self._limit = limit
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    @property
    def sha256(self) -> str:
        """Of what has passed so far, in hex."""
        return self._hash.hexdigest()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The stream; raises `ImageTooLarge`."""
        async for chunk in self._content:
            self.size_bytes += len(chunk)
            if self.size_bytes > self._limit:
                raise ImageTooLarge(
                    f"The image has more than {self._limit:,} bytes. Compress it, or raise AOI_MAX_IMAGE_MB."
                )
            self._hash.update(chunk)
            yield chunk
