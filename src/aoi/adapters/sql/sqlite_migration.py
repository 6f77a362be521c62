"""Changing the schema of a SQLite file: one process at a time, all or nothing, with a backup of what was there.

Blocks; to be run in a worker thread.
"""

import logging
import os
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from aoi.adapters.sql.failures import domain_errors
from aoi.adapters.sql.schema import EXPECTED_REVISION, Direction, migrate, require_known, revision_of
from aoi.domain.errors import DatabaseUnavailable

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.05


def upgrade_sqlite(url: URL, busy_timeout: float) -> None:
    """To the schema of this program; creates file and folder. Raises `DatabaseUnavailable`."""
    with domain_errors():
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        _change(url, busy_timeout, "upgrade", EXPECTED_REVISION)


def downgrade_sqlite(url: URL, busy_timeout: float, revision: str) -> None:
    """To an older revision, or to `base`: no table at all. Raises `DatabaseUnavailable`."""
    with domain_errors():
        _change(url, busy_timeout, "downgrade", revision)


def _change(url: URL, busy_timeout: float, direction: Direction, target: str) -> None:
    path = Path(url.database or "")
    _use_write_ahead_log(path, busy_timeout)
    with _engine(path, busy_timeout).begin() as connection:  # write-locked: whoever comes second finds the work done
        found = revision_of(connection)
        require_known(found)
        if found == target:
            return
        if inspect(connection).get_table_names():
            _back_up(path, found)
        broken = _broken_references(connection)
        migrate(connection, direction, target)
        _require_whole(connection, broken)
    logger.info("The schema of the database is changed from %s to %s.", found, target)


def _engine(path: Path, busy_timeout: float) -> Engine:
    """Foreign keys are off: with them on, altering a table would empty those that refer to it."""
    url = URL.create("sqlite+pysqlite", database=str(path))
    arguments = {"timeout": busy_timeout, "isolation_level": None}
    engine = create_engine(url, connect_args=arguments, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        for pragma in ("foreign_keys = OFF", "synchronous = FULL"):
            connection.cursor().execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _use_write_ahead_log(path: Path, busy_timeout: float) -> None:
    """The mode stays with the file. SQLite does not wait for the lock that the change takes, so this does."""
    deadline = time.monotonic() + busy_timeout
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE_SECONDS)
            else:
                return


def _back_up(path: Path, revision: str | None) -> None:
    """Beside the file, and on the disk before anything changes."""
    backup = path.with_name(f"{path.name}.{revision or 'adopted'}.{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.backup")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("VACUUM INTO ?", (str(backup),))
    with backup.open("rb+") as file:
        os.fsync(file.fileno())
    logger.info("The schema of %s changes; the database as it was is kept as %s.", path, backup)


def _broken_references(connection: Connection) -> int:
    return len(connection.exec_driver_sql("PRAGMA foreign_key_check").all())


def _require_whole(connection: Connection, broken_before: int) -> None:
    broken = _broken_references(connection)
    if broken > broken_before:
        raise DatabaseUnavailable(
            "Changing the schema would have broken references between its tables, so nothing was changed. "
            "Report this with the log."
        )
    if broken:
        logger.warning("%d rows refer to rows that are missing, and did so before the schema changed.", broken)
