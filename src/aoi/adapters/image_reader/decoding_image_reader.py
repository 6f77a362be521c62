"""The reader: a slot, the bytes, the header, the pixels, and nothing kept."""

import logging
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from io import BytesIO
from typing import Literal, cast

import anyio
import anyio.to_thread
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from aoi.adapters.image_reader import jpeg_markers, png_chunks
from aoi.adapters.image_reader.stored_pixels import stored_pixels
from aoi.adapters.image_reader.transparency import is_opaque
from aoi.adapters.pixels.decoding import decode, format_of, open_image
from aoi.domain.errors import (
    CorruptImage,
    EmptyImage,
    ImageRejected,
    SeveralFrames,
    TooManyPixels,
    UnsupportedMediaType,
)
from aoi.domain.image import ImageFormat, Orientation, PixelFacts
from aoi.domain.streams import closing

logger = logging.getLogger(__name__)

IS_WHOLE = {ImageFormat.PNG: png_chunks.is_whole, ImageFormat.JPEG: jpeg_markers.is_whole}
"""What Pillow does not look at; it finds any missing byte of the other formats."""
TILE_WIDTH, TILE_LENGTH = 322, 323
NOT_HANDLED = ("cannot handle", "unknown pixel mode", "unknown data organization", "Unsupported BMP")
"""How Pillow begins to say that a header may be in order, but is beyond it."""

BIG_TIFF = 43
"""The number that BigTIFF has where TIFF has 42."""


class DecodingImageReader:
    """An `ImageReader` that decodes with Pillow in a worker thread, `concurrency` images at once.

    `max_megapixels` is in millions of pixels; the header tells them, before anything is decoded. An image costs its
    file and its pixels in memory, which are free again before the next one gets its slot.
    """

    def __init__(self, *, max_megapixels: float = 100, concurrency: int = 1) -> None:
        self._max_pixels = int(max_megapixels * 1_000_000)
        self._slots = anyio.CapacityLimiter(concurrency)
        self._threads = anyio.CapacityLimiter(concurrency)

    def format_of(self, head: bytes) -> ImageFormat:
        if not head:
            raise EmptyImage
        return format_of(head)

    async def read(self, content: Callable[[], AsyncIterator[bytes]]) -> PixelFacts:
        async with self._slots:
            answer = await anyio.to_thread.run_sync(self._answer, await _gathered(content()), limiter=self._threads)
        if isinstance(answer, ImageRejected):
            raise answer
        return answer

    def _answer(self, content: bytes) -> PixelFacts | ImageRejected:
        """The facts, or the error itself: raised, its traceback would hold bytes and pixels for as long as it lives."""
        try:
            return self._facts(content)
        except ImageRejected as rejection:
            said = repr(rejection.__cause__)  # as text: a handler may keep the record, and the error its traceback
            logger.info("An image was refused: %s The decoder said: %s", rejection.detail, said)
            return type(rejection)(rejection.detail)

    def _facts(self, content: bytes) -> PixelFacts:
        image_format = self.format_of(content[:64])
        with _corrupt_where_it_fails():
            image = open_image(content)
            self._check_size(image)
            _check_frames(image, content)
            stored = stored_pixels(image, content)
            if image_format in IS_WHOLE and not IS_WHOLE[image_format](content):
                raise CorruptImage
            decoded = decode(image)
            width, height = decoded.upright_size
            return PixelFacts(
                format=image_format,
                width=width,
                height=height,
                channels=stored.channels,
                bit_depth=stored.bit_depth,
                color=stored.color,
                has_alpha=stored.has_alpha,
                is_opaque=not stored.has_alpha or is_opaque(decoded.image, stored.bit_depth),
                orientation=Orientation.TURNED if decoded.turned else Orientation.UPRIGHT,
            )

    def _check_size(self, image: ImageFile) -> None:
        width, height = image.size
        if max(width * height, _tile_pixels(image)) > self._max_pixels:
            raise TooManyPixels(
                f"The image has {width:,} × {height:,} pixels, more than the {self._max_pixels:,} that"
                " AOI_MAX_IMAGE_MEGAPIXELS allows. Crop it, or raise the limit."
            )


def _tile_pixels(image: ImageFile) -> int:
    """A tile is decoded whole, also where the image needs but a part of it."""
    if not isinstance(image, TiffImageFile):
        return 0
    return cast("int", image.tag_v2.get(TILE_WIDTH, 0)) * cast("int", image.tag_v2.get(TILE_LENGTH, 0))


def _check_frames(image: ImageFile, content: bytes) -> None:
    # Pillow would seek to every page of a TIFF only to count them.
    if isinstance(image, TiffImageFile):
        if image.tag_v2.next == _first_directory(content):  # so Pillow leaves it where the directory is cut
            raise CorruptImage
        if image.tag_v2.next:
            raise SeveralFrames
    elif getattr(image, "n_frames", 1) > 1:
        raise SeveralFrames


def _first_directory(tiff: bytes) -> int:
    """Where the first directory begins. Source: TIFF 6.0, section 2, and the BigTIFF proposal."""
    order: Literal["little", "big"] = "little" if tiff.startswith(b"II") else "big"
    is_big_tiff = int.from_bytes(tiff[2:4], order) == BIG_TIFF
    return int.from_bytes(tiff[8:16] if is_big_tiff else tiff[4:8], order)


@contextmanager
def _corrupt_where_it_fails() -> Generator[None]:
    """Turns what Pillow raises into `CorruptImage`, or `UnsupportedMediaType` where it says that it lacks the kind."""
    try:
        yield
    except (ImageRejected, MemoryError):
        raise
    except Exception as error:  # a decoder raises anything at all for bytes that were made to break it
        if str(error).startswith(NOT_HANDLED):
            raise UnsupportedMediaType(
                "The image is of a kind that is not read, such as 12-bit JPEG. Save it with 8 or 16 bits per channel."
            ) from error
        raise CorruptImage from error


async def _gathered(content: AsyncIterator[bytes]) -> bytes:
    file = BytesIO()
    async with closing(content) as chunks:
        async for chunk in chunks:
            file.write(chunk)
    return file.getvalue()
