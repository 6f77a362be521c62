"""What a crash left behind is taken up: only what nobody works in, and each by one alone."""

from collections.abc import Collection
from datetime import timedelta

import anyio
import pytest

from aoi.adapters.memory_engine import MemoryEngine
from aoi.adapters.memory_file_store import MemoryFileStore
from aoi.domain import errors
from aoi.domain.defects import Detection
from aoi.domain.image import StoredImage
from aoi.domain.inspection import State
from aoi.domain.resume_interrupted import Resumed
from aoi.testing.examples import LEASE, NOW, an_inspection
from domain.world import VOIDS, World, expired
from faults import Killed, raising

pytestmark = pytest.mark.anyio

LEASED = [State.RECEIVING, State.RECEIVED, State.INSPECTING, State.DELETING]


class DeadlyEngine(MemoryEngine):
    """Takes the process with it."""

    def __init__(self, world: World) -> None:
        super().__init__([VOIDS])
        self._world = world

    async def inspect(self, image: StoredImage) -> Detection:
        detection = await super().inspect(image)
        await self._world.moments.die()
        return detection


async def test_where_nothing_was_interrupted_there_is_nothing_to_do() -> None:
    assert await World().resume() == Resumed()


@pytest.mark.parametrize("state", LEASED)
async def test_a_lease_that_still_runs_is_left_alone(state: State) -> None:
    world = World()
    inspection = await world.record(an_inspection(state))
    world.clock.now = NOW + LEASE - timedelta(microseconds=1)
    assert await world.resume() == Resumed()
    assert await world.row() == inspection


@pytest.mark.parametrize(
    ("state", "resumed"),
    [
        (State.RECEIVING, Resumed(removed=1)),
        (State.RECEIVED, Resumed(inspected=1)),
        (State.INSPECTING, Resumed(inspected=1)),
        (State.DELETING, Resumed(removed=1)),
    ],
)
async def test_a_lease_is_over_at_its_very_end(state: State, resumed: Resumed) -> None:
    world = World()
    await world.record(an_inspection(state))
    world.clock.now = NOW + LEASE
    assert await world.resume() == resumed
    await world.assert_consistent()


async def test_what_is_done_is_left_alone() -> None:
    world = World()
    done = [await world.record(an_inspection(state)) for state in (State.INSPECTED, State.FAILED)]
    assert await world.resume_later() == Resumed()
    assert list((await world.rows()).values()) == done


async def test_a_row_without_a_file_is_removed_too() -> None:
    world = World()
    inspection = await world.record(expired(an_inspection(State.RECEIVING)))
    await world.store.delete([inspection.file_key])
    assert await world.resume() == Resumed(removed=1)


async def test_two_who_resume_at_once_inspect_once() -> None:
    world = World()
    for _ in range(3):
        await world.record(expired(an_inspection(State.INSPECTING)))
    both: list[Resumed] = []

    async def resume() -> None:
        both.append(await world.resume())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(resume)
        tasks.start_soon(resume)
    assert sum(resumed.inspected for resumed in both) == world.memory_engine.inspections == 3
    await world.assert_consistent()


async def test_what_fails_again_is_failed_with_its_reason() -> None:
    world = World()
    world.memory_engine.error = errors.EngineUnavailable("No GPU.")
    await world.record(expired(an_inspection(State.RECEIVED)))
    assert await world.resume() == Resumed(failed=1)
    row = await world.row()
    assert row.failure is not None
    assert row.failure.detail == "No GPU."


async def test_an_image_that_killed_three_processes_is_set_on_no_engine_again_until_it_is_retried() -> None:
    world = World()
    world.other_engine = deadly = DeadlyEngine(world)
    await world.record(expired(an_inspection(State.RECEIVED)))
    for _ in range(3):
        try:
            await world.resume_later()
        except* Killed:
            world.moments.disarm()
    assert deadly.inspections == 3
    assert await world.resume_later() == Resumed(failed=1)
    assert deadly.inspections == 3
    row = await world.row()
    assert (row.state, row.interruptions) == (State.FAILED, 3)
    assert row.failure is not None
    assert row.failure.code == "repeatedly-interrupted"
    world.other_engine = None
    retried = await world.retry(row.id)
    assert (retried.state, retried.interruptions) == (State.INSPECTED, 0)
    await world.assert_consistent()


async def test_pictures_of_a_poisonous_image_are_gone_before_it_is_failed() -> None:
    world = World()
    poison = an_inspection(State.INSPECTING).claimed(NOW, NOW)
    await world.record(poison)
    await world.store_pictures(poison)
    assert await world.resume() == Resumed(failed=1)
    await world.assert_consistent()


async def test_one_that_cannot_be_finished_stops_no_other_and_is_tried_again() -> None:
    world = World()
    await world.record(expired(an_inspection(State.DELETING), NOW - timedelta(seconds=2)))
    await world.record(expired(an_inspection(State.RECEIVED), NOW - timedelta(seconds=1)))
    steps_before_it_lists = ["begin", "next_expired", "replace", "commit", "committed", "ended"]
    world.moments.arm(len(steps_before_it_lists), raising(errors.StorageUnavailable()))
    assert await world.resume() == Resumed(inspected=1, postponed=1)
    world.moments.disarm()
    assert await world.resume_later() == Resumed(removed=1)
    await world.assert_consistent()


async def test_what_was_given_back_is_taken_up_at_once_and_is_no_poison() -> None:
    world = World()
    world.memory_engine.delay = 60
    for _ in range(4):
        with anyio.move_on_after(0.05):
            await (world.resume() if await world.rows() else world.upload(world.image()))
    row = await world.row()
    assert (row.state, row.attempt, row.interruptions) == (State.RECEIVED, 4, 0)
    world.memory_engine.delay = 0
    assert await world.resume() == Resumed(inspected=1)
    await world.assert_consistent()


async def test_without_a_database_nothing_is_resumed_and_it_says_so() -> None:
    world = World()
    await world.record(expired(an_inspection(State.RECEIVING)))
    world.moments.arm(0, raising(errors.DatabaseUnavailable()))
    with pytest.raises(errors.DatabaseUnavailable):
        await world.resume()
    assert len(await world.keys()) == 1


class StoreWithABug(MemoryFileStore):
    """Fails in a way that no store should, at whatever belongs to `key`."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    async def delete(self, keys: Collection[str]) -> None:
        if self._key in keys:
            raise ValueError("no domain error")
        await super().delete(keys)


async def test_a_record_that_breaks_an_adapter_does_not_keep_the_others_waiting() -> None:
    broken = expired(an_inspection(State.RECEIVING))
    world = World(store=StoreWithABug(broken.file_key))
    await world.record(broken)
    await world.record(expired(an_inspection(State.RECEIVED)))
    assert await world.resume_later() == Resumed(inspected=1, postponed=1)
