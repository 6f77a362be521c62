"""Asking for one inspection, and taking one out of the world."""

import pytest

from aoi.domain.errors import InspectionChanged, InspectionNotFound
from aoi.domain.inspection import State
from aoi.domain.read_inspection import ReadInspection
from aoi.testing.examples import an_inspection
from domain.world import NOTHING, World

pytestmark = pytest.mark.anyio

UNSEEN = {State.RECEIVING, State.DELETING}


@pytest.mark.parametrize("state", sorted(set(State) - UNSEEN))
async def test_what_was_acknowledged_is_found_by_its_id(state: State) -> None:
    world = World()
    inspection = await world.record(an_inspection(state))
    assert await ReadInspection(world.units)(inspection.id) == inspection


@pytest.mark.parametrize("state", sorted(UNSEEN))
async def test_what_is_not_acknowledged_yet_or_on_its_way_out_is_not_found(state: State) -> None:
    world = World()
    inspection = await world.record(an_inspection(state))
    with pytest.raises(InspectionNotFound):
        await ReadInspection(world.units)(inspection.id)


async def test_what_never_was_is_not_found() -> None:
    with pytest.raises(InspectionNotFound):
        await ReadInspection(World().units)("20261122_093015_0")


@pytest.mark.parametrize("state", [State.INSPECTED, State.FAILED])
async def test_a_deleted_inspection_leaves_nothing_of_any_attempt(state: State) -> None:
    world = World()
    inspection = await world.record(an_inspection(state))
    await world.store_pictures(inspection)
    await world.store_pictures(an_inspection(State.RECEIVED).claimed(world.clock(), world.clock()))
    others = {key for key in await world.keys() if inspection.id not in key}
    await world.delete(inspection)
    assert not await world.rows()
    assert await world.keys() == others != NOTHING


@pytest.mark.parametrize("state", [State.RECEIVED, State.INSPECTING])
async def test_an_inspection_that_somebody_works_in_is_not_deleted(state: State) -> None:
    world = World()
    inspection = await world.record(an_inspection(state))
    with pytest.raises(InspectionChanged):
        await world.delete(inspection)
    assert await world.row() == inspection
    assert await world.keys() == {inspection.file_key}
