"""Work that carries a lease: kept alive while it runs, stopped when somebody else took it over."""

from datetime import timedelta

import anyio
import anyio.lowlevel
import pytest

from aoi.domain.errors import DatabaseUnavailable, EngineFailed, InspectionChanged
from aoi.domain.inspection import Inspection, State
from aoi.domain.leases import Leases, utc_now
from aoi.domain.limits import Limits
from aoi.testing.examples import NOW, an_inspection
from domain.world import World
from faults import raising

pytestmark = pytest.mark.anyio

LEASE_SECONDS = 0.06
SEVERAL_RENEWALS = 3 * LEASE_SECONDS


async def a_world_with(state: State) -> tuple[World, Inspection]:
    world = World(Limits(lease_seconds=LEASE_SECONDS))
    return world, await world.record(an_inspection(state))


async def test_a_lease_is_renewed_as_long_as_the_work_runs() -> None:
    world, inspection = await a_world_with(State.INSPECTING)

    async def work() -> str:
        world.clock.advance(1000)
        await anyio.sleep(SEVERAL_RENEWALS)
        return "done"

    assert await world.leases.hold(inspection, work) == "done"
    row = await world.row()
    assert row.lease_until == NOW + timedelta(seconds=1000 + LEASE_SECONDS)
    assert (row.state, row.attempt) == (inspection.state, inspection.attempt)


async def test_a_lease_is_renewed_before_it_ends() -> None:
    world, inspection = await a_world_with(State.INSPECTING)
    with anyio.fail_after(5):
        await world.leases.hold(inspection, lambda: anyio.sleep(LEASE_SECONDS * 0.9))
    assert world.moments.names.count("rows.renew") >= 1


async def test_a_lease_is_renewed_no_more_when_the_work_is_done() -> None:
    world, inspection = await a_world_with(State.INSPECTING)
    await world.leases.hold(inspection, anyio.lowlevel.checkpoint)
    world.moments.disarm()
    await anyio.sleep(SEVERAL_RENEWALS)
    assert world.moments.names == []


async def test_work_is_cancelled_when_somebody_took_it_over() -> None:
    world, inspection = await a_world_with(State.INSPECTING)
    ended: list[str] = []

    async def work() -> None:
        await world.taken_over(inspection)
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("work")

    with anyio.fail_after(5), pytest.raises(InspectionChanged):
        await world.leases.hold(inspection, work)
    assert ended == ["work"]


async def test_a_database_that_is_away_for_a_while_stops_no_work(caplog: pytest.LogCaptureFixture) -> None:
    world, inspection = await a_world_with(State.INSPECTING)
    world.moments.arm(0, raising(DatabaseUnavailable()))
    world.clock.advance(7)
    await world.leases.hold(inspection, lambda: anyio.sleep(SEVERAL_RENEWALS))
    assert "not renewed, and is tried again" in caplog.text
    assert (await world.row()).lease_until == NOW + timedelta(seconds=7 + LEASE_SECONDS)


@pytest.mark.parametrize("error", [EngineFailed(), ValueError("a bug")])
async def test_what_the_work_raises_is_raised_as_it_is(error: Exception) -> None:
    world, inspection = await a_world_with(State.INSPECTING)

    async def work() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        await world.leases.hold(inspection, work)
    assert caught.value is error


async def test_a_change_is_recorded_only_in_place_of_what_it_was_made_from() -> None:
    world, inspection = await a_world_with(State.INSPECTING)
    taken = await world.taken_over(inspection)
    with pytest.raises(InspectionChanged):
        await world.leases.replace(inspection, inspection.given_back(NOW))
    assert await world.row() == taken


def test_without_another_clock_the_time_is_that_of_this_machine() -> None:
    leases = Leases(World().units)
    assert timedelta(seconds=25) < leases.end() - utc_now() < timedelta(seconds=35)
