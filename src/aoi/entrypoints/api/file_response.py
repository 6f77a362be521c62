"""A file as an answer: validators, ranges, a name to save it by."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from litestar import HttpMethod, Request, Response
from litestar.response import Stream

from aoi.entrypoints.api.problems import problem_response
from aoi.entrypoints.api.ranges import ByteRange, UnsatisfiableRange, asked_range, is_named
from aoi.entrypoints.problem import Problem


@dataclass(frozen=True, slots=True)
class Download:
    """A file to be sent: `digest` is its SHA-256 where it is known, `read(start, end)` streams its bytes."""

    filename: str
    media_type: str
    size_bytes: int
    changed_at: datetime
    digest: str | None
    read: Callable[[int, int], AsyncIterator[bytes]]

    @property
    def etag(self) -> str | None:
        return f'"{self.digest}"' if self.digest else None


def answer_download(request: Request[Any, Any, Any], download: Download) -> Response[Any]:
    """The file, a range of it, or the word that the client has it already. Source: RFC 9110, 13 and 14."""
    headers = _headers(download)
    if _has_it_already(request, download):
        return Response(b"", status_code=304, headers=headers)
    try:
        wanted = asked_range(_range_header(request, download), download.size_bytes)
    except UnsatisfiableRange:
        return _unsatisfiable(request, download.size_bytes)
    status = 200
    if wanted is not None:
        status = 206
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.end - 1}/{download.size_bytes}"
    part = wanted or ByteRange(0, download.size_bytes)
    headers["Content-Length"] = str(part.end - part.start)
    if request.method == HttpMethod.HEAD:
        return Response(b"", status_code=status, headers=headers)
    content = download.read(part.start, part.end)
    return Stream(content, status_code=status, headers=headers)


def _headers(download: Download) -> dict[str, str]:
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Type": download.media_type,  # a stream would prefer that of its handler to its own
        "Content-Disposition": content_disposition(download.filename),
        "Last-Modified": format_datetime(download.changed_at, usegmt=True),
        "X-Content-Type-Options": "nosniff",
    }
    if download.etag is not None:
        headers["ETag"] = download.etag
    return headers


def content_disposition(filename: str) -> str:
    """A header that shows the file and names it, in ASCII and after RFC 6266 in full."""
    plain = "".join(
        character if 31 < ord(character) < 127 and character not in '"\\' else "_" for character in filename
    )
    return f"inline; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _has_it_already(request: Request[Any, Any, Any], download: Download) -> bool:
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return download.etag is not None and is_named(tags, download.etag)
    since = _date(request.headers.get("if-modified-since"))
    return since is not None and download.changed_at.replace(microsecond=0) <= since


def _range_header(request: Request[Any, Any, Any], download: Download) -> str | None:
    if request.method != HttpMethod.GET:
        return None
    condition = request.headers.get("if-range")
    if condition is not None and condition != download.etag:
        return None
    return request.headers.get("range")


def _date(header: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return date if date.tzinfo else None


def _unsatisfiable(request: Request[Any, Any, Any], size: int) -> Response[Problem]:
    problem = Problem(
        type="/problems/range-not-satisfiable",
        title="Range not satisfiable",
        status=416,
        detail=f"The file has {size:,} bytes; ask for a range that begins within it.",
        instance=request.url.path,
    )
    response = problem_response(problem)
    response.headers["Content-Range"] = f"bytes */{size}"
    return response
