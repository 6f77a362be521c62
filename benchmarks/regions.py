"""Measuring 20,000 regions on 8192 × 8192 pixels, beside the labelling that nobody can do without.

uv run python benchmarks/regions.py
"""

import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from aoi.adapters.inference.regions import analyse

SIDE, REGIONS, RUNS = 8192, 20_000, 5


def mask_of_discs() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Discs of 3 to 12 pixels' radius in four classes, on a lattice so that none touch."""
    random = np.random.default_rng(7)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    across = int(np.ceil(np.sqrt(REGIONS)))
    step = SIDE // across
    for number in range(REGIONS):
        centre = (number % across * step + step // 2, number // across * step + step // 2)
        cv2.circle(mask, centre, int(random.integers(3, 13)), int(random.integers(1, 5)), -1)
    return mask


def seconds_for(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    mask = mask_of_discs()
    names = {1: "A", 2: "B", 3: "C", 4: "D"}
    found = sum(analyse(mask, names).classes[index].total_regions for index in range(4))
    if found != REGIONS:
        raise ValueError(f"{found} regions were found, {REGIONS} were drawn.")
    table = Table("what", "median s", "of labelling", title=f"{REGIONS:,} regions on {SIDE} × {SIDE}, {RUNS} runs")
    labelling = [
        seconds_for(lambda: [cv2.connectedComponentsWithStats(np.equal(mask, one).view(np.uint8)) for one in names])
        for _ in range(RUNS)
    ]
    whole = [seconds_for(lambda: analyse(mask, names)) for _ in range(RUNS)]
    floor = statistics.median(labelling)
    for what, seconds in (("labelling alone (the floor)", floor), ("the whole analysis", statistics.median(whole))):
        table.add_row(what, f"{seconds:.2f}", f"{seconds / floor:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
