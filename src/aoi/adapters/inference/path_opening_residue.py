"""What a robust path opening takes away from an image, in tiles of bounded memory.

Path openings: H. Talbot and B. Appleton, "Efficient complete and incomplete path openings and closings", Image and
Vision Computing 25 (2007). A robust path may jump over a missing pixel.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

PATH_LENGTH = 24
"""Pixels; what is shorter than this in every direction is no path."""
NOISE_BLOCK = 128
"""Pixels; noise is measured in blocks of this size, which lie the same whatever the tiling."""
TILE = 256
"""Pixels. DIPlib holds the interpreter for the whole of a call: tiles of this size keep a call below about 50 ms."""

_MARGIN = PATH_LENGTH + 8
"""A path through a pixel reaches one length away; a thinning or a robust jump reaches a little farther."""
_NOISE_TO_RESIDUE = 20.0
"""The largest residue in white noise is 12 times its level, in grainy noise 20 times (deviations of 1 to 60 tried)."""
_DIRECTIONS = (
    *((1, 0), (0, 1), (1, 1), (1, -1), (2, 1), (1, 2), (2, -1), (1, -2)),
    *((4, 1), (1, 4), (4, -1), (1, -4), (4, 3), (3, 4), (4, -3), (3, -4)),
    *((12, 1), (1, 12), (12, -1), (1, -12)),
)


class _Diplib(Protocol):
    """The part of DIPlib used here; it ships no types of its own."""

    def Image(self, array: NDArray[np.uint8] | NDArray[np.bool_]) -> object: ...  # noqa: N802 - DIPlib's name

    def PathOpening(  # noqa: N802 - DIPlib's name
        self, image: object, mask: object, *, length: int, polarity: str, mode: set[str]
    ) -> object: ...


_DIPLIB = cast("_Diplib", importlib.import_module("diplib"))


@dataclass(frozen=True, slots=True)
class Residue:
    """What the opening took away from an H × W image."""

    levels: NDArray[np.uint8]
    """H × W grey levels of the stronger polarity; 0 where the lower threshold is not reached."""
    seeds: NDArray[np.bool_]
    """H × W; where the higher threshold is reached."""


@dataclass(frozen=True, slots=True)
class _Core:
    """The part of the image, in pixels, that one tile answers for."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)


def path_opening_residue(
    image: NDArray[np.uint8],
    low: float,
    high: float,
    tile: int = TILE,
    *,
    thinnest: int = 1,
    against_noise: bool = False,
) -> Residue:
    """Take the long paths, dark and bright, away from an image.

    `image` is H × W uint8, slightly smoothed. `low` and `high` are grey levels; `against_noise` raises them where the
    local noise demands it. What is thinner than `thinnest` pixels does not count. The result does not depend on `tile`,
    a multiple of NOISE_BLOCK.
    """
    residue = Residue(np.zeros_like(image), np.zeros(image.shape, np.bool_))
    for core in _cores(image.shape[0], image.shape[1], tile):
        window = _with_margin(image, core)
        for polarity in (window, ~window):
            levels, seeds = _bright_residue(_thinned(polarity, thinnest), low, high, against_noise=against_noise)
            np.maximum(residue.levels[core.area], levels, out=residue.levels[core.area])
            residue.seeds[core.area] |= seeds
    return residue


def _bright_residue(
    window: NDArray[np.uint8], low: float, high: float, *, against_noise: bool
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The residue's levels and seeds inside a window's margin."""
    inside = slice(_MARGIN, window.shape[0] - _MARGIN), slice(_MARGIN, window.shape[1] - _MARGIN)
    least = _line_opening(window)
    bound = (window - least)[inside]
    noise = _noise(bound, high) if against_noise else np.ones(bound.shape, np.float32)
    candidates = np.zeros(window.shape, np.bool_)
    candidates[inside] = bound >= low * noise
    if not candidates.any():
        return np.zeros_like(bound), np.zeros(bound.shape, np.bool_)
    levels = (window - _path_opening(window, candidates, least))[inside]
    levels = np.where(candidates[inside] & (levels >= low * noise), levels, np.uint8(0))
    return levels, levels >= high * noise


def _line_opening(window: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pointwise largest opening by straight lines: cheap, and never above the path opening, as a line is a path."""
    largest = np.zeros_like(window)
    for line in _LINES:
        np.maximum(largest, cv2.morphologyEx(window, cv2.MORPH_OPEN, line), out=largest)
    return largest


def _path_opening(
    window: NDArray[np.uint8], candidates: NDArray[np.bool_], least: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The robust path opening, right at the candidates and known to be no less than `least`.

    Only pixels are followed that are near enough to a candidate and high enough to raise it. A robust path jumps, and
    so what lies two pixels beside a high pixel is followed too.
    """
    useful = cv2.erode(np.where(candidates, least, np.uint8(255)), _REACH)
    followed = (useful < 255) & (cv2.dilate(window, np.ones((5, 5), np.uint8)) >= useful)
    image, mask = _DIPLIB.Image(window), _DIPLIB.Image(followed)
    opened = _DIPLIB.PathOpening(image, mask, length=PATH_LENGTH, polarity="opening", mode={"robust"})
    return np.asarray(opened, np.uint8)


def _noise(bound: NDArray[np.uint8], high: float) -> NDArray[np.float32]:
    """The factor by which each pixel's block of noise raises the thresholds, at least 1.

    The level is the mean of the lowest three quarters of a block's bounds: patterns are near 0 there, and defects are
    among the rest.
    """
    factor = np.ones(bound.shape, np.float32)
    for top in range(0, bound.shape[0], NOISE_BLOCK):
        for left in range(0, bound.shape[1], NOISE_BLOCK):
            block = slice(top, top + NOISE_BLOCK), slice(left, left + NOISE_BLOCK)
            values = np.sort(bound[block], axis=None)
            level = values[: -(-3 * values.size // 4)].mean()
            factor[block] = max(1.0, _NOISE_TO_RESIDUE * level / high)
    return factor


def _cores(height: int, width: int, tile: int) -> Iterator[_Core]:
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            yield _Core(top, min(top + tile, height), left, min(left + tile, width))


def _with_margin(image: NDArray[np.uint8], core: _Core) -> NDArray[np.uint8]:
    """The core and its surroundings; beyond the image they are mirrored, so that a line runs on."""
    top, left = max(core.top - _MARGIN, 0), max(core.left - _MARGIN, 0)
    part = image[top : core.bottom + _MARGIN, left : core.right + _MARGIN]
    above, before = top - core.top + _MARGIN, left - core.left + _MARGIN
    below = core.bottom - core.top + 2 * _MARGIN - above - part.shape[0]
    after = core.right - core.left + 2 * _MARGIN - before - part.shape[1]
    return np.asarray(cv2.copyMakeBorder(part, above, below, before, after, cv2.BORDER_REFLECT_101), np.uint8)


def _thinned(window: NDArray[np.uint8], thinnest: int) -> NDArray[np.uint8]:
    square = np.ones((thinnest, thinnest), np.uint8)
    return np.asarray(cv2.morphologyEx(window, cv2.MORPH_OPEN, square), np.uint8)


def _line(dx: int, dy: int) -> NDArray[np.uint8]:
    """A digital line no shorter than a path, and symmetric: OpenCV opens truly with symmetric elements only."""
    half = PATH_LENGTH // 2
    steps = np.arange(-half, half + 1) / max(abs(dx), abs(dy))
    columns, rows = np.rint(steps * dx).astype(np.int64), np.rint(steps * dy).astype(np.int64)
    line = np.zeros((int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1), np.uint8)
    line[rows - rows.min(), columns - columns.min()] = 1
    return line


_REACH = np.ones((2 * PATH_LENGTH + 5, 2 * PATH_LENGTH + 5), np.uint8)
_LINES = tuple(_line(dx, dy) for dx, dy in _DIRECTIONS)
