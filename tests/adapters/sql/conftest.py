"""A fresh SQLite file for each test, with the whole schema."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aoi.adapters.sql.database import SqlDatabase


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "aoi.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
async def database(url: str) -> AsyncIterator[SqlDatabase]:
    database = SqlDatabase(url)
    await database.upgrade()
    yield database
    await database.close()
