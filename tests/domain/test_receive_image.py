"""The first half of an upload: what is refused leaves nothing, what is acknowledged is whole."""

import hashlib
from collections.abc import AsyncIterator

import anyio
import pytest

from aoi.adapters.memory_engine import MemoryEngine
from aoi.domain import errors
from aoi.domain.errors import AoiError, InvalidLabels, UnsupportedPixels, UploadInterrupted
from aoi.domain.image import ImageFacts, ImageFormat, Labels
from aoi.domain.inspection import State
from aoi.domain.limits import Limits
from domain.world import IMAGE, LONGER_THAN_ANY_LEASE, NOTHING, World, in_pieces
from faults import raising
from sample_images import animated_png, bomb_png, jpeg, multipage_tiff, truncated

pytestmark = pytest.mark.anyio

REJECTED: dict[type[AoiError], list[bytes]] = {
    errors.EmptyImage: [b""],
    errors.UnsupportedMediaType: [b"%PDF-1.7 " + bytes(100), b"\x89PNG", b"GIF89a" + bytes(100)],
    errors.CorruptImage: [truncated(IMAGE), truncated(jpeg())],
    errors.SeveralFrames: [animated_png(), multipage_tiff()],
    errors.TooManyPixels: [bomb_png()],
    errors.ImageTooLarge: [IMAGE + bytes(50_000)],
}


class PickyEngine(MemoryEngine):
    def accept(self, facts: ImageFacts) -> None:
        raise UnsupportedPixels(f"Not {facts.pixels.color}.")


async def assert_nothing_is_left(world: World) -> None:
    assert not await world.rows()
    assert await world.keys() == NOTHING
    assert world.memory_engine.inspections == 0
    assert not world.moments.held_across


@pytest.mark.parametrize(
    ("error", "content"), [(kind, content) for kind, contents in REJECTED.items() for content in contents]
)
async def test_a_rejected_image_leaves_no_row_and_no_file(error: type[AoiError], content: bytes) -> None:
    world = World(Limits(max_image_bytes=50_000))
    with pytest.raises(error):
        await world.upload(world.image(content))
    await assert_nothing_is_left(world)


async def test_what_the_engine_would_have_to_alter_is_rejected() -> None:
    world = World(other_engine=PickyEngine())
    with pytest.raises(UnsupportedPixels, match="Not rgb"):
        await world.upload(world.image())
    await assert_nothing_is_left(world)


async def test_labels_that_are_wrong_reject_an_image_that_is_stored_already() -> None:
    world = World()
    stored: list[frozenset[str]] = []

    async def wrong_labels() -> Labels:
        stored.append(await world.keys())
        return Labels(lot_id="")

    with pytest.raises(InvalidLabels):
        await world.upload(world.image(labels=wrong_labels))
    assert len(stored[0]) == 1
    await assert_nothing_is_left(world)


@pytest.mark.parametrize("error", [UploadInterrupted(), OSError("gone"), ValueError("a bug")])
async def test_a_body_that_breaks_off_leaves_nothing(error: Exception) -> None:
    world = World()

    async def body() -> AsyncIterator[bytes]:
        yield IMAGE[:200]
        raise error

    with pytest.raises(type(error)) as caught:
        await world.upload(world.image(stream=body()))
    assert caught.value is error
    await assert_nothing_is_left(world)


async def test_a_body_is_closed_whether_it_was_read_or_not() -> None:
    world = World(Limits(max_image_bytes=100))
    closed: list[int] = []

    async def body(content: bytes) -> AsyncIterator[bytes]:
        try:
            async for piece in in_pieces(content, 20):
                yield piece
        finally:
            closed.append(len(content))

    for content in (b"no image" * 100, IMAGE):
        image = world.image()
        object.__setattr__(image, "content", body(content))
        with pytest.raises(errors.ImageRejected):
            await world.upload(image)
    assert closed == [800, len(IMAGE)]


async def test_the_row_is_there_before_the_file() -> None:
    world = World()

    async def body() -> AsyncIterator[bytes]:
        yield IMAGE[:100]
        row = await world.row()
        assert row.state is State.RECEIVING
        assert row.lease_until is not None
        assert await world.keys() == NOTHING
        yield IMAGE[100:]

    assert (await world.upload(world.image(stream=body()))).state is State.INSPECTED


async def test_an_image_is_kept_as_it_came_with_all_that_is_known_of_it() -> None:
    world = World()
    inspection = await world.upload(world.image(jpeg(), filename=r"C:\line\Panel Ü.png"))
    assert inspection == await world.row()
    assert inspection.filename == "Panel Ü.png"
    assert inspection.file_key.endswith("/original.jpg")
    assert b"".join([chunk async for chunk in world.store.read(inspection.file_key)]) == jpeg()
    facts = inspection.facts
    assert facts is not None
    assert (facts.size_bytes, facts.sha256) == (len(jpeg()), hashlib.sha256(jpeg()).hexdigest())
    assert (facts.pixels.format, facts.pixels.width, facts.pixels.height) == (ImageFormat.JPEG, 48, 32)
    assert inspection.labels == Labels(lot_id="LOT-42")


async def test_no_unit_of_work_is_open_while_anything_else_is_done() -> None:
    world = World()
    await world.upload(world.image())
    await world.delete(await world.row())
    assert {name.partition(".")[0] for name in world.moments.names} >= {"body", "labels", "files", "reader", "engine"}
    assert world.moments.held_across == []


async def test_an_upload_that_was_taken_for_dead_deletes_the_file_that_it_writes_too_late() -> None:
    world = World()

    async def slow_body() -> AsyncIterator[bytes]:
        yield IMAGE[:100]
        await world.resume_later()
        yield IMAGE[100:]

    with pytest.raises(UploadInterrupted, match="Send it again"):
        await world.upload(world.image(stream=slow_body()))
    await assert_nothing_is_left(world)


async def test_an_upload_whose_cleaner_died_half_way_deletes_its_file_all_the_same() -> None:
    world = World()

    async def slow_body() -> AsyncIterator[bytes]:
        yield IMAGE[:100]
        world.clock.advance(LONGER_THAN_ANY_LEASE)
        await world.taken_over(await world.row())
        yield IMAGE[100:]

    with pytest.raises(UploadInterrupted):
        await world.upload(world.image(stream=slow_body()))
    assert await world.keys() == NOTHING
    await world.resume_later()
    await assert_nothing_is_left(world)


async def test_an_upload_whose_acknowledging_commit_took_effect_unnoticed_keeps_its_file() -> None:
    world = World()
    names = (await _moments())[: (await _moments()).index("engine.inspect")]
    second_commit = [moment for moment, name in enumerate(names) if name == "unit.committed"][1]
    world.moments.arm(second_commit, raising(errors.DatabaseUnavailable()))
    with pytest.raises(errors.DatabaseUnavailable):
        await world.upload(world.image())
    row = await world.row()
    assert (row.state, await world.keys()) == (State.RECEIVED, {row.file_key})
    world.moments.disarm()
    assert (await world.resume_later()).inspected == 1


async def _moments() -> list[str]:
    world = World()
    await world.upload(world.image())
    return world.moments.names


async def test_an_upload_that_cannot_clean_up_leaves_it_to_whoever_comes_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()

    async def body() -> AsyncIterator[bytes]:
        yield IMAGE[:100]
        world.moments.arm(1, raising(errors.DatabaseUnavailable()))
        raise UploadInterrupted

    with pytest.raises(UploadInterrupted):
        await world.upload(world.image(stream=body()))
    assert "cleaned up when its lease ends" in caplog.text
    assert (await world.row()).state is State.RECEIVING
    assert (await world.resume_later()).removed == 1
    await assert_nothing_is_left(world)


async def test_one_bad_image_costs_no_other() -> None:
    world = World()

    async def send(content: bytes) -> None:
        try:
            await world.upload(world.image(content))
        except errors.ImageRejected:
            rejected.append(content)

    rejected: list[bytes] = []
    async with anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(send, IMAGE if number % 2 else truncated(IMAGE))
    assert len(rejected) == 3
    assert [row.state for row in (await world.rows()).values()] == [State.INSPECTED] * 3
    assert len(await world.keys()) == 12
