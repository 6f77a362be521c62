"""An engine that looks at nothing and finds what it was told to: for tests, and for trying aoi out."""

import struct
import zlib
from collections.abc import Iterable
from functools import lru_cache

import anyio
from anyio import to_thread

from aoi.domain.defects import Analysis, DefectClass, Detection, EngineInfo, PictureKind
from aoi.domain.errors import AoiError
from aoi.domain.image import ImageFacts, StoredImage
from aoi.domain.streams import closing


class MemoryEngine:
    """Finds `classes` in every image, after `delay` seconds, or raises `error` where one is set.

    All of them may be changed at any time. `inspections` counts the images that it was asked to inspect. An image in
    which the regions do not lie makes the result invalid, as with any engine.
    """

    def __init__(
        self, classes: Iterable[DefectClass] = (), *, delay: float = 0.0, error: AoiError | None = None
    ) -> None:
        self.classes = tuple(classes)
        self.delay = delay
        self.error = error
        self.inspections = 0

    def accept(self, facts: ImageFacts) -> None:
        """Every image is welcome."""

    async def inspect(self, image: StoredImage) -> Detection:
        """Reads the image to its end and returns `classes`, with black pictures of the image's size."""
        self.inspections += 1
        async with closing(image.content()) as chunks:
            async for _ in chunks:
                pass
        await anyio.sleep(self.delay)
        if self.error is not None:
            raise self.error
        return await self._detection(image.facts.pixels.width, image.facts.pixels.height)

    async def describe(self) -> EngineInfo:
        """Raises `error` where one is set."""
        if self.error is not None:
            raise self.error
        return EngineInfo("memory")

    async def _detection(self, width: int, height: int) -> Detection:
        picture = await to_thread.run_sync(black_png, width, height)
        analysis = Analysis(height, width, self.classes, self.delay, "")
        return Detection(analysis, dict.fromkeys(PictureKind, picture), EngineInfo("memory"))


@lru_cache(maxsize=16)
def black_png(width: int, height: int) -> bytes:
    """A PNG of one bit per pixel, all black."""
    rows = zlib.compress(bytes(height * (1 + (width + 7) // 8)))
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
