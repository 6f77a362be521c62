"""The three tables that reports are written against, as they stand in the file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

import aoi.adapters.sql
from aoi.adapters.sql.database import SqlDatabase
from aoi.adapters.sql.schema import EXPECTED_REVISION, KNOWN_REVISIONS
from aoi.adapters.sql.tables import Table
from aoi.domain.inspection import State
from aoi.testing.examples import an_inspection

pytestmark = pytest.mark.anyio

COLUMNS = {
    "images": {
        "img_unique_id": "VARCHAR(255) PK",
        "image_height": "INTEGER NOT NULL",
        "image_width": "INTEGER NOT NULL",
        "processing_time_seconds": "FLOAT NOT NULL",
        "timestamp": "DATETIME NOT NULL",
        "input_image_path": "VARCHAR(500) NOT NULL",
        "result_image_1_path": "VARCHAR(500)",
        "result_image_2_path": "VARCHAR(500)",
        "result_image_3_path": "VARCHAR(500)",
        "created_at": "DATETIME",
    },
    "classes": {
        "class_unique_id": "VARCHAR(255) PK",
        "img_unique_id": "VARCHAR(255) NOT NULL",
        "class_id": "INTEGER NOT NULL",
        "class_name": "VARCHAR(100) NOT NULL",
        "total_regions": "INTEGER NOT NULL",
        "total_area_pixels": "INTEGER NOT NULL",
        "created_at": "DATETIME",
    },
    "regions": {
        "region_unique_id": "VARCHAR(255) PK",
        "class_unique_id": "VARCHAR(255) NOT NULL",
        "img_unique_id": "VARCHAR(255) NOT NULL",
        "region_id": "INTEGER NOT NULL",
        "centroid_x": "FLOAT NOT NULL",
        "centroid_y": "FLOAT NOT NULL",
        "bbox_x": "INTEGER NOT NULL",
        "bbox_y": "INTEGER NOT NULL",
        "bbox_width": "INTEGER NOT NULL",
        "bbox_height": "INTEGER NOT NULL",
        "area_pixels": "INTEGER NOT NULL",
        "perimeter": "FLOAT NOT NULL",
        "major_axis": "FLOAT NOT NULL",
        "minor_axis": "FLOAT NOT NULL",
        "circularity": "FLOAT NOT NULL",
        "aspect_ratio": "FLOAT NOT NULL",
        "created_at": "DATETIME",
    },
}
INDEXES = {
    "images": {"timestamp"},
    "classes": {"img_unique_id", "class_id"},
    "regions": {"class_unique_id", "img_unique_id", "region_id"},
}
REFERENCES = {
    "images": set[tuple[str, str, str, str]](),
    "classes": {("img_unique_id", "images", "img_unique_id", "CASCADE")},
    "regions": {
        ("img_unique_id", "images", "img_unique_id", "CASCADE"),
        ("class_unique_id", "classes", "class_unique_id", "CASCADE"),
    },
}


@pytest.mark.parametrize("table", COLUMNS)
async def test_the_report_tables_are_as_agreed(database: SqlDatabase, path: Path, table: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
        described = {
            name: f"{kind} PK" if key else f"{kind} NOT NULL" if not_null else kind
            for _, name, kind, not_null, _, key in columns
        }
        assert described == COLUMNS[table]
        assert next(default for _, name, _, _, default, _ in columns if name == "created_at") == "CURRENT_TIMESTAMP"
        assert _indexed(connection, table) == INDEXES[table]
        keys = connection.execute(f"PRAGMA foreign_key_list({table})").fetchall()
        assert {(source, parent, target, delete) for _, _, parent, source, target, _, delete, _ in keys} == (
            REFERENCES[table]
        )


async def test_models_and_migrations_are_equal(database: SqlDatabase, path: Path) -> None:
    assert differences(path) == []


def test_the_program_knows_its_migrations() -> None:
    folder = Path(aoi.adapters.sql.__file__).with_name("migrations")
    scripts = ScriptDirectory(folder)
    assert scripts.get_current_head() == EXPECTED_REVISION
    assert sorted(script.revision for script in scripts.walk_revisions()) == sorted(KNOWN_REVISIONS)


@pytest.mark.parametrize("state", State)
async def test_rows_are_written_exactly_for_what_is_inspected(database: SqlDatabase, path: Path, state: State) -> None:
    inspection = an_inspection(state)
    async with database.unit_of_work() as unit:
        await unit.inspections.add(inspection)
        await unit.commit()
    with closing(sqlite3.connect(path)) as connection:
        counts = tuple(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COLUMNS)
    assert counts == ((1, 3, 4) if state is State.INSPECTED else (0, 0, 0))


async def test_the_rows_say_what_was_inspected(database: SqlDatabase, path: Path) -> None:
    inspection = an_inspection()
    async with database.unit_of_work() as unit:
        await unit.inspections.add(inspection)
        await unit.commit()
    with closing(sqlite3.connect(path)) as connection:
        (image,) = connection.execute("SELECT * FROM images").fetchall()
        classes = connection.execute("SELECT * FROM classes ORDER BY class_id").fetchall()
        regions = connection.execute("SELECT * FROM regions ORDER BY class_unique_id, region_id").fetchall()
    prefix, time = f"{inspection.results_prefix}2/", "2026-11-22 09:30:15.123456"
    pictures = tuple(f"{prefix}{kind}.png" for kind in ("combined", "mask", "overlay"))
    assert image == (inspection.id, 480, 640, 0.125, time, inspection.file_key, *pictures, time)
    assert [row[1:] for row in classes] == [
        (inspection.id, 0, "void", 3, 4242, time),
        (inspection.id, 1, "lötbrücke", 0, 0, time),
        (inspection.id, 2, "scratch", 1, 17, time),
    ]
    assert regions[0][2:] == (inspection.id, 1, 1.1, 1.2, 1, 2, 3, 4, 12, 4 / 3, 4.7, 2.3, 0.9, 4.7 / 2.3, time)
    assert [row[3] for row in regions] == [1, 2, 3, 1]


def differences(path: Path) -> list[tuple[str, object]]:
    """What Alembic would change to make the database what the models say."""
    engine = create_engine(f"sqlite+pysqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), Table.metadata)


def _indexed(connection: sqlite3.Connection, table: str) -> set[str]:
    names = [row[1] for row in connection.execute(f"PRAGMA index_list({table})") if row[3] == "c"]
    return {row[2] for name in names for row in connection.execute(f"PRAGMA index_info({name})")}
