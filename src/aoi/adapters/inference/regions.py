"""From a class mask to measured regions, with the same figures as the reference service's OpenCV."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from aoi.domain.defects import Analysis, BoundingBox, DefectClass, Region
from aoi.domain.errors import TooManyRegions

Mask = NDArray[np.uint8]
Contour = NDArray[np.int32]
"""N × 1 × 2: x, y of the points at which the outline of a region bends."""

FEWEST_POINTS_OF_AN_ELLIPSE = 5


def analyse(
    mask: Mask,
    class_names: Mapping[int, str],
    *,
    processing_time_seconds: float = 0.0,
    timestamp: str = "",
    max_regions: int | None = None,
) -> Analysis:
    """Measure all regions of an H × W class mask, whose pixels are class ids or 0 for nothing.

    Every class of `class_names` (ids 1 to 255) is in the answer, in order of its id. Raises `ValueError` where the mask
    holds an id without a name, and `TooManyRegions` before it measures a class with which there are more than
    `max_regions`.
    """
    present = _class_ids_in(mask)
    _check_named(present, class_names)
    classes: list[DefectClass] = []
    limit = math.inf if max_regions is None else max_regions
    for class_id, name in sorted(class_names.items()):
        found = sum(defect_class.total_regions for defect_class in classes)
        regions = _regions_of(mask, class_id, limit, found) if class_id in present else ()
        classes.append(DefectClass(class_id, name, sum(region.area_pixels for region in regions), regions))
    height, width = mask.shape
    return Analysis(height, width, tuple(classes), processing_time_seconds, timestamp)


def _class_ids_in(mask: Mask) -> set[int]:
    pixels_by_value = cv2.calcHist([mask], [0], None, [256], [0, 256])
    return set(np.flatnonzero(pixels_by_value).tolist()) - {0}


def _check_named(present: set[int], class_names: Mapping[int, str]) -> None:
    if not all(1 <= class_id <= 255 for class_id in class_names):
        raise ValueError(f"Class ids are 1 to 255; {sorted(class_names)} were given.")
    if unnamed := sorted(present - class_names.keys()):
        raise ValueError(
            f"The mask holds the class ids {unnamed}, which have no name; names were given for {sorted(class_names)}."
        )


def _regions_of(mask: Mask, class_id: int, limit: float, found: int) -> tuple[Region, ...]:
    of_class: Mask = (mask == class_id).view(np.uint8)
    count, labels, stats, centroids = cv2.connectedComponentsWithStats(of_class, connectivity=8)
    if found + count - 1 > limit:
        raise TooManyRegions(
            f"The image has more than {limit:,} regions. Raise AOI_MAX_REGIONS, or check focus and recipe."
        )
    boxes = [BoundingBox(*row) for row in stats[1:, : cv2.CC_STAT_AREA].tolist()]
    contours = _contours(of_class, cast("NDArray[np.int32]", labels), boxes)
    centres: list[tuple[float, float]] = centroids[1:].tolist()
    return tuple(
        _region(number, centre, box, contour)
        for number, (centre, box, contour) in enumerate(zip(centres, boxes, contours, strict=True), start=1)
    )


def _contours(of_class: Mask, labels: NDArray[np.int32], boxes: Sequence[BoundingBox]) -> Iterator[Contour]:
    """The outer contour of each component, in order of the labels.

    All are traced in one pass, however their boxes overlap. A component in a hole of another is not met in that pass
    and is traced by itself, inside its box.
    """
    met: dict[int, Contour] = {}
    for contour in _outer_contours(of_class):
        x, y = contour[0, 0]
        met[int(labels[y, x])] = contour
    for label, box in enumerate(boxes, start=1):
        yield met[label] if label in met else _contour_inside(labels, label, box)


def _contour_inside(labels: NDArray[np.int32], label: int, box: BoundingBox) -> Contour:
    window = labels[box.y : box.y + box.height, box.x : box.x + box.width]
    return _outer_contours((window == label).view(np.uint8), (box.x, box.y))[0]


def _outer_contours(pixels: Mask, offset: tuple[int, int] = (0, 0)) -> Sequence[Contour]:
    contours, _ = cv2.findContours(pixels, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=offset)
    return cast("Sequence[Contour]", contours)


def _region(number: int, centre: tuple[float, float], box: BoundingBox, contour: Contour) -> Region:
    area = cv2.contourArea(contour)
    perimeter = cv2.arcLength(contour, closed=True)
    major, minor = _axes(contour, box)
    return Region(
        region_id=number,
        centroid_x=centre[0],
        centroid_y=centre[1],
        bounding_box=box,
        area_pixels=int(area),
        perimeter=perimeter,
        major_axis=major,
        minor_axis=minor,
        circularity=4 * math.pi * area / perimeter**2 if perimeter else 0.0,
        aspect_ratio=major / minor if minor else 1.0,
    )


def _axes(contour: Contour, box: BoundingBox) -> tuple[float, float]:
    if len(contour) >= FEWEST_POINTS_OF_AN_ELLIPSE:
        cv2.setRNGSeed(0)  # degenerate contours are shaken at random; the same region must have the same axes
        _, (one, other), _ = cv2.fitEllipse(contour)
    else:
        one, other = float(box.width), float(box.height)
    return max(one, other), min(one, other)
