"""A unit of work that is called off or fails, wherever that happens, leaves nothing and harms no other."""

import asyncio
import sqlite3
import sys
import threading
import time
from contextlib import AsyncExitStack, closing
from pathlib import Path

import anyio
import pytest

from aoi.adapters.sql.database import SqlDatabase
from aoi.adapters.sql.sqlite import READERS
from aoi.domain.errors import DatabaseUnavailable, InspectionNotFound
from aoi.domain.inspection import Inspection, State
from aoi.testing.examples import NOW, an_inspection, some_findings

from .opening import opened

pytestmark = pytest.mark.anyio

UNCOMMITTABLE = """
CREATE TABLE promises (image TEXT REFERENCES images (img_unique_id) DEFERRABLE INITIALLY DEFERRED);
CREATE TRIGGER promise AFTER INSERT ON inspections WHEN NEW.filename = 'uncommittable.png'
BEGIN INSERT INTO promises VALUES ('nowhere'); END;
"""

DOOMED = """
import sys

import anyio

from aoi.adapters.sql.database import SqlDatabase
from aoi.testing.examples import NOW, some_findings


async def doomed() -> None:
    database = SqlDatabase(sys.argv[1])
    async with database.unit_of_work() as unit:
        inspecting = await unit.inspections.get(sys.argv[2])
        # More than the page cache holds, so that part of it is in the file already.
        findings = some_findings(inspecting, regions=20_000)
        await unit.inspections.replace(inspecting, inspecting.inspected(findings, NOW))
        print("flushed", flush=True)
        await anyio.sleep_forever()


anyio.run(doomed)
"""


async def test_a_unit_cancelled_at_any_moment_leaves_nothing_half_done(database: SqlDatabase, url: str) -> None:
    inspecting = an_inspection(State.INSPECTING)
    await added(database, inspecting)
    inspected = inspecting.inspected(some_findings(inspecting, regions=2000), NOW)
    started = time.perf_counter()
    await replaced(database, inspecting, inspected)
    duration = time.perf_counter() - started
    await replaced(database, inspected, inspecting)
    steps = 25
    async with opened(url) as other:
        for step in range(steps):
            with anyio.move_on_after(duration * step / steps):
                await replaced(database, inspecting, inspected)
            found = await read(other, inspecting.id)
            assert found in (inspecting, inspected)
            await replaced(other, found, inspecting)
    await assert_every_connection_is_free(database)


async def test_a_unit_cancelled_by_asyncio_itself_leaves_nothing_half_done(database: SqlDatabase, url: str) -> None:
    inspecting = an_inspection(State.INSPECTING)
    await added(database, inspecting)
    inspected = inspecting.inspected(some_findings(inspecting, regions=2000), NOW)
    async with opened(url) as other:
        for step in range(25):
            task = asyncio.create_task(replaced(database, inspecting, inspected))
            await asyncio.wait([task], timeout=0.004 * step)
            task.cancel()
            await asyncio.wait([task])
            found = await read(other, inspecting.id)
            assert found in (inspecting, inspected)
            await replaced(other, found, inspecting)
    await assert_every_connection_is_free(database)


async def test_readers_cancelled_at_any_moment_keep_no_connection(database: SqlDatabase) -> None:
    inspection = an_inspection(State.INSPECTING)
    inspection = inspection.inspected(some_findings(inspection, regions=2000), NOW)
    await added(database, inspection)
    for step in range(15):
        async with anyio.create_task_group() as tasks:
            for _ in range(READERS + 4):
                tasks.start_soon(read, database, inspection.id)
            await anyio.sleep(0.006 * step)
            tasks.cancel_scope.cancel()
    await assert_every_connection_is_free(database)
    assert await read(database, inspection.id) == inspection


async def test_a_writer_cancelled_while_it_waits_is_gone(database: SqlDatabase, path: Path) -> None:
    inspection = an_inspection()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with anyio.fail_after(5), anyio.move_on_after(0.2) as scope:
            await added(database, inspection)
        assert scope.cancelled_caught
        connection.execute("ROLLBACK")
    with pytest.raises(InspectionNotFound):
        await read(database, inspection.id)
    await added(database, inspection)
    assert await read(database, inspection.id) == inspection


async def test_a_commit_is_finished_though_its_caller_is_cancelled(database: SqlDatabase) -> None:
    inspection = an_inspection()
    with anyio.CancelScope() as scope:
        async with database.unit_of_work() as unit:
            await unit.inspections.add(inspection)
            scope.cancel()
            await unit.commit()
    assert await read(database, inspection.id) == inspection


async def test_a_commit_that_fails_is_told_and_leaves_nothing(database: SqlDatabase, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(UNCOMMITTABLE)
    inspection = an_inspection(filename="uncommittable.png")
    async with database.unit_of_work() as unit:
        await unit.inspections.add(inspection)
        with pytest.raises(DatabaseUnavailable):
            await unit.commit()
    with pytest.raises(InspectionNotFound):
        await read(database, inspection.id)
    await added(database, an_inspection())
    await assert_every_connection_is_free(database)


async def test_a_process_killed_before_its_commit_leaves_nothing(database: SqlDatabase, url: str, path: Path) -> None:
    inspecting = an_inspection(State.INSPECTING)
    await added(database, inspecting)
    command = [sys.executable, "-c", DOOMED, url, inspecting.id]
    async with await anyio.open_process(command, stdin=None, stderr=None) as process:
        assert process.stdout is not None
        with anyio.fail_after(60):
            assert (await process.stdout.receive()).strip() == b"flushed"
            process.kill()
            await process.wait()
    assert await read(database, inspecting.id) == inspecting
    with closing(sqlite3.connect(path)) as connection:
        for table in ("images", "classes", "regions"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    await replaced(database, inspecting, inspecting.inspected(some_findings(inspecting), NOW))


async def test_closing_ends_every_thread(url: str) -> None:
    async with opened(url) as database:
        await database.upgrade()
        await assert_every_connection_is_free(database)
        threads = [thread for thread in threading.enumerate() if "_connection_worker_thread" in thread.name]
        assert len(threads) >= READERS + 1
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)


async def assert_every_connection_is_free(database: SqlDatabase) -> None:
    with anyio.fail_after(10):
        async with AsyncExitStack() as stack:
            for _ in range(READERS):
                await stack.enter_async_context(database.unit_of_work(read_only=True))
            await stack.enter_async_context(database.unit_of_work())


async def added(database: SqlDatabase, inspection: Inspection) -> None:
    async with database.unit_of_work() as unit:
        await unit.inspections.add(inspection)
        await unit.commit()


async def replaced(database: SqlDatabase, old: Inspection, new: Inspection) -> None:
    async with database.unit_of_work() as unit:
        await unit.inspections.replace(old, new)
        await unit.commit()


async def read(database: SqlDatabase, inspection_id: str) -> Inspection:
    async with database.unit_of_work(read_only=True) as unit:
        return await unit.inspections.get(inspection_id)
