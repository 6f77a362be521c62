"""What an engine finds: regions in classes, the pictures that show them, and what made them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """Pixels of the upright image; `x`, `y` is the top left corner, inside the box."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Region:
    """One connected defect. Lengths in pixels, areas in square pixels; `region_id` counts from 1 within its class."""

    region_id: int
    centroid_x: float
    centroid_y: float
    bounding_box: BoundingBox
    area_pixels: int
    perimeter: float
    major_axis: float
    minor_axis: float
    circularity: float
    aspect_ratio: float


@dataclass(frozen=True, slots=True)
class DefectClass:
    """All regions of one class, also where there are none. `total_area_pixels` is what the engine says."""

    class_id: int
    name: str
    total_area_pixels: int
    regions: tuple[Region, ...] = ()

    @property
    def total_regions(self) -> int:
        return len(self.regions)


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was found in an upright image of `height` × `width` pixels.

    `processing_time_seconds` and `engine_timestamp` are the engine's own, the latter as it came (its clock may have no
    zone).
    """

    height: int
    width: int
    classes: tuple[DefectClass, ...]
    processing_time_seconds: float
    engine_timestamp: str

    @property
    def total_defects(self) -> int:
        return sum(defect_class.total_regions for defect_class in self.classes)


class PictureKind(StrEnum):
    """`mask`: classes in colour on black; `overlay`: their contours on the image; `combined`: image and overlay."""

    COMBINED = "combined"
    MASK = "mask"
    OVERLAY = "overlay"


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What made a result. `reference` is the engine's own id for it; `thresholds` and whatever else decides are named
    in `parameters`.
    """

    name: str
    model: str | None = None
    version: str | None = None
    digest: str | None = None
    device: str | None = None
    reference: str | None = None
    parameters: Mapping[str, str | float] = field(default_factory=dict[str, str | float])
    aoi_version: str | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """What an engine returns: the analysis, one PNG of each kind, and what made them."""

    analysis: Analysis
    pictures: Mapping[PictureKind, bytes]
    engine: EngineInfo


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture in the file store, by its key; `size_bytes` and `sha256` (hex) are unknown for adopted records."""

    key: str
    size_bytes: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Findings:
    """A detection as it is kept: the same analysis, its pictures in the file store."""

    analysis: Analysis
    pictures: Mapping[PictureKind, StoredPicture]
    engine: EngineInfo

    @property
    def total_defects(self) -> int:
        return self.analysis.total_defects
