"""Streams: looked into, measured, closed."""

import gc
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import anyio
import pytest

from aoi.domain.errors import ImageTooLarge
from aoi.domain.streams import Measured, bytes_chunks, closing, file_chunks, peeked

pytestmark = pytest.mark.anyio


async def pieces(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


async def whole(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in stream])


@pytest.mark.parametrize(
    ("contents", "head"),
    [
        ((), b""),
        ((b"",), b""),
        ((b"ab",), b"ab"),
        ((b"abcd",), b"abcd"),
        ((b"abcdef", b"gh"), b"abcd"),
        ((b"a", b"", b"b", b"cde", b"f"), b"abcd"),
    ],
)
async def test_a_stream_that_was_looked_into_is_still_whole(contents: tuple[bytes, ...], head: bytes) -> None:
    seen, rest = await peeked(pieces(*contents), 4)
    assert seen == head
    assert await whole(rest) == b"".join(contents)


async def test_no_more_than_needed_is_read_to_look_into_a_stream() -> None:
    stream = pieces(b"abc", b"def", b"ghi")
    await peeked(stream, 4)
    assert await anext(stream) == b"ghi"


async def test_no_bytes_make_no_chunk() -> None:
    assert [chunk async for chunk in bytes_chunks(b"")] == []


async def test_what_passes_is_counted_and_hashed() -> None:
    measured = Measured(pieces(b"ab", b"c"), 3)
    assert await whole(measured.chunks()) == b"abc"
    assert (measured.size_bytes, measured.sha256) == (3, hashlib.sha256(b"abc").hexdigest())


async def test_a_stream_is_stopped_at_the_first_chunk_beyond_its_limit() -> None:
    stream = pieces(b"ab", b"cd", b"never asked for")
    chunks = Measured(stream, 3).chunks()
    assert await anext(chunks) == b"ab"
    with pytest.raises(ImageTooLarge, match="more than 3 bytes"):
        await anext(chunks)
    assert await anext(stream) == b"never asked for"


async def test_a_stream_is_closed_whatever_happens() -> None:
    closed: list[str] = []

    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append("body")

    async def use() -> None:
        async with closing(body()) as stream:
            await anext(stream)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await use()
    assert closed == ["body"]


async def test_a_stream_that_cannot_be_closed_is_left_alone() -> None:
    class Endless:
        def __aiter__(self) -> Self:
            return self

        async def __anext__(self) -> bytes:
            return b"a"

    async with closing(Endless()) as stream:
        assert await anext(stream) == b"a"


async def test_a_file_is_closed_when_reading_it_is_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    await anyio.Path(path).write_bytes(bytes(1 << 20))
    with anyio.CancelScope() as scope:
        async with closing(file_chunks(path)) as stream:
            await anext(stream)
            scope.cancel()
            await anext(stream)
    assert scope.cancelled_caught
    stream = None
    gc.collect()  # a file that was left open warns here, and a warning fails the test
