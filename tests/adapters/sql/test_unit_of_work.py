from collections.abc import AsyncGenerator
from itertools import cycle

import anyio
import pytest

from aoi.adapters.sql.database import SqlDatabase
from aoi.domain.inspection import State
from aoi.domain.ports import UnitOfWork, UnitOfWorkFactory
from aoi.testing.examples import NOW, an_inspection, some_findings
from aoi.testing.unit_of_work import UnitOfWorkContract

pytestmark = pytest.mark.anyio


class TestSqlite(UnitOfWorkContract):
    @pytest.fixture
    def unit_of_work(self, database: SqlDatabase) -> UnitOfWorkFactory:
        return database.unit_of_work


class TestSqliteSharedByTwo(UnitOfWorkContract):
    """One file, opened twice as two processes do: nothing but SQLite stands between their writers."""

    @pytest.fixture
    async def other(self, url: str) -> AsyncGenerator[SqlDatabase]:
        other = SqlDatabase(url)
        yield other
        await other.close()

    @pytest.fixture
    def unit_of_work(self, database: SqlDatabase, other: SqlDatabase) -> UnitOfWorkFactory:
        databases = cycle((database, other))

        def unit_of_work(*, read_only: bool = False) -> UnitOfWork:
            return next(databases).unit_of_work(read_only=read_only)

        return unit_of_work


@pytest.mark.slow
async def test_a_hundred_thousand_regions_are_kept_while_others_work(database: SqlDatabase) -> None:
    inspecting = an_inspection(State.INSPECTING)
    inspected = inspecting.inspected(some_findings(inspecting, regions=100_000), NOW)
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await anyio.sleep(0.001)
            turns += 1

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(count_turns)
            async with database.unit_of_work() as unit:
                await unit.inspections.add(inspected)
                await unit.commit()
            async with database.unit_of_work(read_only=True) as unit:
                assert await unit.inspections.get(inspected.id) == inspected
            tasks.cancel_scope.cancel()
    assert turns > 100
