"""Opening a database for as long as a test needs it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aoi.adapters.sql.database import SqlDatabase


@asynccontextmanager
async def opened(url: str, *, busy_timeout: float = 30.0) -> AsyncGenerator[SqlDatabase]:
    database = SqlDatabase(url, busy_timeout=busy_timeout)
    try:
        yield database
    finally:
        await database.close()
