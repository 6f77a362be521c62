"""One transaction on one connection."""

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from aoi.adapters.sql.connections import Connections
from aoi.adapters.sql.repositories import SqlInspectionRepository
from aoi.adapters.sql.steps import step


class SqlUnitOfWork:
    """Begins with `async with`; what was not committed when it ends is rolled back."""

    inspections: SqlInspectionRepository

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._transaction: AbstractAsyncContextManager[AsyncConnection]
        self._connection: AsyncConnection

    async def __aenter__(self) -> Self:
        self._transaction = self._connections.transaction()
        self._connection = await self._transaction.__aenter__()
        self.inspections = SqlInspectionRepository(self._connection)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._transaction.__aexit__(None, None, None)

    async def commit(self) -> None:
        """Not to be cancelled half way: where it does not return, it did not happen."""
        await step(self._commit())

    async def _commit(self) -> None:
        try:
            await self._connection.commit()
        except BaseException:
            # The transaction may still be open on it; closed, it is rolled back for certain.
            await self._connection.invalidate()
            raise
