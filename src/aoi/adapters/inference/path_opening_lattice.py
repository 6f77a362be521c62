"""Marks that stand in a lattice, as vias and bumps do: what comes at equal distances was put there."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from aoi.adapters.inference.path_opening_likeness import Mark

_REACH = 128
"""Pixels; the widest pitch."""
_MOST_NEIGHBOURS = 24
_WOBBLE = 2.0
"""Pixels by which a mark may stand beside its place in the lattice."""
_ALIKE = 2.5
"""Pixels by which the boxes of two alike marks may differ in width and in height."""
_ALIKE_SHARE = 0.2
"""The share by which the grey levels of two alike marks may differ."""
_LEAST_PITCHES = 2
"""A lone pair at equal distances is chance."""


def in_a_lattice(marks: Sequence[Mark]) -> NDArray[np.bool_]:
    """For each mark, whether alike marks continue it at equal distances in two ways or more."""
    looks = np.array([_look(mark) for mark in marks], np.float64).reshape(-1, 5)
    cells: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for index, (y, x, *_) in enumerate(looks):
        cells[int(y // _REACH), int(x // _REACH)].append(index)
    return np.array([_is_continued(look, looks[list(_around(cells, look))]) for look in looks], np.bool_)


def _look(mark: Mark) -> tuple[float, float, float, float, float]:
    top, bottom, left, right = mark.box
    return (top + bottom) / 2, (left + right) / 2, bottom - top, right - left, mark.height


def _around(cells: dict[tuple[int, int], list[int]], look: NDArray[np.float64]) -> Iterator[int]:
    row, column = int(look[0] // _REACH), int(look[1] // _REACH)
    for y in range(row - 2, row + 3):
        for x in range(column - 2, column + 3):
            yield from cells.get((y, x), ())


def _is_continued(look: NDArray[np.float64], near: NDArray[np.float64]) -> bool:
    alike = np.abs(near[:, 2:4] - look[2:4]).max(axis=1) <= _ALIKE
    alike &= np.abs(near[:, 4] - look[4]) <= _ALIKE_SHARE * look[4]
    offsets = near[alike, :2] - look[:2]
    distances = np.hypot(offsets[:, 0], offsets[:, 1])
    steps = offsets[np.argsort(distances, kind="stable")][1 : _MOST_NEIGHBOURS + 1]
    steps = steps[np.hypot(steps[:, 0], steps[:, 1]) <= _REACH]
    continued = _has_one_at(offsets, 2 * steps) | _has_one_at(offsets, -steps)
    return int(np.count_nonzero(continued)) >= _LEAST_PITCHES


def _has_one_at(offsets: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.bool_]:
    gaps = np.abs(offsets[np.newaxis] - places[:, np.newaxis]).max(axis=2)
    return (gaps <= _WOBBLE).any(axis=1)
