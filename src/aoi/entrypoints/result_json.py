"""An analysis as JSON: what the API calls `result`, and what `aoi regions` prints."""

from typing import Annotated

import msgspec

from aoi.domain.defects import Analysis, DefectClass, Region

Count = Annotated[int, msgspec.Meta(ge=0)]
Length = Annotated[float, msgspec.Meta(ge=0)]


class ImageShapeJson(msgspec.Struct, frozen=True):
    """Size of the upright image, in pixels."""

    height: Annotated[int, msgspec.Meta(ge=1, description="Rows of pixels, EXIF orientation applied.")]
    width: Annotated[int, msgspec.Meta(ge=1, description="Columns of pixels, EXIF orientation applied.")]


class PointJson(msgspec.Struct, frozen=True):
    """A point of the upright image, in pixels from its top left corner."""

    x: Annotated[float, msgspec.Meta(ge=0, description="Pixels to the right of the leftmost column.")]
    y: Annotated[float, msgspec.Meta(ge=0, description="Pixels below the topmost row.")]


class BoundingBoxJson(msgspec.Struct, frozen=True):
    """The smallest upright rectangle around a region, in pixels; `x`, `y` is its top left pixel, inside the box."""

    x: Annotated[int, msgspec.Meta(ge=0, description="Leftmost column of the region.")]
    y: Annotated[int, msgspec.Meta(ge=0, description="Topmost row of the region.")]
    width: Annotated[int, msgspec.Meta(ge=1, description="Columns that the region covers.")]
    height: Annotated[int, msgspec.Meta(ge=1, description="Rows that the region covers.")]


class RegionJson(msgspec.Struct, frozen=True):
    """One connected defect and its shape."""

    region_id: Annotated[int, msgspec.Meta(ge=1, description="Number of the region within its class, from 1.")]
    centroid: Annotated[PointJson, msgspec.Meta(description="Mean position of the region's pixels.")]
    bounding_box: Annotated[BoundingBoxJson, msgspec.Meta(description="Where the region lies.")]
    area_pixels: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            description="Area inside the outer contour, which runs through the centres of the border pixels, in square"
            " pixels, rounded down: a single pixel has 0.",
        ),
    ]
    perimeter: Annotated[Length, msgspec.Meta(description="Length of the outer contour, in pixels.")]
    major_axis: Annotated[
        Length,
        msgspec.Meta(
            description="Longer axis of the fitted ellipse, or longer side of the bounding box where the contour has"
            " fewer than five points, in pixels."
        ),
    ]
    minor_axis: Annotated[Length, msgspec.Meta(description="Shorter axis, measured like the longer one, in pixels.")]
    circularity: Annotated[
        Length, msgspec.Meta(description="4π · area / perimeter²: 1 for a circle, less for anything else.")
    ]
    aspect_ratio: Annotated[
        Length, msgspec.Meta(description="Longer axis divided by shorter; 1 where the shorter is 0.")
    ]


class ClassJson(msgspec.Struct, frozen=True):
    """All regions of one defect class; a class without regions is listed too."""

    class_id: Annotated[int, msgspec.Meta(description="Number of the class in the engine's model.")]
    total_regions: Annotated[Count, msgspec.Meta(description="How many regions were found.")]
    total_area_pixels: Annotated[Count, msgspec.Meta(description="Sum of the regions' areas, in square pixels.")]
    regions: Annotated[tuple[RegionJson, ...], msgspec.Meta(description="The regions, in order of `region_id`.")]


class PerformanceJson(msgspec.Struct, frozen=True):
    """What the engine says of its own work."""

    processing_time_seconds: Annotated[Length, msgspec.Meta(description="Time that the engine took, in seconds.")]
    timestamp: Annotated[str, msgspec.Meta(description="When it finished, by the engine's clock, as it wrote it.")]


class ResultJson(msgspec.Struct, frozen=True):
    """What was found in an image."""

    image_shape: Annotated[ImageShapeJson, msgspec.Meta(description="Size of the upright image.")]
    classes: Annotated[
        dict[str, ClassJson], msgspec.Meta(description="Every class that the engine knows, by its name.")
    ]
    performance: Annotated[PerformanceJson, msgspec.Meta(description="Time and date of the inference.")]


def result_of(analysis: Analysis) -> ResultJson:
    """The same analysis, in the shape that clients read."""
    return ResultJson(
        image_shape=ImageShapeJson(height=analysis.height, width=analysis.width),
        classes={defect_class.name: class_json_of(defect_class) for defect_class in analysis.classes},
        performance=PerformanceJson(
            processing_time_seconds=analysis.processing_time_seconds, timestamp=analysis.engine_timestamp
        ),
    )


def class_json_of(defect_class: DefectClass) -> ClassJson:
    """One class, in the shape that clients read."""
    return ClassJson(
        class_id=defect_class.class_id,
        total_regions=defect_class.total_regions,
        total_area_pixels=defect_class.total_area_pixels,
        regions=tuple(map(region_json_of, defect_class.regions)),
    )


def region_json_of(region: Region) -> RegionJson:
    """One region, in the shape that clients read."""
    box = region.bounding_box
    return RegionJson(
        region_id=region.region_id,
        centroid=PointJson(x=region.centroid_x, y=region.centroid_y),
        bounding_box=BoundingBoxJson(x=box.x, y=box.y, width=box.width, height=box.height),
        area_pixels=region.area_pixels,
        perimeter=region.perimeter,
        major_axis=region.major_axis,
        minor_axis=region.minor_axis,
        circularity=region.circularity,
        aspect_ratio=region.aspect_ratio,
    )
