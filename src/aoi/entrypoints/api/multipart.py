"""A multipart body, read as it streams in: bounded memory, whatever its size."""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from urllib.parse import unquote

import anyio
from litestar.exceptions import InternalServerException
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from aoi.domain.errors import ImageTooLarge, InvalidFilename, InvalidLabels, UploadInterrupted
from aoi.domain.image import LABEL_NAMES, LONGEST_LABEL, IncomingImage, Labels
from aoi.entrypoints.problem import MalformedUpload

FILE_PART = "image"
LONGEST_LABEL_BYTES = LONGEST_LABEL * 4
MOST_PARTS = 32
FRAMING_BYTES = 1 << 16
"""What a body may hold besides the image: part headers and labels."""
PATIENCE_SECONDS = 60.0
"""How long a body may pause: a client that vanished without a word must not be waited for, for ever."""

EXTENDED_FILENAME = re.compile(r"filename\*\s*=\s*utf-8'[^']*'([^;\s]+)", re.IGNORECASE)
"""RFC 5987, as .NET's HttpClient names its files beside a mangled `filename`."""

Event = MultipartSegment | bytes | None
"""A part begins, a piece of its content, or its end."""


def boundary_of(content_type: str) -> str:
    """The boundary of a multipart/form-data body; raises `MalformedUpload`."""
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data":
        raise MalformedUpload(
            f"The body is {kind or 'of no declared type'}; send multipart/form-data with a file part {FILE_PART!r}."
        )
    if not options.get("boundary"):
        raise MalformedUpload("The Content-Type has no boundary. Let your HTTP client make the multipart body.")
    return options["boundary"]


class ImageForm:
    """The form of `POST /upload`: one file part `image`, and labels before or after it.

    `limit` bounds the whole body, in bytes, `patience` each pause in it, in seconds. What is wrong raises an
    `UploadRejected` where it is met.
    """

    def __init__(
        self, body: AsyncIterator[bytes], content_type: str, limit: int, *, patience: float = PATIENCE_SECONDS
    ) -> None:
        self._events = _events(_limited(_awaited(body, patience), limit), boundary_of(content_type))
        self._labels: dict[str, str] = {}

    async def incoming(self) -> IncomingImage:
        """The image, ready to be read; whatever stands before it has been read already."""
        part = await self._next_file_part()
        if part is None:
            raise MalformedUpload(f"The body has no file part {FILE_PART!r}. Send the image in it.")
        filename = _filename(part)
        if not filename:
            raise InvalidFilename("The file part has no file name. Send one, with its extension if you like.")
        return IncomingImage(filename, self._content(), self._remaining_labels)

    async def close(self) -> None:
        """Read no more of the body."""
        await self._events.aclose()

    async def _next_file_part(self) -> MultipartSegment | None:
        async for event in self._events:
            if isinstance(event, MultipartSegment):
                if _filename(event) is not None or event.name == FILE_PART:
                    return self._checked_file_part(event)
                await self._read_label(event.name)
        return None

    def _checked_file_part(self, part: MultipartSegment) -> MultipartSegment:
        if part.name != FILE_PART:
            raise MalformedUpload(f"The file part is named {part.name[:100]!r}; name it {FILE_PART!r}.")
        if _filename(part) is None:
            raise MalformedUpload(f"The part {FILE_PART!r} is text; send it as a file, with a file name.")
        return part

    async def _content(self) -> AsyncIterator[bytes]:
        async for event in self._events:
            if event is None:
                return
            if isinstance(event, bytes):
                yield event

    async def _read_label(self, name: str) -> None:
        if name not in LABEL_NAMES:
            raise MalformedUpload(
                f"The part {name[:100]!r} is unknown. Besides {FILE_PART!r}: {', '.join(LABEL_NAMES)}."
            )
        if name in self._labels:
            raise MalformedUpload(f"The part {name!r} is there twice. Send it once.")
        value = bytearray()
        async for piece in self._content():
            value += piece
            if len(value) > LONGEST_LABEL_BYTES:
                raise InvalidLabels(f"{name} is longer than {LONGEST_LABEL} characters. Shorten it.")
        try:
            self._labels[name] = value.decode()
        except UnicodeDecodeError as error:
            raise InvalidLabels(f"{name} is not UTF-8 text. Encode it so.") from error

    async def _remaining_labels(self) -> Labels:
        if await self._next_file_part() is not None:
            raise MalformedUpload(f"The body has several file parts; send one {FILE_PART!r} in each request.")
        return Labels(**self._labels)


def _filename(part: MultipartSegment) -> str | None:
    extended = EXTENDED_FILENAME.search(part.header("Content-Disposition") or "")
    return unquote(extended[1]) if extended else part.filename


async def _awaited(body: AsyncIterator[bytes], patience: float) -> AsyncIterator[bytes]:
    while True:
        try:
            with anyio.fail_after(patience):
                chunk = await anext(body, None)
        except TimeoutError as error:
            raise UploadInterrupted(
                f"Nothing more of the body came for {patience:g} seconds. Send it again."
            ) from error
        if chunk is None:
            return
        yield chunk


async def _limited(body: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in body:
        size += len(chunk)
        if size > limit:
            raise ImageTooLarge
        yield chunk


async def _events(body: AsyncIterator[bytes], boundary: str) -> AsyncGenerator[Event]:
    try:
        # A strict parser refuses the line break after the last boundary where that comes in a packet of its own.
        with PushMultipartParser(boundary, max_segment_count=MOST_PARTS) as parser:
            async for chunk in body:
                if chunk:
                    for event in parser.parse(chunk):
                        yield bytes(event) if isinstance(event, bytearray) else event
    except ParserLimitReached as error:
        raise MalformedUpload(
            f"The multipart body goes over a limit: {error.args[0]}. Send fewer parts, or shorter names."
        ) from error
    except MultipartError as error:
        raise MalformedUpload(
            f"The multipart body is malformed or incomplete: {error.args[0]}. Send it again."
        ) from error
    except InternalServerException as error:  # how Litestar says that the client went away
        raise UploadInterrupted from error
