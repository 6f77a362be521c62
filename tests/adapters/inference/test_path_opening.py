"""The path openings on boards that a program draws: nothing is tuned to one pattern."""

import subprocess
import sys
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from aoi.adapters.inference.path_opening import (
    Sensitivity,
    find_anomalies,
    find_anomalies_in_tiles,
    thresholds_for,
)

NORMAL = thresholds_for(Sensitivity.NORMAL)

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Blob:
    x: int
    y: int
    radius: int
    contrast: int
    """Grey levels against what it lies on; negative is darker."""


def draw_metal(width: int, height: int, kind: str) -> Grey:
    """The metal layer of a board, 255 = metal."""
    metal = np.zeros((height, width), np.uint8)
    if kind == "grid":
        for x in range(20, width, 62):
            cv2.rectangle(metal, (x, 0), (x + 14, height), 255, -1)
        for y in range(33, height, 62):
            cv2.rectangle(metal, (0, y), (width, y + 14), 255, -1)
    elif kind == "traces":
        for x in range(30, width - 40, 90):
            corners = [(x, 0), (x, height // 3), (x + 40, height // 3 + 40), (x + 40, height)]
            cv2.polylines(metal, [np.array(corners, np.int32)], isClosed=False, color=255, thickness=13)
    else:
        for y in range(60, height - 40, 90):
            cv2.line(metal, (40, y), (width - 60, y), 255, 17)
    return metal


def draw_board(kind: str, seed: int, blobs: tuple[Blob, ...] = (), width: int = 640, height: int = 520) -> Grey:
    """A board under the microscope: two greys, dark edges, pads with rings, then blobs, blur and noise."""
    metal = np.asarray(cv2.GaussianBlur(draw_metal(width, height, kind), (0, 0), 1.0), np.float32) / 255
    across, along = np.gradient(metal)
    image = np.asarray(160 + 25 * metal - 150 * np.hypot(across, along), np.float32)
    if kind == "pads":
        for x in range(110, width - 80, 160):
            for y in range(105, height - 80, 180):
                cv2.rectangle(image, (x - 62, y - 62), (x + 62, y + 62), (185,), -1)
                cv2.rectangle(image, (x - 62, y - 62), (x + 62, y + 62), (100,), 2)
                cv2.circle(image, (x, y), 46, (40,), 7, cv2.LINE_AA)
    for blob in blobs:
        disc = np.zeros((height, width), np.float32)
        cv2.circle(disc, (blob.x, blob.y), blob.radius, (1,), -1, cv2.LINE_AA)
        image += blob.contrast * disc
    image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.9), np.float32)
    image += np.random.default_rng(seed).normal(0, 1.5, image.shape).astype(np.float32)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def scattered(seed: int, contrast: int, count: int = 14, width: int = 640, height: int = 520) -> tuple[Blob, ...]:
    """Blobs of 2 to 6 pixels' radius anywhere, on lines and beside them, none near another."""
    random = np.random.default_rng(seed)
    blobs: list[Blob] = []
    while len(blobs) < count:
        x, y = int(random.integers(12, width - 12)), int(random.integers(12, height - 12))
        if all(abs(x - other.x) > 30 or abs(y - other.y) > 30 for other in blobs):
            blobs.append(Blob(x, y, int(random.integers(2, 7)), contrast))
    return tuple(blobs)


def found(mask: Grey, blobs: tuple[Blob, ...]) -> int:
    near = cv2.dilate(mask, np.ones((5, 5), np.uint8))
    return sum(bool(near[blob.y, blob.x]) for blob in blobs)


def false_marks(mask: Grey, blobs: tuple[Blob, ...]) -> list[tuple[int, int]]:
    known = np.zeros_like(mask)
    for blob in blobs:
        cv2.circle(known, (blob.x, blob.y), blob.radius + 5, 1, -1)
    count, labels, _, centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
    near = set(labels[known > 0].tolist())
    return [(int(centres[label][0]), int(centres[label][1])) for label in range(1, count) if label not in near]


def regions(mask: Grey) -> int:
    return cv2.connectedComponents(mask, connectivity=8)[0] - 1


@pytest.mark.parametrize("kind", ["grid", "traces", "slots", "pads"])
def test_a_board_without_defects_gets_hardly_a_mark(kind: str) -> None:
    assert regions(find_anomalies(draw_board(kind, seed=1), NORMAL)) <= 1


@pytest.mark.parametrize("kind", ["grid", "traces", "slots", "pads"])
@pytest.mark.parametrize("contrast", [-60, 45])
def test_blobs_on_and_beside_lines_are_found_on_a_board_never_seen(kind: str, contrast: int) -> None:
    blobs = scattered(seed=7, contrast=contrast)

    mask = find_anomalies(draw_board(kind, seed=2, blobs=blobs), NORMAL)

    assert found(mask, blobs) >= 0.85 * len(blobs)
    assert len(false_marks(mask, blobs)) <= 2, false_marks(mask, blobs)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (3, 500), (200, 150), (2, 2)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_image_of_any_shape_has_no_marks(shape: tuple[int, int], level: int) -> None:
    mask = find_anomalies(np.full(shape, level, np.uint8), NORMAL)

    assert mask.shape == shape
    assert mask.dtype == np.uint8
    assert not mask.any()


@pytest.mark.parametrize("deviation", [2, 10, 30])
def test_pure_noise_has_no_marks(deviation: int) -> None:
    noise = np.random.default_rng(3).normal(128, deviation, (600, 600))

    assert not find_anomalies(np.clip(noise, 0, 255).astype(np.uint8), NORMAL).any()


def test_a_blob_in_noise_is_found() -> None:
    image = np.random.default_rng(3).normal(128, 6, (300, 300))
    image[140:150, 140:150] -= 70

    mask = find_anomalies(np.clip(image, 0, 255).astype(np.uint8), NORMAL)

    assert regions(mask) == 1
    assert mask[145, 145]


@pytest.mark.parametrize("radius", [8, 12, 20, 30, 40])
@pytest.mark.parametrize("contrast", [-90, 60])
def test_a_big_blob_is_one_filled_region(radius: int, contrast: int) -> None:
    blob = Blob(320, 260, radius, contrast)

    mask = find_anomalies(draw_board("grid", seed=4, blobs=(blob,)), NORMAL)

    disc = np.zeros_like(mask)
    cv2.circle(disc, (blob.x, blob.y), radius - 2, 1, -1)
    assert regions(mask) == 1
    assert mask[disc > 0].mean() > 0.95


@pytest.mark.parametrize("kind", ["grid", "pads"])
def test_the_result_does_not_depend_on_the_tiles(kind: str) -> None:
    blobs = (Blob(128, 128, 6, -70), Blob(256, 200, 9, -70), Blob(300, 256, 24, -90), Blob(384, 384, 4, 60))
    image = draw_board(kind, seed=5, blobs=blobs)

    untiled = find_anomalies_in_tiles(image, NORMAL, 1024)

    assert untiled.any()
    for tile in (128, 256):
        np.testing.assert_array_equal(find_anomalies_in_tiles(image, NORMAL, tile), untiled)


def test_a_defect_across_a_seam_is_one_region() -> None:
    image = np.full((520, 520), 150, np.uint8)
    cv2.circle(image, (256, 256), 7, (60,), -1)

    assert regions(find_anomalies(image, NORMAL)) == 1


def test_the_same_image_gives_the_same_mask() -> None:
    image = draw_board("pads", seed=6, blobs=scattered(seed=8, contrast=-40))

    np.testing.assert_array_equal(find_anomalies(image, NORMAL), find_anomalies(image, NORMAL))


def test_a_higher_sensitivity_marks_more() -> None:
    blobs = tuple(Blob(50 + 50 * place, 100 + 7 * place * place, 4, -6 - 2 * place) for place in range(8))
    image = np.full((520, 520), 150, np.float32)
    for blob in blobs:
        cv2.circle(image, (blob.x, blob.y), blob.radius, (150 + blob.contrast,), -1)

    low, normal, high = (
        found(find_anomalies(image.astype(np.uint8), thresholds_for(level)), blobs) for level in Sensitivity
    )

    assert 0 < low < normal < high


def test_what_stands_in_a_lattice_is_pattern() -> None:
    image = np.full((400, 400), 150, np.uint8)
    for x in range(30, 400, 40):
        for y in range(30, 400, 40):
            cv2.circle(image, (x, y), 6, (90,), -1, cv2.LINE_AA)
    cv2.circle(image, (211, 290), 4, (60,), -1, cv2.LINE_AA)
    noisy = image + np.random.default_rng(11).normal(0, 1, image.shape)

    mask = find_anomalies(np.rint(noisy).astype(np.uint8), NORMAL)

    assert regions(mask) == 1
    assert mask[290, 211]


@pytest.mark.slow
def test_memory_is_bounded_at_a_hundred_megapixels() -> None:
    program = """
import resource, numpy as np, cv2
from aoi.adapters.inference.path_opening import Sensitivity, find_anomalies, thresholds_for
image = np.full((10_000, 10_000), 150, np.uint8)
image[::62] = 90; image[:, ::62] = 90
for place in range(400, 10_000, 800):
    cv2.circle(image, (place, place + 20), 9, 40, -1)
mask = find_anomalies(image, thresholds_for(Sensitivity.NORMAL))
print(cv2.connectedComponents(mask)[0] - 1, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    marks, mebibytes = (int(word) for word in answer.stdout.split())
    assert marks == 12
    assert mebibytes < 1500
