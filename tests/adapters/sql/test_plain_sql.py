"""Reports that factories run on the file, with nothing but SQL."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from aoi.adapters.sql.database import SqlDatabase
from aoi.domain.inspection import Inspection, State
from aoi.testing.examples import NOW, an_inspection

pytestmark = pytest.mark.anyio


@pytest.fixture
async def inspections(database: SqlDatabase) -> list[Inspection]:
    """One a day, three of them inspected."""
    states = (State.INSPECTED, State.INSPECTED, State.FAILED, State.INSPECTED)
    inspections = [an_inspection(state, now=NOW + timedelta(days=day)) for day, state in enumerate(states)]
    async with database.unit_of_work() as unit:
        for inspection in inspections:
            await unit.inspections.add(inspection)
        await unit.commit()
    return inspections


@pytest.fixture
def connection(path: Path, inspections: list[Inspection]) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        yield connection


async def test_the_tables_join_by_their_keys(connection: sqlite3.Connection, inspections: list[Inspection]) -> None:
    rows = connection.execute("""
        SELECT i.img_unique_id, c.class_name, r.region_id
        FROM images i
        JOIN classes c ON c.img_unique_id = i.img_unique_id
        JOIN regions r ON r.class_unique_id = c.class_unique_id AND r.img_unique_id = i.img_unique_id
        WHERE c.class_name = 'void' ORDER BY i.img_unique_id, r.region_id
    """).fetchall()
    inspected = [inspection.id for inspection in inspections if inspection.state is State.INSPECTED]
    assert rows == [(identity, "void", number) for identity in inspected for number in (1, 2, 3)]


async def test_defects_are_summed_by_class_between_two_times(connection: sqlite3.Connection) -> None:
    rows = connection.execute("""
        SELECT c.class_name, sum(c.total_regions), sum(c.total_area_pixels)
        FROM classes c JOIN images i ON i.img_unique_id = c.img_unique_id
        WHERE i.timestamp BETWEEN '2026-11-22 00:00:00' AND '2026-11-23 23:59:59'
        GROUP BY c.class_name ORDER BY c.class_name
    """).fetchall()
    assert rows == [("lötbrücke", 0, 0), ("scratch", 2, 34), ("void", 6, 8484)]


async def test_images_are_found_by_their_defects(connection: sqlite3.Connection, inspections: list[Inspection]) -> None:
    query = """
        SELECT i.img_unique_id FROM images i JOIN classes c ON c.img_unique_id = i.img_unique_id
        WHERE c.class_name = ? AND c.total_regions > 0 ORDER BY i.timestamp
    """
    found = [identity for (identity,) in connection.execute(query, ("scratch",))]
    assert found == [inspection.id for inspection in inspections if inspection.state is State.INSPECTED]
    assert connection.execute(query, ("lötbrücke",)).fetchall() == []


async def test_deleting_an_image_by_sql_takes_its_children_along(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("DELETE FROM images")
    assert connection.execute("SELECT (SELECT count(*) FROM classes) + (SELECT count(*) FROM regions)").fetchone() == (
        0,
    )
