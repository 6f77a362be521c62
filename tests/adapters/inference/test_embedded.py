"""The engine that needs nothing else finds what is planted, says what it is, and can be cancelled."""

import dataclasses
import hashlib
import os
import re
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aoi.adapters.inference.class_masks import read_class_mask
from aoi.adapters.inference.embedded import EmbeddedEngine, detect
from aoi.adapters.inference.path_opening import Sensitivity, thresholds_for
from aoi.domain.defects import PictureKind
from aoi.domain.errors import EngineFailed, EngineRefused, TooManyRegions, UnsupportedMediaType, UnsupportedPixels
from aoi.domain.image import ImageFacts, ImageFormat, PixelFacts, StoredImage
from aoi.domain.ports import InferenceEngine
from aoi.domain.streams import bytes_chunks
from aoi.testing.engine import EngineContract, assert_possible
from sample_images import deep, jpeg, png, translucent, truncated

pytestmark = pytest.mark.anyio

PATIENCE = 60.0
SPOT = (150, 90)
"""x and y of a planted defect."""


def facts_of(content: bytes, **changes: object) -> ImageFacts:
    """What the reader would say of an 8-bit image, but for the changes."""
    height, width = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)).shape
    pixels = PixelFacts(ImageFormat.PNG, width, height, channels=1, bit_depth=8, color="grey")
    return ImageFacts(dataclasses.replace(pixels, **changes), len(content), hashlib.sha256(content).hexdigest())


def stored(content: bytes, facts: ImageFacts | None = None) -> StoredImage:
    return StoredImage("20260225_103045_0123", facts or facts_of(content), lambda: bytes_chunks(content))


def ruled_board(height: int = 256, width: int = 320) -> NDArray[np.uint8]:
    """Grey lines every 32 pixels: a pattern without defects."""
    board = np.full((height, width), 170, np.uint8)
    board[::32] = 90
    board[:, ::32] = 90
    return np.asarray(cv2.GaussianBlur(board, (0, 0), 1.0), np.uint8)


def defective_board() -> NDArray[np.uint8]:
    """The same with a dark spot."""
    board = ruled_board()
    cv2.circle(board, SPOT, 5, 20, -1, cv2.LINE_AA)
    return board


@pytest.fixture
def defective_image() -> StoredImage:
    return stored(png(Image.fromarray(defective_board())))


@pytest.fixture
def engine() -> EmbeddedEngine:
    return EmbeddedEngine(max_regions=1000)


class TestEmbeddedEngine(EngineContract):
    @pytest.fixture
    def engine(self) -> InferenceEngine:
        return EmbeddedEngine(max_regions=100_000, concurrency=2)


async def test_a_planted_defect_is_found_where_it_is(engine: EmbeddedEngine, defective_image: StoredImage) -> None:
    detection = await engine.inspect(defective_image)
    assert_possible(detection, defective_image)
    (anomaly,) = detection.analysis.classes
    (region,) = anomaly.regions
    assert (anomaly.class_id, anomaly.name) == (1, "Anomaly")
    assert (region.centroid_x, region.centroid_y) == pytest.approx(SPOT, abs=1)


async def test_the_pictures_show_the_defect(engine: EmbeddedEngine, defective_image: StoredImage) -> None:
    pictures = (await engine.inspect(defective_image)).pictures
    mask = read_class_mask(pictures[PictureKind.MASK])
    assert mask[SPOT[1], SPOT[0]] == 1
    overlay = cv2.imdecode(np.frombuffer(pictures[PictureKind.OVERLAY], np.uint8), cv2.IMREAD_COLOR)
    assert (overlay == (0, 0, 255)).all(axis=2).any()


async def test_the_same_image_has_the_same_pictures_again(engine: EmbeddedEngine, defective_image: StoredImage) -> None:
    first, second = await engine.inspect(defective_image), await engine.inspect(defective_image)
    assert first.pictures == second.pictures


async def test_a_board_without_defects_has_the_class_without_regions(engine: EmbeddedEngine) -> None:
    detection = await engine.inspect(stored(png(Image.fromarray(ruled_board()))))
    assert [(found.name, found.total_regions) for found in detection.analysis.classes] == [("Anomaly", 0)]


async def test_a_turned_image_is_inspected_upright(engine: EmbeddedEngine) -> None:
    content = jpeg(Image.fromarray(defective_board()), orientation=6)
    (anomaly,) = (await engine.inspect(stored(content))).analysis.classes
    assert (anomaly.regions[0].centroid_x, anomaly.regions[0].centroid_y) == pytest.approx(SPOT, abs=1)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
async def test_the_smallest_and_thinnest_images_have_a_result(engine: EmbeddedEngine, size: tuple[int, int]) -> None:
    image = stored(png(Image.new("L", size, 128)))
    assert_possible(await engine.inspect(image), image)


async def test_time_and_timestamp_are_the_engines_own(engine: EmbeddedEngine, defective_image: StoredImage) -> None:
    begin = time.perf_counter()
    analysis = (await engine.inspect(defective_image)).analysis
    assert 0 < analysis.processing_time_seconds <= time.perf_counter() - begin
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", analysis.engine_timestamp)
    finished = datetime.fromisoformat(analysis.engine_timestamp).replace(tzinfo=UTC)
    assert timedelta(0) <= datetime.now(UTC) - finished < timedelta(seconds=PATIENCE)


async def test_more_regions_than_allowed_fail(defective_image: StoredImage) -> None:
    with pytest.raises(TooManyRegions):
        await EmbeddedEngine(max_regions=0).inspect(defective_image)


@pytest.mark.parametrize("sensitivity", list(Sensitivity))
async def test_it_says_what_it_is_and_what_decided(sensitivity: Sensitivity, defective_image: StoredImage) -> None:
    engine = EmbeddedEngine(sensitivity=sensitivity, max_regions=1000)
    info = await engine.describe()
    assert (info.name, info.model, info.device, info.digest) == ("embedded", "path-opening", "cpu", None)
    assert info.version
    assert "training-free" in str(info.parameters["method"])
    assert info.parameters["sensitivity"] == sensitivity.value
    assert dataclasses.asdict(thresholds_for(sensitivity)).items() <= info.parameters.items()
    assert (await engine.inspect(defective_image)).engine == info


@pytest.mark.parametrize(
    "changes",
    [
        {"bit_depth": 1},
        {"color": "rgb", "channels": 3},
        {"color": "palette"},
        {"color": "rgb", "channels": 4, "has_alpha": True, "is_opaque": True},
    ],
)
def test_pixels_that_it_need_not_alter_are_accepted(engine: EmbeddedEngine, changes: dict[str, object]) -> None:
    engine.accept(facts_of(png(), **changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bit_depth": 16}, "16 bits per channel; the embedded engine takes 8. Convert"),
        ({"bit_depth": 32, "color": "float"}, "32 bits per channel"),
        ({"color": "cmyk", "channels": 4}, "colours are cmyk.* Convert it to RGB"),
        ({"channels": 2, "has_alpha": True, "is_opaque": False}, "transparent.* Flatten"),
    ],
)
def test_other_pixels_are_refused_with_the_reason(
    engine: EmbeddedEngine, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(UnsupportedPixels, match=reason):
        engine.accept(facts_of(png(), **changes))


async def test_an_image_that_another_engine_accepted_fails_with_the_reason(engine: EmbeddedEngine) -> None:
    content = png(translucent(Image.new("RGB", (8, 8))))
    with pytest.raises(EngineRefused, match="transparent"):
        await engine.inspect(stored(content, facts_of(content, has_alpha=True, is_opaque=False)))


async def test_pixels_are_not_altered_whatever_was_said_of_them(engine: EmbeddedEngine) -> None:
    with pytest.raises(EngineRefused):
        await engine.inspect(stored(deep(channels=1), facts_of(png())))


@pytest.mark.parametrize("content", [b"", b"no image", truncated(png(), 0.8), truncated(jpeg(), 0.5)])
async def test_a_stored_image_that_was_damaged_fails(engine: EmbeddedEngine, content: bytes) -> None:
    with pytest.raises(EngineFailed, match="stored image"):
        await engine.inspect(stored(content, facts_of(png())))


async def test_colour_beside_an_opaque_alpha_is_inspected(engine: EmbeddedEngine) -> None:
    board = Image.fromarray(defective_board()).convert("RGB")
    (anomaly,) = (await engine.inspect(stored(png(translucent(board, alpha=255))))).analysis.classes
    assert anomaly.total_regions == 1


async def test_a_cancelled_inspection_ends_with_its_process_and_the_next_is_inspected(
    engine: EmbeddedEngine, defective_image: StoredImage
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000), np.uint8)
    processes: list[int] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(engine.inspect, stored(png(Image.fromarray(noise), compress_level=1)))
        processes += await working_processes()
        tasks.cancel_scope.cancel()
    assert len(processes) == 1
    with anyio.fail_after(PATIENCE):
        while is_working(processes[0]):  # noqa: ASYNC110 - a process sets no event
            await anyio.sleep(0.01)
    assert (await engine.inspect(defective_image)).analysis.total_defects == 1


async def test_an_inspection_whose_process_dies_fails_with_the_reason(
    engine: EmbeddedEngine, defective_image: StoredImage
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000), np.uint8)

    async def kill() -> None:
        for process in await working_processes():
            os.kill(process, signal.SIGKILL)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(kill)
        with pytest.raises(EngineFailed, match="has died"):
            await engine.inspect(stored(png(Image.fromarray(noise), compress_level=1)))
    assert (await engine.inspect(defective_image)).analysis.total_defects == 1


async def working_processes() -> list[int]:
    """The processes that this one has started for its images and that use the processor, once there are any."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if working := [process for process in children() if is_working(process)]:
            return working
        await anyio.sleep(0.01)
    raise TimeoutError


def children() -> list[int]:
    tasks = Path(f"/proc/{os.getpid()}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def is_working(process: int) -> bool:
    """Whether it is there, an image's, and running: state R."""
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return b"anyio.to_process" in command and state == "R"


def test_what_the_process_does_can_be_done_here() -> None:
    content = png(Image.fromarray(defective_board()))
    analysis, pictures = detect(content, thresholds_for(Sensitivity.NORMAL), 1000)
    assert analysis.total_defects == 1
    assert set(pictures) == set(PictureKind)
    with pytest.raises(UnsupportedMediaType):
        detect(b"no image", thresholds_for(Sensitivity.NORMAL), 1000)
