"""An engine is bounded in number and time, and nothing that it says is believed."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import cast

import anyio
import pytest

from aoi.adapters.memory_engine import MemoryEngine, black_png
from aoi.domain import errors
from aoi.domain.defects import Analysis, BoundingBox, DefectClass, Detection, EngineInfo, PictureKind, Region
from aoi.domain.errors import AoiError, InvalidEngineAnswer, TooManyRegions
from aoi.domain.guarded_engine import GuardedEngine, check_detection
from aoi.domain.image import ImageFacts, StoredImage
from aoi.domain.limits import Limits
from aoi.domain.streams import bytes_chunks
from aoi.testing.examples import some_facts, some_regions

pytestmark = pytest.mark.anyio

IMAGE = StoredImage("20261122_093015_ab", some_facts(), lambda: bytes_chunks(b"content"))
WIDTH, HEIGHT = IMAGE.facts.pixels.width, IMAGE.facts.pixels.height
PNG = black_png(1, 1)
[REGION] = some_regions(1)
NAN, INFINITE = float("nan"), float("inf")


class Engine(MemoryEngine):
    """Does what it is told to."""

    def __init__(self, does: Callable[[], Awaitable[Detection]]) -> None:
        super().__init__()
        self._does = does

    async def inspect(self, image: StoredImage) -> Detection:
        assert image is IMAGE
        return await self._does()


def guarded(does: Callable[[], Awaitable[Detection]], **limits: float) -> GuardedEngine:
    return GuardedEngine(Engine(does), replace(Limits(), **limits))


def detection(*regions: Region) -> Detection:
    analysis = Analysis(HEIGHT, WIDTH, (DefectClass(1, "void", 9, regions),), 0.5, "2026-11-22")
    return Detection(analysis, dict.fromkeys(PictureKind, PNG), EngineInfo("mine"))


def of_classes(*classes: DefectClass) -> Detection:
    return replace(detection(), analysis=replace(detection().analysis, classes=classes))


def of_analysis(**changes: object) -> Detection:
    return replace(detection(), analysis=replace(detection().analysis, **changes))  # pyright: ignore[reportArgumentType]  # wrong on purpose


def boxed(x: float, y: float, width: float, height: float) -> Detection:
    box = BoundingBox(cast("int", x), cast("int", y), cast("int", width), cast("int", height))
    return detection(replace(REGION, bounding_box=box))


def measured(**changes: float) -> Detection:
    return detection(replace(REGION, **changes))  # pyright: ignore[reportArgumentType]  # wrong on purpose


def pictured(kind: PictureKind, content: bytes | None) -> Detection:
    pictures = {one: PNG for one in PictureKind if one is not kind}
    return replace(detection(), pictures=pictures if content is None else {**pictures, kind: content})


POSSIBLE = {
    "no region": detection(),
    "no class": of_classes(),
    "two regions": detection(*some_regions(2)),
    "the whole image": boxed(0, 0, WIDTH, HEIGHT),
    "one pixel in the last corner": boxed(WIDTH - 1, HEIGHT - 1, 1, 1),
    "a single pixel, without area or length": measured(area_pixels=0, perimeter=0.0, circularity=0.0),
    "a name of 100 characters": of_classes(DefectClass(1, "ü" * 100, 0)),
}
IMPOSSIBLE = {
    "another height": of_analysis(height=HEIGHT + 1),
    "width and height exchanged": of_analysis(width=HEIGHT, height=WIDTH),
    "a negative time": of_analysis(processing_time_seconds=-0.1),
    "a time that is no number": of_analysis(processing_time_seconds=NAN),
    "no engine": replace(detection(), engine=EngineInfo("")),
    "two classes of one name": of_classes(DefectClass(1, "void", 0), DefectClass(2, "void", 0)),
    "two classes of one number": of_classes(DefectClass(1, "void", 0), DefectClass(1, "scratch", 0)),
    "a class without a name": of_classes(DefectClass(1, "", 0)),
    "a class with a long name": of_classes(DefectClass(1, "x" * 101, 0)),
    "a class with an unprintable name": of_classes(DefectClass(1, "a\0", 0)),
    "a class of negative area": of_classes(DefectClass(1, "void", -1)),
    "a class of infinite area": of_classes(DefectClass(1, "void", cast("int", INFINITE))),
    "a class whose area is no number": of_classes(DefectClass(1, "void", cast("int", NAN))),
    "region numbers from 0": detection(replace(REGION, region_id=0)),
    "region numbers twice": detection(REGION, REGION),
    "region numbers with a gap": detection(REGION, replace(REGION, region_id=3)),
    "a box left of the image": boxed(-1, 0, 5, 5),
    "a box above the image": boxed(0, -1, 5, 5),
    "a box right of the image": boxed(WIDTH - 4, 0, 5, 5),
    "a box below the image": boxed(0, HEIGHT - 4, 5, 5),
    "a box without width": boxed(0, 0, 0, 5),
    "a box without height": boxed(0, 0, 5, 0),
    "a box of negative width": boxed(9, 9, -5, 5),
    "a box that is nowhere": boxed(NAN, 0, 5, 5),
    "a centroid left of the image": measured(centroid_x=-0.1),
    "a centroid right of the image": measured(centroid_x=float(WIDTH)),
    "a centroid above the image": measured(centroid_y=-0.1),
    "a centroid below the image": measured(centroid_y=float(HEIGHT)),
    "a centroid that is nowhere": measured(centroid_x=NAN),
    **{
        f"{name} of {value}": measured(**{name: value})
        for name in ("area_pixels", "perimeter", "major_axis", "minor_axis", "circularity", "aspect_ratio")
        for value in (-1, NAN, INFINITE)
    },
    **{f"no {kind}": pictured(kind, None) for kind in PictureKind},
    **{f"a {kind} that is a JPEG": pictured(kind, b"\xff\xd8\xff") for kind in PictureKind},
    "an empty picture": pictured(PictureKind.MASK, b""),
    "nothing": cast("Detection", None),
    "a picture that is cut at its end": pictured(PictureKind.MASK, PNG[:-1]),
    "a picture that is cut at its beginning": pictured(PictureKind.MASK, PNG[:14]),
    "a picture that is text": pictured(PictureKind.MASK, cast("bytes", "\x89PNG")),
    "a number that is text": of_analysis(processing_time_seconds="fast"),
}


@pytest.mark.parametrize("name", POSSIBLE)
async def test_what_can_be_true_is_passed_on(name: str) -> None:
    async def find() -> Detection:
        return POSSIBLE[name]

    assert await guarded(find).inspect(IMAGE) is POSSIBLE[name]


@pytest.mark.parametrize("name", IMPOSSIBLE)
async def test_what_cannot_be_true_is_not_believed(name: str) -> None:
    async def find() -> Detection:
        return IMPOSSIBLE[name]

    with pytest.raises(InvalidEngineAnswer):
        await guarded(find).inspect(IMAGE)


async def test_as_many_regions_as_the_limit_allows_and_no_more() -> None:
    check_detection(detection(*some_regions(3)), IMAGE.facts.pixels, max_regions=3)
    with pytest.raises(TooManyRegions, match="3 regions; AOI_MAX_REGIONS allows 2"):
        check_detection(detection(*some_regions(3)), IMAGE.facts.pixels, max_regions=2)


async def test_an_engine_that_hangs_is_stopped() -> None:
    stopped: list[bool] = []

    async def hang() -> Detection:
        try:
            await anyio.sleep_forever()
        finally:
            stopped.append(True)
        raise AssertionError

    with pytest.raises(errors.EngineTimedOut):
        await guarded(hang, inference_deadline=0.02).inspect(IMAGE)
    assert stopped == [True]


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (ValueError("no"), errors.EngineFailed),
        (ExceptionGroup("several", [KeyError("a")]), errors.EngineFailed),
        (TimeoutError(), errors.EngineTimedOut),
        (errors.CorruptImage("Bad."), errors.EngineRefused),
        (errors.DatabaseUnavailable(), errors.EngineFailed),
        (AoiError(), errors.EngineFailed),
        (errors.EngineUnavailable("Away."), errors.EngineUnavailable),
        (errors.StorageUnavailable(), errors.StorageUnavailable),
        (errors.StorageFull(), errors.StorageFull),
        (errors.StoredFileMissing(), errors.StoredFileMissing),
    ],
)
async def test_an_engine_that_raises_anything_ends_as_a_failure_that_is_kept(
    raised: Exception, seen: type[AoiError]
) -> None:
    async def fail() -> Detection:
        raise raised

    with pytest.raises(seen) as caught:
        await guarded(fail).inspect(IMAGE)
    assert caught.type is seen


async def test_a_bug_in_an_engine_is_logged_with_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> Detection:
        raise ValueError("the bug")

    with caplog.at_level(logging.ERROR), pytest.raises(errors.EngineFailed):
        await guarded(fail).inspect(IMAGE)
    assert "ValueError: the bug" in caplog.text


async def test_only_so_many_images_are_inspected_at_once_and_waiting_costs_no_time_of_theirs() -> None:
    now, most = 0, 0

    async def work() -> Detection:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await anyio.sleep(0.05)
        now -= 1
        return detection()

    engine = guarded(work, inference_concurrency=2, inference_deadline=0.15)
    async with anyio.create_task_group() as tasks:
        for _ in range(8):  # the last begin after 0.15 s, when the deadline of the first has passed
            tasks.start_soon(engine.inspect, IMAGE)
    assert most == 2


async def test_a_slot_is_free_again_whatever_became_of_its_image() -> None:
    async def hang() -> Detection:
        await anyio.sleep_forever()
        raise AssertionError

    engine = guarded(hang, inference_concurrency=1, inference_deadline=0.01)
    for _ in range(3):
        with anyio.fail_after(5), pytest.raises(errors.EngineTimedOut):
            await engine.inspect(IMAGE)


async def test_an_image_that_another_engine_accepted_is_refused_by_one_that_would_alter_it() -> None:
    class Picky(MemoryEngine):
        def accept(self, facts: ImageFacts) -> None:
            raise errors.UnsupportedPixels(f"{facts.pixels.bit_depth} bits.")

    engine = GuardedEngine(Picky(), Limits())
    with pytest.raises(errors.UnsupportedPixels):
        engine.accept(IMAGE.facts)
    with pytest.raises(errors.EngineRefused, match="16 bits"):
        await engine.inspect(IMAGE)


async def test_it_says_what_the_engine_says_of_itself() -> None:
    assert (await GuardedEngine(MemoryEngine(), Limits()).describe()).name == "memory"


def test_a_guarded_engine_is_not_guarded_twice() -> None:
    engine = GuardedEngine.around(MemoryEngine(), Limits())
    assert GuardedEngine.around(engine, Limits()) is engine
