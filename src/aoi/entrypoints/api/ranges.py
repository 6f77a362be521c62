"""Byte ranges and validators of RFC 9110."""

import re
from dataclasses import dataclass

ONE_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes `start` to `end`, exclusive."""

    start: int
    end: int


class UnsatisfiableRange(Exception):
    """The range begins beyond the end of the file."""


def asked_range(header: str | None, size: int) -> ByteRange | None:
    """The range of a `Range` header, or `None` where the whole file is to be sent (several ranges, or no valid one).

    Raises `UnsatisfiableRange`. Source: RFC 9110, 14.1.2.
    """
    match = ONE_RANGE.fullmatch((header or "").replace(" ", ""))
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < start:
            return None
    if start >= size or start >= end:
        raise UnsatisfiableRange
    return ByteRange(start, end)


def is_named(header: str | None, etag: str) -> bool:
    """Whether an `If-None-Match` header names this entity tag, weakly compared. Source: RFC 9110, 13.1.2."""
    tags = {tag.strip().removeprefix("W/") for tag in (header or "").split(",")}
    return etag in tags or "*" in tags
