import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import pytest
from sqlalchemy import make_url

from aoi.adapters.sql.database import SqlDatabase
from aoi.adapters.sql.sqlite import writing_connections
from aoi.domain.errors import DatabaseUnavailable
from aoi.domain.inspection import State
from aoi.domain.ports import Checkable
from aoi.testing.examples import an_inspection

from .opening import opened

pytestmark = pytest.mark.anyio


async def test_a_database_with_its_schema_is_well(database: SqlDatabase) -> None:
    assert isinstance(database, Checkable)
    await database.check()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "aoi.db",
        "sqlite:///aoi.db",
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:///:memory:",
        "sqlite+aiosqlite:///aoi.db?mode=ro",
        "postgresql+asyncpg://user:secret@host/db",
        "mysql://user:secret@host:port/db",
    ],
)
def test_an_unusable_url_is_told_and_not_repeated(url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="Set AOI_DATABASE_URL to one like sqlite") as caught:
        SqlDatabase(url)
    assert "secret" not in caught.value.detail


def is_a_folder(path: Path) -> None:
    path.mkdir(parents=True)


def is_something_else(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)


def lies_in_a_file(path: Path) -> None:
    path.parent.touch()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (is_a_folder, "cannot be opened"),
        (is_something_else, "not a SQLite database"),
        (lies_in_a_file, "cannot be opened|cannot be reached"),
    ],
)
async def test_what_is_wrong_with_the_file_is_told(
    url: str, path: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    damage(path)
    async with opened(url) as database:
        for question in (database.check, database.upgrade, lambda: recorded(database)):
            with pytest.raises(DatabaseUnavailable, match=sentence) as caught:
                await question()
            assert str(path.parent) not in caught.value.detail
            assert caught.value.__cause__ is not None


async def test_a_missing_table_is_no_leak_of_sql(url: str, path: Path) -> None:
    path.parent.mkdir()
    async with opened(url) as database, database.unit_of_work() as unit:
        with pytest.raises(DatabaseUnavailable) as caught:
            await unit.inspections.add(an_inspection())
    assert "INSERT" not in str(caught.value)
    assert "no such table" in str(caught.value.__cause__)


async def test_a_unit_that_reads_cannot_write(database: SqlDatabase) -> None:
    async with database.unit_of_work(read_only=True) as unit:
        with pytest.raises(DatabaseUnavailable, match="cannot be written"):
            await unit.inspections.add(an_inspection())


async def test_an_id_is_recorded_once(database: SqlDatabase) -> None:
    inspection = an_inspection()
    async with database.unit_of_work() as unit:
        await unit.inspections.add(inspection)
        with pytest.raises(DatabaseUnavailable):
            await unit.inspections.add(inspection)


async def test_another_process_is_waited_for(database: SqlDatabase, path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        with locked(path, "IMMEDIATE"):
            tasks.start_soon(recorded, database)
            await anyio.sleep(0.2)
            assert count(path) == 0
    assert count(path) == 1


async def test_waiting_for_another_process_ends(database: SqlDatabase, url: str, path: Path) -> None:
    async with opened(url, busy_timeout=0.1) as impatient:
        with locked(path, "IMMEDIATE"):
            with pytest.raises(DatabaseUnavailable, match="busy"):
                await recorded(impatient)
            await impatient.check()
        await recorded(impatient)


async def test_waiting_for_a_turn_ends(database: SqlDatabase, url: str) -> None:
    async with opened(url, busy_timeout=1.0) as impatient:
        async with impatient.unit_of_work():
            with anyio.fail_after(20), pytest.raises(DatabaseUnavailable, match="busy"):
                await recorded(impatient)
        await recorded(impatient)


async def test_writers_come_in_the_order_in_which_they_asked(database: SqlDatabase) -> None:
    order: list[int] = []

    async def write(number: int) -> None:
        async with database.unit_of_work():
            order.append(number)
            await anyio.sleep(0.002)

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(write, number)
    assert order == list(range(20))


async def test_an_upgrade_waits_for_whoever_holds_the_file(url: str, path: Path) -> None:
    path.parent.mkdir()
    async with opened(url) as database, anyio.create_task_group() as tasks:
        with locked(path, "EXCLUSIVE"):
            tasks.start_soon(database.upgrade)
            await anyio.sleep(0.3)
    async with opened(url) as database:
        await database.check()


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
async def test_an_upgrade_does_not_wait_for_ever(url: str, path: Path, mode: str) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    async with opened(url, busy_timeout=0.1) as database:
        with locked(path, "EXCLUSIVE"), pytest.raises(DatabaseUnavailable, match="busy"):
            await database.upgrade()


async def test_commits_are_as_durable_as_sqlite_can_make_them(database: SqlDatabase, url: str) -> None:
    connections = writing_connections(make_url(url), 30.0)
    async with connections.transaction() as connection:
        answers = [
            (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar()
            for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    await connections.close()
    assert answers == ["wal", 2, 1, 250]


@contextmanager
def locked(path: Path, mode: str) -> Generator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"BEGIN {mode}")
        yield
        connection.execute("ROLLBACK")


async def recorded(database: SqlDatabase) -> None:
    async with database.unit_of_work() as unit:
        await unit.inspections.add(an_inspection(State.RECEIVED))
        await unit.commit()


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM inspections").fetchone()[0]
