"""The engine that needs nothing else: path opening, on this machine, without a trained model."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import anyio
import numpy as np
from anyio import BrokenWorkerProcess, to_process
from numpy.typing import NDArray

from aoi.adapters.inference.path_opening import Sensitivity, Thresholds, find_anomalies, thresholds_for
from aoi.adapters.inference.regions import analyse
from aoi.adapters.inference.rendering import render_pictures
from aoi.adapters.pixels.upright import decode_upright_color, decode_upright_grey
from aoi.domain.defects import Analysis, Detection, EngineInfo, PictureKind
from aoi.domain.errors import AoiError, EngineFailed, EngineRefused, ImageRejected, UnsupportedPixels
from aoi.domain.image import ImageFacts, StoredImage
from aoi.domain.streams import closing

CLASS_NAMES: Mapping[int, str] = {1: "Anomaly"}
ACCEPTED_COLOURS = frozenset({"grey", "rgb", "palette"})
ALGORITHM_VERSION = "1"
"""Raised by one whenever the same image may give another result."""


class EmbeddedEngine:
    """Finds what does not belong to an image's pattern, by path opening; an `InferenceEngine`.

    It knows one class, `Anomaly`, and gives the same result for the same image. Colour is looked at in grey.
    `concurrency` images are worked on at once, each in a process of its own with about 15 bytes of memory per pixel:
    DIPlib holds the interpreter while it works, and would hold up everybody else in this one.
    """

    def __init__(
        self, *, sensitivity: Sensitivity = Sensitivity.NORMAL, max_regions: int = 100_000, concurrency: int = 1
    ) -> None:
        self._thresholds = thresholds_for(sensitivity)
        self._max_regions = max_regions
        self._slots = anyio.CapacityLimiter(concurrency)
        self._info = EngineInfo(
            name="embedded",
            model="path-opening",
            version=ALGORITHM_VERSION,
            device="cpu",
            parameters={
                "method": "training-free; knows one class",
                "sensitivity": sensitivity.value,
                **dataclasses.asdict(self._thresholds),
            },
        )

    def accept(self, facts: ImageFacts) -> None:
        pixels = facts.pixels
        if pixels.bit_depth > 8:
            raise UnsupportedPixels(
                f"The image has {pixels.bit_depth} bits per channel; the embedded engine takes 8. Convert it to 8 bits"
                " with the range of levels that matters to you."
            )
        if pixels.color not in ACCEPTED_COLOURS:
            raise UnsupportedPixels(
                f"The image's colours are {pixels.color}; the embedded engine takes grey, RGB or palette images."
                " Convert it to RGB."
            )
        if not pixels.is_opaque:
            raise UnsupportedPixels(
                "Some pixels are transparent, and their colour is not certain. Flatten the image onto a background."
            )

    async def describe(self) -> EngineInfo:
        return self._info

    async def inspect(self, image: StoredImage) -> Detection:
        try:
            self.accept(image.facts)  # an upload that another engine accepted may come here when it is retried
            async with self._slots, closing(image.content()) as chunks:
                content = b"".join([chunk async for chunk in chunks])
                return await self._detect(content)
        except UnsupportedPixels as error:
            raise EngineRefused(error.detail) from error
        except ImageRejected as error:
            raise EngineFailed(f"The stored image cannot be read. {error.detail}") from error

    async def _detect(self, content: bytes) -> Detection:
        """Cancelled, the process is killed; the next image gets another."""
        try:
            analysis, pictures = await to_process.run_sync(
                detect, content, self._thresholds, self._max_regions, cancellable=True
            )
        except (BrokenWorkerProcess, ProcessLookupError) as error:  # the latter where it died before it was ready
            raise EngineFailed(
                "The process that worked on the image has died; the machine may be short of memory. Retry."
            ) from error
        return Detection(analysis, pictures, self._info)


def detect(content: bytes, thresholds: Thresholds, max_regions: int) -> tuple[Analysis, dict[PictureKind, bytes]]:
    """What stands out in an encoded image, and the pictures that show it.

    Raises `UnsupportedPixels`, `CorruptImage`, `TooManyRegions`, or `EngineFailed` for a file that cannot be decoded.
    """
    start = time.perf_counter()
    mask = find_anomalies(_decoded(decode_upright_grey, content), thresholds)
    analysis = analyse(mask, CLASS_NAMES, max_regions=max_regions)
    pictures = render_pictures(_decoded(decode_upright_color, content), mask, analysis)
    return _dated(analysis, time.perf_counter() - start), pictures


def _decoded(decode: Callable[[bytes], NDArray[np.uint8]], content: bytes) -> NDArray[np.uint8]:
    try:
        return decode(content)
    except AoiError:
        raise
    except Exception as error:  # decoders raise anything for a broken file
        raise EngineFailed(
            f"The stored image could not be decoded ({type(error).__name__}). Retry; if it fails again, send it anew."
        ) from error


def _dated(analysis: Analysis, seconds: float) -> Analysis:
    timestamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return dataclasses.replace(analysis, processing_time_seconds=seconds, engine_timestamp=timestamp)
