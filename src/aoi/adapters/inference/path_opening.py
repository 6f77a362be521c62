"""Defects found without training: what is left of an image when its long paths are taken away.

Lines, rings and the borders of pads and slots are long dark or bright paths; a particle is not. A robust path opening
keeps the former and takes away the latter, also where the particle touches a line. What it takes away is compared with
the best-matching places elsewhere in the image: the end of a slot looks the same there, a defect does not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from aoi.adapters.inference.path_opening_lattice import in_a_lattice
from aoi.adapters.inference.path_opening_likeness import Mark, Search, SelfComparison, shrunk
from aoi.adapters.inference.path_opening_residue import TILE, Residue, path_opening_residue

_COARSENESSES = (4, 8)
"""Blobs wider than a path is long are sought at a quarter and an eighth of the size, where they are small."""
_COARSE_CAUTION = 2.5
"""There, pads and islands are small too: a blob there must stand out this much more."""
_FINE_SEARCH = Search(margins=(10, 5), step=4, reach=480)
_COARSE_SEARCH = Search(margins=(8,), step=2, reach=240)
_MOST_COMPARISONS = 1000
"""Marks compared with other places in one image, the highest first: a bound on the time."""
_SOLID = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11)), np.uint8)
"""Fits into every wide blob, and into no line beside one."""
_WIDEST_HOLE = 4096
"""Pixels; a larger hole in a mark is something that the mark surrounds."""


class Sensitivity(StrEnum):
    """How faint a mark is reported."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What makes a mark; levels are grey levels of an 8-bit image."""

    low: float
    """A mark reaches as far as the path opening takes away this much."""
    high: float
    """Somewhere in a mark it takes away this much."""
    alone: float
    """What `high` is for a mark with which no other place in the image compares."""
    difference: float
    """A mark is pattern where comparable places show more than the rest of its height (a share, 0 to 1)."""
    smallest_area: int
    """The fewest pixels of a mark."""


def thresholds_for(sensitivity: Sensitivity) -> Thresholds:
    """The thresholds for a sensitivity; each marks more than the one below it."""
    match sensitivity:
        case Sensitivity.LOW:
            return Thresholds(low=7.0, high=16.0, alone=24.0, difference=0.65, smallest_area=4)
        case Sensitivity.NORMAL:
            return Thresholds(low=5.0, high=9.0, alone=13.0, difference=0.65, smallest_area=3)
        case Sensitivity.HIGH:
            return Thresholds(low=4.0, high=7.0, alone=10.0, difference=0.65, smallest_area=2)


def find_anomalies(grey: NDArray[np.uint8], thresholds: Thresholds) -> NDArray[np.uint8]:
    """Mark what does not belong to the pattern of an image.

    Takes an H × W uint8 grey image and gives an H × W uint8 mask: 0 = pattern, 1 = anomaly. The same image gives the
    same mask. Needs about ten bytes a pixel beside the image.
    """
    return find_anomalies_in_tiles(grey, thresholds, TILE)


def find_anomalies_in_tiles(grey: NDArray[np.uint8], thresholds: Thresholds, tile: int) -> NDArray[np.uint8]:
    """What find_anomalies does, with tiles of another size: the mask is the same."""
    blurred = np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.8), np.uint8)
    marks = _fine_marks(blurred, thresholds, tile)
    for coarseness in _COARSENESSES:
        np.maximum(marks, _coarse_marks(blurred, thresholds, tile, coarseness), out=marks)
    return _without_specks(_filled(marks), thresholds.smallest_area)


def _fine_marks(blurred: NDArray[np.uint8], thresholds: Thresholds, tile: int) -> NDArray[np.uint8]:
    residue = path_opening_residue(blurred, thresholds.low, thresholds.high, tile, against_noise=True)
    return _defects(blurred, residue, thresholds, _FINE_SEARCH)


def _coarse_marks(blurred: NDArray[np.uint8], thresholds: Thresholds, tile: int, coarseness: int) -> NDArray[np.uint8]:
    """Blobs too wide for the fine pass, each in its outline at full size."""
    small = shrunk(blurred, coarseness)
    cautious = replace(
        thresholds,
        low=_COARSE_CAUTION * thresholds.low,
        high=_COARSE_CAUTION * thresholds.high,
        alone=_COARSE_CAUTION * thresholds.alone,
    )
    residue = path_opening_residue(small, cautious.low, cautious.high, tile, thinnest=3)
    found = _defects(small, residue, cautious, _COARSE_SEARCH)
    return _at_full_size(found, blurred, coarseness)


def _defects(image: NDArray[np.uint8], residue: Residue, thresholds: Thresholds, search: Search) -> NDArray[np.uint8]:
    """The regions of the residue that reach its seeds and are not seen elsewhere in the image."""
    labels, boxes = _labelled(_reaching_seeds(residue))
    marks = sorted(_marks(labels, boxes, residue.levels), key=lambda mark: -mark.height)
    comparison = SelfComparison(image, labels, search)
    is_defect = np.zeros(len(boxes), np.uint8)
    for rank, (mark, is_repeated) in enumerate(zip(marks, in_a_lattice(marks), strict=True)):
        if is_repeated:
            continue
        difference = comparison.difference(mark) if rank < _MOST_COMPARISONS else None
        if difference is None:
            is_defect[mark.label] = mark.height >= thresholds.alone and not _is_cut(mark, image)
        else:
            is_defect[mark.label] = difference >= thresholds.difference
    return is_defect[labels]


def _is_cut(mark: Mark, image: NDArray[np.uint8]) -> bool:
    """Whether the image ends at the mark, as a pattern element that it cuts looks like nothing else in it."""
    top, bottom, left, right = mark.box
    return top == 0 or left == 0 or bottom == image.shape[0] or right == image.shape[1]


def _reaching_seeds(residue: Residue) -> NDArray[np.uint8]:
    """Hysteresis: the connected regions of the residue that hold a seed."""
    count, found = cv2.connectedComponents((residue.levels > 0).view(np.uint8), connectivity=8)
    labels = np.asarray(found, np.int32)
    holds_a_seed = np.zeros(count, np.uint8)
    holds_a_seed[labels[residue.seeds]] = 1
    return holds_a_seed[labels]


def _labelled(mask: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """A label for each connected region, and (left, top, width, height, area) for each label, the ground's first."""
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return np.asarray(labels, np.int32), np.asarray(boxes, np.int32)


def _marks(labels: NDArray[np.int32], boxes: NDArray[np.int32], levels: NDArray[np.uint8]) -> Iterator[Mark]:
    for label in range(1, len(boxes)):
        left, top, width, height, _ = (int(value) for value in boxes[label])
        area = slice(top, top + height), slice(left, left + width)
        yield Mark(label, (top, top + height, left, left + width), float(levels[area][labels[area] == label].max()))


def _at_full_size(found: NDArray[np.uint8], image: NDArray[np.uint8], coarseness: int) -> NDArray[np.uint8]:
    """Each region found at the reduced size, with the outline that the image shows."""
    marks = np.zeros_like(image)
    labels, boxes = _labelled(found)
    for label in range(1, len(boxes)):
        left, top, width, height, _ = (int(value) for value in boxes[label])
        rows = slice(max(0, top - 2), top + height + 2)
        columns = slice(max(0, left - 2), left + width + 2)
        rough = (labels[rows, columns] == label).astype(np.uint8)
        area = tuple(slice(coarseness * side.start, coarseness * side.stop) for side in (rows, columns))
        marks[area] |= _outlined(rough, image[area], coarseness)
    return marks


def _outlined(rough: NDArray[np.uint8], image: NDArray[np.uint8], coarseness: int) -> NDArray[np.uint8]:
    """Where the image, within a rough region's reach, is nearer to the region's level than to that around it."""
    large = cv2.resize(rough, None, fx=coarseness, fy=coarseness, interpolation=cv2.INTER_NEAREST)
    large = np.asarray(large, np.uint8)[: image.shape[0], : image.shape[1]]
    within = np.asarray(cv2.dilate(large, np.ones((2 * coarseness + 1, 2 * coarseness + 1), np.uint8)), np.uint8)
    around = image[within == 0]
    inner = float(np.median(image[large > 0]))
    outer = float(np.median(around)) if around.size else 255.0 - inner
    nearer = np.abs(image.astype(np.float32) - inner) <= np.abs(image.astype(np.float32) - outer)
    solid = cv2.morphologyEx(within & nearer.astype(np.uint8), cv2.MORPH_OPEN, _SOLID)
    return _without_specks(np.asarray(solid, np.uint8), int(np.count_nonzero(solid)) // 2)


def _filled(marks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The marks without their holes: the bright heart of a dark particle is the particle's."""
    _, found, measures, _ = cv2.connectedComponentsWithStats(1 - marks, connectivity=4)
    labels, boxes = np.asarray(found, np.int32), np.asarray(measures, np.int32)
    left, top, width, height, area = boxes.T
    inside = (left > 0) & (top > 0) & (left + width < marks.shape[1]) & (top + height < marks.shape[0])
    is_marked = (inside & (area <= _WIDEST_HOLE)).astype(np.uint8)
    is_marked[0] = 1
    return is_marked[labels]


def _without_specks(marks: NDArray[np.uint8], smallest_area: int) -> NDArray[np.uint8]:
    labels, boxes = _labelled(marks)
    large_enough = (boxes[:, cv2.CC_STAT_AREA] >= smallest_area).astype(np.uint8)
    large_enough[0] = 0
    return large_enough[labels]
