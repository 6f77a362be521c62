import logging
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from aoi.adapters.sql.database import SqlDatabase
from aoi.domain.defects import EngineInfo, PictureKind, StoredPicture
from aoi.domain.errors import DatabaseUnavailable
from aoi.domain.inspection import State
from aoi.testing.examples import LEASE, NOW, an_inspection

from .opening import opened
from .test_schema import INDEXES, differences

pytestmark = pytest.mark.anyio

REPORT_TABLES = """
CREATE TABLE images (
    img_unique_id VARCHAR(255) NOT NULL PRIMARY KEY, image_height INTEGER NOT NULL, image_width INTEGER NOT NULL,
    processing_time_seconds FLOAT NOT NULL, timestamp DATETIME NOT NULL, input_image_path VARCHAR(500) NOT NULL,
    result_image_1_path VARCHAR(500), result_image_2_path VARCHAR(500), result_image_3_path VARCHAR(500),
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE classes (
    class_unique_id VARCHAR(255) NOT NULL PRIMARY KEY,
    img_unique_id VARCHAR(255) NOT NULL,
    class_id INTEGER NOT NULL, class_name VARCHAR(100) NOT NULL, total_regions INTEGER NOT NULL,
    total_area_pixels INTEGER NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY(img_unique_id) REFERENCES images (img_unique_id) ON DELETE CASCADE
);
CREATE TABLE regions (
    region_unique_id VARCHAR(255) NOT NULL PRIMARY KEY,
    class_unique_id VARCHAR(255) NOT NULL,
    img_unique_id VARCHAR(255) NOT NULL,
    region_id INTEGER NOT NULL, centroid_x FLOAT NOT NULL, centroid_y FLOAT NOT NULL, bbox_x INTEGER NOT NULL,
    bbox_y INTEGER NOT NULL, bbox_width INTEGER NOT NULL, bbox_height INTEGER NOT NULL, area_pixels INTEGER NOT NULL,
    perimeter FLOAT NOT NULL, major_axis FLOAT NOT NULL, minor_axis FLOAT NOT NULL, circularity FLOAT NOT NULL,
    aspect_ratio FLOAT NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY(class_unique_id) REFERENCES classes (class_unique_id) ON DELETE CASCADE,
    FOREIGN KEY(img_unique_id) REFERENCES images (img_unique_id) ON DELETE CASCADE
);
CREATE INDEX ix_images_timestamp ON images (timestamp);
CREATE INDEX by_class ON classes (class_id);
INSERT INTO images VALUES
    ('20240131_080910_ab', 480, 640, 0.5, '2024-01-31 08:09:10.000123', 'uploads/2024/board 1.jpg',
     'c.png', 'm.png', NULL, '2024-01-31 08:09:11'),
    ('20240131_080911_cd', 48, 64, 0.25, '2024-01-31 08:09:11', 'C:\\uploads\\board 2.bmp', NULL, NULL, NULL, NULL),
    ('20240131_080912_ef', 48, 64, 0.25, '2024-01-31 08:09:12', 'uploads/', NULL, NULL, NULL, NULL);
INSERT INTO classes VALUES
    ('k1', '20240131_080910_ab', 1, 'void', 2, 30, '2024-01-31 08:09:11'),
    ('k0', '20240131_080910_ab', 0, 'scratch', 0, 0, '2024-01-31 08:09:11');
INSERT INTO regions VALUES
    ('r2', 'k1', '20240131_080910_ab', 2, 3.5, 4.5, 3, 4, 2, 2, 10, 6.0, 2.0, 1.0, 0.9, 2.0, '2024-01-31 08:09:11'),
    ('r1', 'k1', '20240131_080910_ab', 1, 1.5, 2.5, 1, 2, 5, 4, 20, 9.0, 5.0, 4.0, 0.8, 1.25, '2024-01-31 08:09:11');
"""

STARTING = """
import sys

import anyio

from aoi.adapters.sql.database import SqlDatabase


async def start() -> None:
    database = SqlDatabase(sys.argv[1])
    await database.upgrade()
    await database.check()
    await database.close()


anyio.run(start)
"""


@pytest.fixture
def filled(path: Path) -> Path:
    """The database of a factory that has just the three tables."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(REPORT_TABLES)
    return path


async def test_an_adopted_database_loses_nothing(filled: Path, url: str) -> None:
    before = contents(filled, *INDEXES)
    async with opened(url) as database:
        await database.upgrade()
        await database.check()
    assert contents(filled, *INDEXES) == before
    # An index that is there already may be called as it likes.
    assert {getattr(index, "name", "") for _, index in differences(filled)} == {"by_class", "ix_classes_class_id"}


async def test_each_adopted_image_is_an_inspection(filled: Path, url: str) -> None:
    async with opened(url) as database:
        await database.upgrade()
        async with database.unit_of_work(read_only=True) as unit:
            whole = await unit.inspections.get("20240131_080910_ab")
            windows = await unit.inspections.get("20240131_080911_cd")
            nameless = await unit.inspections.get("20240131_080912_ef")
    assert whole.findings is not None
    assert (whole.state, whole.facts, whole.lease_until, whole.attempt) == (State.INSPECTED, None, None, 0)
    assert (whole.filename, whole.file_key) == ("board 1.jpg", "uploads/2024/board 1.jpg")
    assert whole.created_at == whole.changed_at == datetime(2024, 1, 31, 8, 9, 10, 123, tzinfo=UTC)
    assert whole.findings.engine == EngineInfo("adopted")
    assert whole.findings.pictures == {
        PictureKind.COMBINED: StoredPicture("c.png", None, None),
        PictureKind.MASK: StoredPicture("m.png", None, None),
    }
    scratch, void = whole.findings.analysis.classes
    assert (scratch.name, scratch.regions) == ("scratch", ())
    assert [(region.region_id, region.area_pixels) for region in void.regions] == [(1, 20), (2, 10)]
    assert windows.filename == "board 2.bmp"
    assert nameless.filename == nameless.id


async def test_an_adopted_inspection_can_be_deleted(filled: Path, url: str) -> None:
    async with opened(url) as database:
        await database.upgrade()
        async with database.unit_of_work() as unit:
            adopted = await unit.inspections.get("20240131_080910_ab")
            await unit.inspections.replace(adopted, adopted.deleting(NOW, NOW + LEASE))
            await unit.commit()
    assert [len(rows) for rows in contents(filled, "images", "classes", "regions")] == [2, 0, 0]


async def test_a_database_is_backed_up_before_it_changes(
    filled: Path, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = contents(filled, *INDEXES)
    caplog.set_level(logging.INFO, "aoi")
    async with opened(url) as database:
        await database.upgrade()
        await database.upgrade()
        await database.downgrade("0001")
    adopted, later = sorted(filled.parent.glob("aoi.db.*.backup"), key=lambda path: path.stat().st_mtime_ns)
    assert adopted.name.startswith("aoi.db.adopted.2")
    assert later.name.startswith("aoi.db.0002.2")
    assert contents(adopted, *INDEXES) == before
    assert adopted.name in caplog.text


async def test_a_fresh_database_needs_no_backup(database: SqlDatabase, path: Path) -> None:
    assert list(path.parent.glob("*.backup")) == []


async def test_the_schema_goes_down_and_up_again(database: SqlDatabase, path: Path) -> None:
    async with database.unit_of_work() as unit:
        await unit.inspections.add(an_inspection())
        await unit.commit()
    before = contents(path, *INDEXES)
    await database.downgrade("0001")
    assert await database.revision() == "0001"
    with pytest.raises(DatabaseUnavailable, match="has the schema 0001, and this aoi needs 0002"):
        await database.check()
    await database.upgrade()
    await database.check()
    assert contents(path, *INDEXES) == before
    await database.downgrade("base")
    assert await database.revision() is None
    await database.upgrade()
    assert differences(path) == []


async def test_a_database_without_a_schema_is_not_well(url: str, path: Path) -> None:
    path.parent.mkdir()
    async with opened(url) as database:
        with pytest.raises(DatabaseUnavailable, match="has no schema"):
            await database.check()


async def test_a_newer_schema_is_refused_and_left_alone(database: SqlDatabase, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = contents(path, "alembic_version", *INDEXES)
    for question in (database.check, database.upgrade):
        with pytest.raises(DatabaseUnavailable, match="has the schema 9999, which this aoi does not know"):
            await question()
    with pytest.raises(DatabaseUnavailable, match="does not know"):
        await database.downgrade("base")
    assert contents(path, "alembic_version", *INDEXES) == before
    assert list(path.parent.glob("*.backup")) == []


async def test_a_failing_migration_changes_nothing(filled: Path, url: str) -> None:
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("CREATE TABLE inspections (something INTEGER)")
    before = schema(filled)
    async with opened(url) as database:
        with pytest.raises(DatabaseUnavailable):
            await database.upgrade()
    assert schema(filled) == before


async def test_references_that_were_broken_before_are_kept_and_told(
    filled: Path, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute("INSERT INTO classes VALUES ('orphan', 'nowhere', 0, 'void', 0, 0, NULL)")
    before = contents(filled, *INDEXES)
    async with opened(url) as database:
        await database.upgrade()
    assert contents(filled, *INDEXES) == before
    assert "1 rows refer to rows that are missing" in caplog.text


async def test_a_migration_that_would_break_references_is_undone(filled: Path, url: str) -> None:
    # Whoever put this trigger there would lose an image with the first inspection that is recorded.
    async with opened(url) as database:
        await database.upgrade()
        await database.downgrade("0001")
        with closing(sqlite3.connect(filled)) as connection:
            connection.execute("""
                CREATE TRIGGER sabotage AFTER UPDATE ON alembic_version
                BEGIN DELETE FROM images WHERE img_unique_id = '20240131_080910_ab'; END
            """)
        before = contents(filled, *INDEXES)
        with pytest.raises(DatabaseUnavailable, match="would have broken references"):
            await database.upgrade()
        assert contents(filled, *INDEXES) == before
        assert await database.revision() == "0001"


async def test_several_processes_may_start_at_once_on_a_fresh_file(url: str, path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(anyio.run_process, [sys.executable, "-c", STARTING, url])
    assert differences(path) == []


async def test_one_process_may_upgrade_several_databases_at_once(tmp_path: Path) -> None:
    databases = [SqlDatabase(f"sqlite+aiosqlite:///{tmp_path}/{number % 2}%20a/aoi.db") for number in range(4)]
    async with anyio.create_task_group() as tasks:
        for database in databases:
            tasks.start_soon(database.upgrade)
    for database in databases:
        await database.check()
        await database.close()


def contents(path: Path, *tables: str) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return [connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables]


def schema(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2").fetchall()
