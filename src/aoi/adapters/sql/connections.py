"""Connections to one database, lent in the order in which they are asked for."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aoi.adapters.sql.failures import BUSY, domain_errors
from aoi.domain.errors import DatabaseUnavailable


class Connections:
    """Lends at most `places` connections at once; who asks for more waits in one line for at most `patience` seconds.

    The line stands before the pool, whose own order is not fair: where a few writers of SQLite compete, some starve.
    """

    def __init__(self, engine: AsyncEngine, places: int, patience: float) -> None:
        self._engine = engine
        self._patience = patience
        self._places = anyio.Semaphore(places)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncConnection]:
        """A connection in a transaction; what was not committed is rolled back. Raises `DatabaseUnavailable`."""
        await self._take_place()
        try:
            connection = self._engine.connect()
            await _open(connection)
            try:
                with domain_errors():
                    await connection.begin()
                yield connection
            finally:
                await _give_back(connection)
        finally:
            self._places.release()

    async def close(self) -> None:
        """Closes every connection that is not lent."""
        await self._engine.dispose()

    async def _take_place(self) -> None:
        try:
            with anyio.fail_after(self._patience):
                await self._places.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable(BUSY) from error


async def _open(connection: AsyncConnection) -> None:
    # Short, since a place is free; cancelled half way, the pool would lose sight of the connection.
    with anyio.CancelScope(shield=True), domain_errors():
        await connection.start()


async def _give_back(connection: AsyncConnection) -> None:
    with anyio.CancelScope(shield=True), domain_errors():
        await connection.close()
