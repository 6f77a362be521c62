"""Cancelled, killed or failed at any moment of any use case: afterwards, the world is whole.

The moments are counted in a run in which nothing happens; then the use case runs once for each of them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import anyio
import pytest

from aoi.domain import errors
from aoi.domain.errors import AoiError
from aoi.domain.inspection import Inspection, State
from aoi.testing.examples import NOW, an_inspection, some_facts, some_labels
from domain.world import IMAGE, NOTHING, World, expired
from faults import Killed, cancelling, raising

pytestmark = pytest.mark.anyio

Step = Callable[[World], Awaitable[object]]


@dataclass(frozen=True)
class UseCase:
    name: str
    act: Step
    arrange: Step


async def nothing(world: World) -> None:
    """The world is empty."""


async def upload(world: World) -> Inspection:
    return await world.upload(world.image())


async def upload_half_an_image(world: World) -> None:
    with pytest.raises(errors.CorruptImage):
        await world.upload(world.image(IMAGE[: len(IMAGE) // 2]))


async def fail_every_inspection(world: World) -> None:
    world.memory_engine.error = errors.EngineFailed()


async def a_failed_inspection(world: World) -> None:
    await fail_every_inspection(world)
    await upload(world)
    world.memory_engine.error = None


async def retry(world: World) -> None:
    await world.retry((await world.row()).id)


async def one_interrupted_in_every_state(world: World) -> None:
    interrupted = _received().claimed(NOW, NOW)
    poison = _received().claimed(NOW, NOW).claimed(NOW, NOW).claimed(NOW, NOW)
    receiving, deleting = an_inspection(State.RECEIVING), an_inspection(State.DELETING)
    for number, inspection in enumerate((interrupted, poison, receiving, deleting)):
        await world.record(expired(inspection, NOW + timedelta(microseconds=number - 4)))
    for inspection in (interrupted, poison, deleting):
        await world.store_pictures(inspection)


def _received() -> Inspection:
    return an_inspection(State.RECEIVING).received(some_facts(), some_labels(), NOW, NOW)


async def resume(world: World) -> None:
    await world.resume()


async def an_inspected_image(world: World) -> None:
    await upload(world)


async def delete(world: World) -> None:
    await world.delete(await world.row())


UPLOAD = UseCase("upload", upload, nothing)
USE_CASES = (
    UPLOAD,
    UseCase("upload to a failing engine", upload, fail_every_inspection),
    UseCase("upload half an image", upload_half_an_image, nothing),
    UseCase("retry", retry, a_failed_inspection),
    UseCase("resume", resume, one_interrupted_in_every_state),
    UseCase("delete", delete, an_inspected_image),
)
every_use_case = pytest.mark.parametrize("use_case", USE_CASES, ids=lambda use_case: use_case.name)


async def moments_of(use_case: UseCase) -> list[str]:
    world = World()
    await use_case.arrange(world)
    world.moments.disarm()
    await use_case.act(world)
    return world.moments.names


async def cancelled_at(moment: int, use_case: UseCase) -> World:
    world = World()
    await use_case.arrange(world)
    with anyio.CancelScope() as scope:
        world.moments.arm(moment, cancelling(scope))
        await use_case.act(world)
    world.moments.disarm()
    return world


async def killed_at(moment: int, use_case: UseCase) -> World:
    world = World()
    await use_case.arrange(world)
    world.moments.arm(moment, world.moments.die)
    try:
        await use_case.act(world)
    except* Killed:
        world.moments.disarm()
    return world


async def failed_at(moment: int, use_case: UseCase, error: AoiError) -> World:
    world = World()
    await use_case.arrange(world)
    world.moments.arm(moment, raising(error))
    try:
        await use_case.act(world)
    except AoiError as raised:
        assert error in {raised, raised.__cause__}  # noqa: PT017  # it need not raise
    world.moments.disarm()
    return world


def errors_at(name: str) -> tuple[AoiError, ...]:
    """What the port's contract lets it raise at this moment."""
    port, _, method = name.partition(".")
    if name in {"rows.replace", "rows.remove"}:
        return errors.DatabaseUnavailable(), errors.InspectionChanged()
    if port in {"rows", "unit"}:
        return (errors.DatabaseUnavailable(),)
    if port == "files":
        other = {"read": errors.StoredFileMissing(), "write": errors.StorageFull(), "written": errors.StorageFull()}
        return errors.StorageUnavailable(), *([other[method]] if method in other else [])
    if port == "engine":
        return tuple(kind() for kind in errors.InferenceFailed.__subclasses__())
    if port == "reader":
        return errors.CorruptImage(), errors.TooManyPixels(), errors.SeveralFrames()
    return {"body": (errors.UploadInterrupted(),), "labels": (errors.InvalidLabels(),)}[port]


async def each_failure_of(use_case: UseCase) -> AsyncIterator[tuple[str, World]]:
    for moment, name in enumerate(await moments_of(use_case)):
        for error in errors_at(name):
            yield name, await failed_at(moment, use_case, error)


@every_use_case
async def test_cancelled_at_any_moment_it_leaves_a_world_that_is_taken_up(use_case: UseCase) -> None:
    for moment, _ in enumerate(await moments_of(use_case)):
        world = await cancelled_at(moment, use_case)
        await world.resume_later()
        await world.assert_consistent()


@every_use_case
async def test_killed_at_any_moment_it_leaves_a_world_that_is_taken_up(use_case: UseCase) -> None:
    for moment, _ in enumerate(await moments_of(use_case)):
        world = await killed_at(moment, use_case)
        await world.resume_later()
        await world.assert_consistent()


@every_use_case
async def test_failed_at_any_moment_it_leaves_a_world_that_is_taken_up(use_case: UseCase) -> None:
    async for name, world in each_failure_of(use_case):
        await world.resume_later()
        await world.assert_consistent(older_pictures_may_be_left=name.startswith("files."))


@pytest.mark.parametrize("ended_at", [cancelled_at, killed_at])
async def test_an_upload_survives_from_the_commit_that_acknowledges_it(
    ended_at: Callable[[int, UseCase], Awaitable[World]],
) -> None:
    names = await moments_of(UPLOAD)
    acknowledged = nth(2, "unit.committed", names)
    for moment, _ in enumerate(names):
        world = await ended_at(moment, UPLOAD)
        await world.resume_later()
        states = [row.state for row in (await world.rows()).values()]
        assert states == ([State.INSPECTED] if moment >= acknowledged else [])


async def test_cancelled_before_it_is_acknowledged_an_upload_leaves_nothing_at_once() -> None:
    names = await moments_of(UPLOAD)
    for moment in range(nth(1, "unit.ended", names) + 1, nth(2, "unit.committed", names)):
        world = await cancelled_at(moment, UPLOAD)
        assert not await world.rows()
        assert await world.keys() == NOTHING


async def test_cancelled_while_it_is_inspected_an_image_is_given_back_at_once() -> None:
    names = await moments_of(UPLOAD)
    for moment in range(nth(3, "unit.ended", names) + 1, nth(4, "unit.committed", names)):
        world = await cancelled_at(moment, UPLOAD)
        row = await world.row()
        assert (row.state, row.lease_until, row.interruptions) == (State.RECEIVED, NOW, 0)
        assert await world.keys() == {row.file_key}


async def test_a_failure_before_it_is_acknowledged_leaves_nothing_of_an_upload() -> None:
    acknowledged = nth(2, "unit.committed", await moments_of(UPLOAD))
    seen = 0
    for moment, name in enumerate((await moments_of(UPLOAD))[:acknowledged]):
        for error in errors_at(name):
            world = await failed_at(moment, UPLOAD, error)
            await world.resume_later()
            assert not await world.rows()
            assert await world.keys() == NOTHING
            seen += 1
    assert seen >= acknowledged


async def test_an_error_after_it_is_acknowledged_names_the_upload() -> None:
    names = await moments_of(UPLOAD)
    for moment in range(nth(2, "unit.ended", names) + 1, len(names)):
        error = errors.DatabaseUnavailable()
        if names[moment].startswith(("unit", "rows")):
            world = await failed_at(moment, UPLOAD, error)
            assert error.inspection_id == (await world.row()).id


def nth(number: int, name: str, names: list[str]) -> int:
    """When that moment came for the `number`th time."""
    found = (moment for moment, one in enumerate(names) if one == name)
    return next(moment for moment, turn in zip(found, count(1), strict=False) if turn == number)
