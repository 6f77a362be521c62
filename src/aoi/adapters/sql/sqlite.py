"""SQLite as aoi uses it: one file, durable commits, writers that wait and readers that do not."""

import sqlite3
from collections.abc import Sequence

import anyio.to_thread
from sqlalchemy import URL, Connection, Dialect, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import await_only

from aoi.adapters.sql.connections import Connections

WRITER_PRAGMAS = ("synchronous = FULL", "foreign_keys = ON")
READER_PRAGMAS = ("query_only = ON",)
READERS = 8
LONGEST_BLOCK_SECONDS = 0.25
"""SQLite waits for a lock where no cancellation reaches it; so it waits for a little while, again and again."""


def writing_connections(url: URL, busy_timeout: float) -> Connections:
    """One, whose transactions take the write lock as they begin: one that read first could not wait for it any more."""
    return _connections(url, busy_timeout, 1, "BEGIN IMMEDIATE", WRITER_PRAGMAS)


def reading_connections(url: URL, busy_timeout: float) -> Connections:
    """Their transactions see what was committed when they began, wait for no writer and cannot write."""
    return _connections(url, busy_timeout, READERS, "BEGIN", READER_PRAGMAS)


def _connections(url: URL, busy_timeout: float, places: int, begin: str, pragmas: Sequence[str]) -> Connections:
    # The driver begins no transaction by itself (isolation_level None): ours begin where they say so.
    arguments = {"timeout": min(busy_timeout, LONGEST_BLOCK_SECONDS), "isolation_level": None}
    engine = create_async_engine(url, connect_args=arguments, pool_size=places, max_overflow=0)

    @event.listens_for(engine.sync_engine, "do_connect")
    def try_to_open(_dialect: Dialect, _entry: ConnectionPoolEntry, _arguments: object, _options: object) -> None:
        await_only(anyio.to_thread.run_sync(_open, url.database or ""))

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return Connections(engine, places, busy_timeout)


def _open(path: str) -> None:
    """Raises where the file cannot be opened: the driver's thread would speak of that to a loop that may be closed."""
    sqlite3.connect(path).close()
