"""The service's answer in its two forms, as msgspec reads it: base64 into bytes, the impossible refused."""

from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

LARGEST_INTEGER = 2**31 - 1
"""An INT of the database."""

Count = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]
Size = Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)]
Measure = Annotated[float, Meta(ge=0)]


class Form(Struct):
    """As much as tells the two forms apart, and success from failure."""

    success: bool | UnsetType = UNSET
    analysis_results: Raw | UnsetType = UNSET
    classes: Raw | UnsetType = UNSET


class ImageShape(Struct):
    height: Size
    width: Size


class Centroid(Struct):
    x: Measure
    y: Measure


class Box(Struct):
    x: Count
    y: Count
    width: Size
    height: Size


class RegionAnswer(Struct):
    region_id: Size
    centroid: Centroid
    bounding_box: Box
    area_pixels: Count
    perimeter: Measure
    major_axis: Measure
    minor_axis: Measure
    circularity: Measure
    aspect_ratio: Measure


class ClassAnswer(Struct):
    class_id: Count
    total_regions: Count
    total_area_pixels: Count
    regions: list[RegionAnswer]


class Performance(Struct):
    processing_time_seconds: Measure
    timestamp: str


class AnalysisResults(Struct):
    image_shape: ImageShape
    classes: dict[str, ClassAnswer]
    performance: Performance


class CurrentAnswer(Struct):
    """The keys of `classes` are `{class_id}_{name}`."""

    success: bool
    filename: str
    overlay_image: bytes
    combined_image: bytes
    mask_image: bytes
    total_defects: Count
    processing_time: Measure
    timestamp: str
    analysis_results: AnalysisResults
    img_unique_id: str | int | None = None


class OlderPictures(Struct):
    combined: bytes
    mask: bytes
    overlay: bytes


class OlderAnswer(Struct):
    """The keys of `classes` are the names alone."""

    img_unique_id: str | int
    image_shape: ImageShape
    processing_time: Measure
    classes: dict[str, ClassAnswer]
    images: OlderPictures
    total_defects: Count | None = None
    timestamp: str = ""
