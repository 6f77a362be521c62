"""A database that is reached by SQL."""

from functools import partial

import anyio.to_thread
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from aoi.adapters.sql.schema import require_expected, revision_of
from aoi.adapters.sql.sqlite import reading_connections, writing_connections
from aoi.adapters.sql.sqlite_migration import downgrade_sqlite, upgrade_sqlite
from aoi.adapters.sql.steps import step
from aoi.adapters.sql.unit_of_work import SqlUnitOfWork
from aoi.domain.errors import DatabaseUnavailable


class SqlDatabase:
    """Inspections in a SQLite file. Whatever it raises is a `DatabaseUnavailable`; `close` it in the end.

    `busy_timeout` is in seconds: how long a unit of work waits for its turn among the writers of this process, and
    then again for those of other processes.
    """

    def __init__(self, url: str, *, busy_timeout: float = 30.0) -> None:
        """`url` as in `sqlite+aiosqlite:///folder/aoi.db`; nothing is opened yet."""
        self._url = _sqlite_url(url)
        self._busy_timeout = busy_timeout
        self._writers = writing_connections(self._url, busy_timeout)
        self._readers = reading_connections(self._url, busy_timeout)

    def unit_of_work(self, *, read_only: bool = False) -> SqlUnitOfWork:
        """The `UnitOfWorkFactory`."""
        return SqlUnitOfWork(self._readers if read_only else self._writers)

    async def check(self) -> None:
        """That the database answers, and has the schema that this program needs."""
        require_expected(await self.revision())

    async def revision(self) -> str | None:
        """The revision of the schema; `None` where the database has none."""
        async with self._readers.transaction() as connection:
            return await step(connection.run_sync(revision_of))

    async def upgrade(self) -> None:
        """Make or change the schema as this program needs it, the file and its folder too."""
        await anyio.to_thread.run_sync(upgrade_sqlite, self._url, self._busy_timeout)

    async def downgrade(self, revision: str) -> None:
        """Change the schema back to an older revision; `base` drops every table."""
        await anyio.to_thread.run_sync(partial(downgrade_sqlite, self._url, self._busy_timeout, revision))

    async def close(self) -> None:
        """Close every connection; their threads end with them."""
        try:
            await self._readers.close()
        finally:
            await self._writers.close()


def _sqlite_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseUnavailable(_UNUSABLE) from error
    if parsed.drivername != "sqlite+aiosqlite" or parsed.database in {None, "", ":memory:"} or parsed.query:
        raise DatabaseUnavailable(_UNUSABLE)
    return parsed


_UNUSABLE = "The database's URL cannot be used. Set AOI_DATABASE_URL to one like sqlite+aiosqlite:///./aoi-data/aoi.db"
