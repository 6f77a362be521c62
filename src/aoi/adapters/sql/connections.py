"""Connections to one database, lent in the order in which they are asked for."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio.lowlevel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aoi.adapters.sql.failures import BUSY, is_busy
from aoi.adapters.sql.steps import step
from aoi.domain.errors import DatabaseUnavailable


class Connections:
    """Lends at most `places` connections at once.

    Who asks for more waits in one line, for at most `patience` seconds. The line stands before the pool, whose own
    order is not fair: where several writers of SQLite compete, some starve.
    """

    def __init__(self, engine: AsyncEngine, places: int, patience: float) -> None:
        self._engine = engine
        self._patience = patience
        self._places = anyio.Semaphore(places)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncConnection]:
        """A connection in a transaction; what was not committed is rolled back. Raises `DatabaseUnavailable`."""
        await self._take_place()
        connection = self._engine.connect()
        try:
            await step(connection.start())
            await self._begin(connection)
            yield connection
        finally:
            try:
                await step(_close(connection))
            finally:
                self._places.release()

    async def close(self) -> None:
        """Closes every connection that is not lent."""
        await step(self._engine.dispose())

    async def _take_place(self) -> None:
        try:
            with anyio.fail_after(self._patience):
                await self._places.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable(BUSY) from error

    async def _begin(self, connection: AsyncConnection) -> None:
        deadline = anyio.current_time() + self._patience
        while not await step(_begun(connection, wait_on=anyio.current_time() < deadline)):
            await anyio.lowlevel.checkpoint()


async def _begun(connection: AsyncConnection, *, wait_on: bool) -> bool:
    """False where somebody else's lock stands in the way; an error, where that is not to be waited for any longer."""
    try:
        await connection.begin()
    except DBAPIError as error:
        if wait_on and is_busy(error):
            return False
        raise
    return True


async def _close(connection: AsyncConnection) -> None:
    if connection.sync_connection is not None:  # it was started
        await connection.close()
