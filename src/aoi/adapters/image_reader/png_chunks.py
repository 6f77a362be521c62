"""The check sums of a PNG: its decoder stops at the last pixel, and looks at none behind it."""

import zlib
from collections.abc import Iterator

FIRST_CHUNK = 8
FRAME = 12
"""Bytes around a chunk's data: its length, its kind and its check sum (PNG specification, 5.3)."""


def is_whole(content: bytes) -> bool:
    """Whether every chunk is there with its check sum, to the end mark."""
    view = memoryview(content)
    for start, size in _chunks(content):
        body = view[start + 4 : start + 8 + size]
        stated = content[start + 8 + size : start + FRAME + size]
        if len(stated) < 4 or zlib.crc32(body) != int.from_bytes(stated, "big"):
            return False
        if bytes(body[:4]) == b"IEND":
            return True
    return False


def _chunks(content: bytes) -> Iterator[tuple[int, int]]:
    """Where each chunk begins, and how long its data is."""
    start = FIRST_CHUNK
    while start < len(content):
        size = int.from_bytes(content[start : start + 4], "big")
        yield start, size
        start += FRAME + size
