"""Any engine behind a limit, a deadline and a check of what it returns."""

import logging

import anyio
from anyio import to_thread

from aoi.domain.defects import Analysis, DefectClass, Detection, EngineInfo, PictureKind, Region
from aoi.domain.errors import (
    AoiError,
    EngineFailed,
    EngineRefused,
    EngineTimedOut,
    ImageRejected,
    InferenceFailed,
    InvalidEngineAnswer,
    StorageFull,
    StorageUnavailable,
    StoredFileMissing,
    TooManyRegions,
)
from aoi.domain.image import ImageFacts, PixelFacts, StoredImage, is_printable
from aoi.domain.limits import Limits
from aoi.domain.ports import InferenceEngine

logger = logging.getLogger(__name__)

PNG_BEGINNING = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
"""The signature and the head of the first chunk. Source: ISO/IEC 15948, 5.2 and 11.2.2."""
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
"""The last chunk, whole."""
CHECK_THE_SERVICE = "Check that AOI_INFERENCE_URL names the right service and version."
INFINITY = float("inf")


class GuardedEngine:
    """Lets only so many images at once into `engine`, bounds each in time, and believes nothing.

    An engine by a third party may hang, raise anything, or return half a result: all of that ends as an
    `InferenceFailed`, but for the file store's own errors.
    """

    def __init__(self, engine: InferenceEngine, limits: Limits) -> None:
        self._engine = engine
        self._limits = limits
        self._slots = anyio.CapacityLimiter(limits.inference_concurrency)

    @classmethod
    def around(cls, engine: InferenceEngine, limits: Limits) -> "GuardedEngine":
        """`engine` itself where it is guarded already, so that several use cases share one limit."""
        return engine if isinstance(engine, cls) else cls(engine, limits)

    def accept(self, facts: ImageFacts) -> None:
        self._engine.accept(facts)

    async def describe(self) -> EngineInfo:
        return await self._engine.describe()

    async def inspect(self, image: StoredImage) -> Detection:
        async with self._slots:
            detection = await self._inspect_in_time(image)
        try:
            await to_thread.run_sync(check_detection, detection, image.facts.pixels, self._limits.max_regions)
        except AoiError:
            raise
        except Exception as error:
            logger.exception("What the engine returned for %s cannot be read.", image.id)
            raise InvalidEngineAnswer from error
        return detection

    async def _inspect_in_time(self, image: StoredImage) -> Detection:
        try:
            # Asked again: an upload that another engine accepted may come here when it is retried.
            self._engine.accept(image.facts)
            with anyio.fail_after(self._limits.inference_deadline):
                return await self._engine.inspect(image)
        except (InferenceFailed, StorageUnavailable, StorageFull, StoredFileMissing):
            raise
        except ImageRejected as error:
            raise EngineRefused(error.detail) from error
        except TimeoutError as error:
            raise EngineTimedOut from error
        except Exception as error:
            logger.exception("The engine failed on %s.", image.id)
            raise EngineFailed from error


def check_detection(detection: Detection, pixels: PixelFacts, max_regions: int) -> None:
    """Whether a detection can be true of an image; raises `InvalidEngineAnswer` or `TooManyRegions`."""
    analysis = detection.analysis
    if (analysis.height, analysis.width) != (pixels.height, pixels.width):
        raise InvalidEngineAnswer(
            f"The engine answered for an image of {analysis.width} × {analysis.height} pixels;"
            f" the upright image has {pixels.width} × {pixels.height}. {CHECK_THE_SERVICE}"
        )
    if analysis.total_defects > max_regions:
        raise TooManyRegions(
            f"The engine found {analysis.total_defects:,} regions; AOI_MAX_REGIONS allows {max_regions:,}."
            " Raise the limit, or check focus and recipe."
        )
    if not 0 <= analysis.processing_time_seconds < INFINITY or not detection.engine.name:
        raise InvalidEngineAnswer(
            f"The engine's answer has an impossible time, or no engine's name. {CHECK_THE_SERVICE}"
        )
    _check_classes(analysis)
    for kind in PictureKind:
        picture = detection.pictures.get(kind, b"")
        if not (picture.startswith(PNG_BEGINNING) and picture.endswith(PNG_END)):
            raise InvalidEngineAnswer(
                f"The engine's {kind} picture is not a PNG, or not a whole one. {CHECK_THE_SERVICE}"
            )


def _check_classes(analysis: Analysis) -> None:
    names = {defect_class.name for defect_class in analysis.classes}
    ids = {defect_class.class_id for defect_class in analysis.classes}
    if not len(names) == len(ids) == len(analysis.classes):
        raise InvalidEngineAnswer(f"The engine's answer has two classes of one name or one number. {CHECK_THE_SERVICE}")
    for defect_class in analysis.classes:
        _check_class(defect_class, analysis)


def _check_class(defect_class: DefectClass, analysis: Analysis) -> None:
    name = defect_class.name
    if not (1 <= len(name) <= 100 and is_printable(name) and 0 <= defect_class.total_area_pixels < INFINITY):
        raise InvalidEngineAnswer(
            f"The engine's class {name[:100]!r} has an impossible name or area. {CHECK_THE_SERVICE}"
        )
    for number, region in enumerate(defect_class.regions, start=1):
        if region.region_id != number or not _is_possible(region, analysis):
            raise InvalidEngineAnswer(
                f"Region {number} of the engine's class {name!r} lies outside the image, or has impossible numbers."
                f" {CHECK_THE_SERVICE}"
            )


def _is_possible(region: Region, analysis: Analysis) -> bool:
    box = region.bounding_box
    lengths = (region.area_pixels, region.perimeter, region.major_axis, region.minor_axis)
    ratios = (region.circularity, region.aspect_ratio)
    return (
        box.x >= 0
        and box.y >= 0
        and box.width > 0
        and box.height > 0
        and box.x + box.width <= analysis.width
        and box.y + box.height <= analysis.height
        and 0 <= region.centroid_x < analysis.width
        and 0 <= region.centroid_y < analysis.height
        and all(0 <= value < INFINITY for value in (*lengths, *ratios))
    )
