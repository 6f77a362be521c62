"""What every `InferenceEngine` must do.

class TestMyEngine(EngineContract):
    @pytest.fixture
    def engine(self) -> InferenceEngine:
        return MyEngine()
"""

import dataclasses
import hashlib
import struct
import zlib
from collections.abc import AsyncIterator

import anyio
import pytest

from aoi.domain.defects import Analysis, Detection
from aoi.domain.errors import AoiError, StorageUnavailable, UnsupportedPixels
from aoi.domain.guarded_engine import check_detection
from aoi.domain.image import ImageFacts, ImageFormat, PixelFacts, StoredImage
from aoi.domain.limits import Limits
from aoi.domain.ports import InferenceEngine
from aoi.domain.streams import bytes_chunks

PATIENCE = 60.0
"""Seconds within which an engine must have stopped, or finished one small image."""


class EngineContract:
    """Subclass it, and override `engine`; `image` too, where the engine needs one of another kind."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def engine(self) -> InferenceEngine:
        """The engine to be tested, ready to serve."""
        raise NotImplementedError("Override the fixture `engine`.")

    @pytest.fixture
    def image(self) -> StoredImage:
        """An image that the engine accepts: by default an 8-bit grey PNG of 64 × 48 pixels."""
        return stored_png(64, 48)

    async def test_it_is_an_inference_engine(self, engine: InferenceEngine) -> None:
        assert isinstance(engine, InferenceEngine)

    async def test_it_accepts_an_image_or_says_why_not(self, engine: InferenceEngine, image: StoredImage) -> None:
        engine.accept(image.facts)
        for changes in ({"bit_depth": 16}, {"channels": 4, "color": "cmyk"}, {"channels": 4, "has_alpha": True}):
            pixels = dataclasses.replace(image.facts.pixels, **changes)
            assert _refusal(engine, dataclasses.replace(image.facts, pixels=pixels)) != ""

    async def test_its_result_is_whole_and_possible(self, engine: InferenceEngine, image: StoredImage) -> None:
        assert_possible(await _inspected(engine, image), image)

    async def test_the_same_image_has_the_same_defects_again(self, engine: InferenceEngine, image: StoredImage) -> None:
        first, second = await _inspected(engine, image), await _inspected(engine, image)
        assert _timeless(first.analysis) == _timeless(second.analysis)

    async def test_several_images_are_inspected_at_once(self, engine: InferenceEngine, image: StoredImage) -> None:
        images = [dataclasses.replace(image, id=f"{image.id}{number}") for number in range(4)]
        detections: list[Detection] = []

        async def inspect(one: StoredImage) -> None:
            detections.append(await _inspected(engine, one))

        async with anyio.create_task_group() as tasks:
            for one in images:
                tasks.start_soon(inspect, one)
        assert len(detections) == len(images)
        for detection in detections:
            assert_possible(detection, image)

    async def test_it_stops_when_cancelled_and_serves_on(self, engine: InferenceEngine, image: StoredImage) -> None:
        with anyio.fail_after(PATIENCE):
            with anyio.move_on_after(0.1) as scope:
                await engine.inspect(dataclasses.replace(image, content=_endless))
            assert scope.cancelled_caught, "The image was not complete, and yet there is a result."
        assert_possible(await _inspected(engine, image), image)

    async def test_an_image_that_cannot_be_read_has_no_result(
        self, engine: InferenceEngine, image: StoredImage
    ) -> None:
        with pytest.raises(AoiError):
            await _inspected(engine, dataclasses.replace(image, content=_unreadable))

    async def test_it_says_what_it_is(self, engine: InferenceEngine) -> None:
        with anyio.fail_after(PATIENCE):
            assert (await engine.describe()).name


def _refusal(engine: InferenceEngine, facts: ImageFacts) -> str | None:
    try:
        engine.accept(facts)
    except UnsupportedPixels as error:
        return error.detail
    return None


async def _inspected(engine: InferenceEngine, image: StoredImage) -> Detection:
    with anyio.fail_after(PATIENCE):
        return await engine.inspect(image)


def assert_possible(detection: Detection, image: StoredImage) -> None:
    """Raises what `check_detection` raises; a result must also say what made it."""
    check_detection(detection, image.facts.pixels, Limits().max_regions)
    assert detection.engine.name


def _timeless(analysis: Analysis) -> Analysis:
    return dataclasses.replace(analysis, processing_time_seconds=0.0, engine_timestamp="")


async def _endless() -> AsyncIterator[bytes]:
    yield b"\x89PNG\r\n\x1a\n"
    await anyio.sleep_forever()


async def _unreadable() -> AsyncIterator[bytes]:
    yield b"\x89PNG\r\n\x1a\n"
    raise StorageUnavailable


def stored_png(width: int, height: int) -> StoredImage:
    """An 8-bit grey PNG of a smooth pattern, in memory."""
    rows = b"".join(b"\0" + bytes((x * y) % 251 for x in range(width)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)
    pixels = PixelFacts(ImageFormat.PNG, width, height, channels=1, bit_depth=8, color="grey")
    facts = ImageFacts(pixels, len(png), hashlib.sha256(png).hexdigest())
    return StoredImage("20260225_103045_0123456789abcdef0123", facts, lambda: bytes_chunks(png))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
