"""Whether a mark is seen elsewhere: the image is its own golden template.

A pattern repeats itself: where the surroundings of a corner, a slot's end or a via are found again, the corner, the end
or the via is found too. Where the surroundings of a particle are found again, it is missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_PLACES = 8
"""As many of the best-matching places are looked at: a few may carry a defect of their own."""
_PLACES_TURNED = 4
"""In each of the other orientations."""
_SAME_LEVEL = 4.0
"""Grey levels by which surroundings may differ and still be the same."""
_SAME_SHARE = 0.35
"""The same as a share of the mark's height: a high mark stands out from rougher surroundings."""
_FEWEST_PLACES = 2
_MOST_EXCESS = 3.0
"""A place that lacks far more than the mark shows is another thing."""
_LEAST_SURROUNDINGS = 60
"""Pixels; fewer say nothing."""
_NEVER = float(np.float32(1e30))


@dataclass(frozen=True, slots=True)
class Search:
    """How comparable places are sought, in pixels."""

    margins: tuple[int, ...]
    """The surroundings of a mark reach so far; the next is tried where no place compares."""
    step: int
    """Places are sought at this fraction of the size first; a power of two."""
    reach: int
    """How far away from the mark."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One connected region in the image."""

    label: int
    box: tuple[int, int, int, int]
    """Top, bottom, left, right."""
    height: float
    """The most grey levels that the path opening took away there."""


@dataclass(frozen=True, slots=True)
class _Patch:
    """A mark with its surroundings; all three have one shape."""

    image: NDArray[np.uint8]
    mark: NDArray[np.uint8]
    """1 where the mark is."""
    surroundings: NDArray[np.uint8]
    """1 where no mark is near."""

    def turned(self) -> Iterator["_Patch"]:
        """The patch in its other seven orientations: a slot's left end looks like a right end, mirrored."""
        for turn in range(1, 8):
            yield _Patch(_turn(self.image, turn), _turn(self.mark, turn), _turn(self.surroundings, turn))


class SelfComparison:
    """Compares marks with the rest of their image."""

    def __init__(self, image: NDArray[np.uint8], labels: NDArray[np.int32], search: Search) -> None:
        """Take an H × W uint8 image, the label of each mark in it (0 = none), and how to search."""
        self._image = image
        self._labels = labels
        self._search = search
        self._small = shrunk(image, search.step)

    def difference(self, mark: Mark) -> float | None:
        """The share of a mark's height that comparable places lack: near 0 for pattern, near 1 for a defect.

        None where no place compares.
        """
        for margin in self._search.margins:
            excesses = self._excesses_with(mark, margin)
            if len(excesses) >= _FEWEST_PLACES:
                return float(np.median(excesses)) / mark.height
        return None

    def _excesses_with(self, mark: Mark, margin: int) -> list[float]:
        top, bottom, left, right = self._surrounding_box(mark, margin)
        if max(bottom - top, right - left) > self._search.reach:
            return []
        patch = self._patch(mark, slice(top, bottom), slice(left, right))
        if np.count_nonzero(patch.surroundings) < _LEAST_SURROUNDINGS:
            return []
        centre = (top + bottom) / 2, (left + right) / 2
        excesses = self._excesses(mark, patch, centre, _PLACES)
        for turned in patch.turned() if len(excesses) < _FEWEST_PLACES else ():
            excesses += self._excesses(mark, turned, centre, _PLACES_TURNED)
        return excesses

    def _surrounding_box(self, mark: Mark, margin: int) -> tuple[int, int, int, int]:
        """Top, bottom, left, right; top and left are multiples of the step, so that the small image fits."""
        step = self._search.step
        top, bottom, left, right = mark.box
        return (
            max(top - margin, 0) // step * step,
            min(bottom + margin, self._image.shape[0]),
            max(left - margin, 0) // step * step,
            min(right + margin, self._image.shape[1]),
        )

    def _patch(self, mark: Mark, rows: slice, columns: slice) -> _Patch:
        labels = self._labels[rows, columns]
        near_a_mark = cv2.dilate((labels > 0).astype(np.uint8), np.ones((7, 7), np.uint8))
        return _Patch(self._image[rows, columns], (labels == mark.label).astype(np.uint8), 1 - near_a_mark)

    def _excesses(self, mark: Mark, patch: _Patch, centre: tuple[float, float], places: int) -> list[float]:
        """By how many grey levels the mark differs from each comparable place."""
        excesses: list[float] = []
        for top, left in self._rough_places(mark, patch, centre, places):
            place = self._best_place(patch, top, left)
            excess = _excess(patch.image, place, patch.surroundings)
            rest = _quantile(excess[patch.mark > 0], 0.9)
            same = _quantile(excess[patch.surroundings > 0], 0.98) <= max(_SAME_LEVEL, _SAME_SHARE * mark.height)
            if same and rest <= _MOST_EXCESS * mark.height:
                excesses.append(rest)
        return excesses

    def _rough_places(
        self, mark: Mark, patch: _Patch, centre: tuple[float, float], places: int
    ) -> list[tuple[int, int]]:
        """Top left corners of the places that look most like the patch at the reduced size, the best first."""
        step, reach = self._search.step, self._search.reach
        template = shrunk(patch.image, step)
        counts = (shrunk(255 * patch.surroundings, step) > 178).astype(np.uint8)
        top, left = max(0, int(centre[0] - reach) // step), max(0, int(centre[1] - reach) // step)
        window = self._small[top : int(centre[0] + reach) // step, left : int(centre[1] + reach) // step]
        if not counts.any() or window.shape[0] < counts.shape[0] or window.shape[1] < counts.shape[1]:
            return []
        misfit = np.asarray(cv2.matchTemplate(window, template, cv2.TM_SQDIFF, mask=counts), np.float32)
        own = centre[0] / step - top - counts.shape[0] / 2, centre[1] / step - left - counts.shape[1] / 2
        _strike_out(misfit, own, (mark.box[1] - mark.box[0]) / step + 2, (mark.box[3] - mark.box[2]) / step + 2)
        return [(step * (y + top), step * (x + left)) for y, x in _lowest(misfit, places)]

    def _best_place(self, patch: _Patch, top: int, left: int) -> NDArray[np.uint8]:
        """The best fit of the patch within a step of a rough place, at full size."""
        step, (height, width) = self._search.step, patch.image.shape
        top, left = min(top, self._image.shape[0] - height), min(left, self._image.shape[1] - width)
        first_row, first_column = max(top - step, 0), max(left - step, 0)
        window = self._image[first_row : top + height + step, first_column : left + width + step]
        misfit = cv2.matchTemplate(window, patch.image, cv2.TM_SQDIFF, mask=patch.surroundings)
        column, row = cv2.minMaxLoc(misfit)[2]
        return window[row : row + height, column : column + width]


def shrunk(image: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """The image at 1 / step of its size, each pixel the mean of step × step; the last ones may reach beyond it."""
    height, width = image.shape
    padded = cv2.copyMakeBorder(image, 0, -height % step, 0, -width % step, cv2.BORDER_REPLICATE)
    size = padded.shape[1] // step, padded.shape[0] // step
    return np.asarray(cv2.resize(padded, size, interpolation=cv2.INTER_AREA), np.uint8)


def _excess(image: NDArray[np.uint8], place: NDArray[np.uint8], surroundings: NDArray[np.uint8]) -> NDArray[np.float32]:
    """By how much the image leaves what the place shows within a pixel, brightness levelled by the surroundings."""
    counts = surroundings > 0
    levelled = image.astype(np.float32) - (image[counts].mean(dtype=np.float64) - place[counts].mean(dtype=np.float64))
    darkest, brightest = cv2.erode(place, _ONE_PIXEL), cv2.dilate(place, _ONE_PIXEL)
    return np.maximum(np.maximum(darkest - levelled, levelled - brightest), 0).astype(np.float32)


def _quantile(values: NDArray[np.float32], share: float) -> float:
    rank = int(share * (values.size - 1))
    return float(np.partition(values, rank)[rank])


def _strike_out(misfit: NDArray[np.float32], at: tuple[float, float], rows: float, columns: float) -> None:
    """Leave no place within so many rows and columns."""
    top, left = max(0, round(at[0] - rows)), max(0, round(at[1] - columns))
    misfit[top : max(0, round(at[0] + rows) + 1), left : max(0, round(at[1] + columns) + 1)] = _NEVER


def _lowest(misfit: NDArray[np.float32], count: int) -> Iterator[tuple[int, int]]:
    """Rows and columns of the lowest misfits, none beside another."""
    for _ in range(count):
        lowest, _highest, (x, y), _ = cv2.minMaxLoc(misfit)
        if lowest >= _NEVER:
            return
        yield y, x
        _strike_out(misfit, (y, x), 2, 2)


def _turn(image: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """One of the eight orientations of an image."""
    return np.ascontiguousarray(np.rot90(image.T if turn >= 4 else image, turn % 4))


_ONE_PIXEL = np.ones((3, 3), np.uint8)
