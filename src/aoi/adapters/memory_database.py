"""A database in memory: for tests, and for embedding aoi where no record is to last."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

import anyio.lowlevel

from aoi.domain.errors import DatabaseUnavailable, InspectionChanged, InspectionNotFound
from aoi.domain.inspection import Inspection


class MemoryDatabase:
    """Keeps whole inspections by their ids. Those who write wait for each other; those who read, for nobody."""

    def __init__(self) -> None:
        self._committed: Mapping[str, Inspection] = {}
        self._writing = anyio.Semaphore(1)

    def unit_of_work(self, *, read_only: bool = False) -> "MemoryUnitOfWork":
        """The `UnitOfWorkFactory`."""
        return MemoryUnitOfWork(self, read_only=read_only)

    async def check(self) -> None:
        """Nothing can be wrong with it."""

    async def begin(self, *, read_only: bool) -> Mapping[str, Inspection]:
        """What is committed now; `end` must follow where it is not `read_only`."""
        if read_only:
            await anyio.lowlevel.checkpoint()
        else:
            await self._writing.acquire()
        return self._committed

    def commit(self, records: Mapping[str, Inspection]) -> None:
        """From now on this is what is committed."""
        self._committed = records

    def end(self) -> None:
        """The next one may write."""
        self._writing.release()


class MemoryUnitOfWork:
    """Works on a copy, which takes the place of the original when it is committed."""

    inspections: "MemoryInspectionRepository"

    def __init__(self, database: MemoryDatabase, *, read_only: bool) -> None:
        self._database = database
        self._read_only = read_only

    async def __aenter__(self) -> Self:
        records = await self._database.begin(read_only=self._read_only)
        self.inspections = MemoryInspectionRepository(dict(records), read_only=self._read_only)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._read_only:
            self._database.end()

    async def commit(self) -> None:
        if not self._read_only:
            self._database.commit(self.inspections.snapshot())


class MemoryInspectionRepository:
    """The inspections of one unit of work."""

    def __init__(self, records: dict[str, Inspection], *, read_only: bool) -> None:
        self._records = records
        self._read_only = read_only

    def snapshot(self) -> Mapping[str, Inspection]:
        """The inspections as they stand now."""
        return dict(self._records)

    async def add(self, inspection: Inspection) -> None:
        self._require_writable()
        if inspection.id in self._records:
            raise DatabaseUnavailable("There is an inspection with this id already.")
        self._records[inspection.id] = inspection

    async def get(self, inspection_id: str) -> Inspection:
        if inspection_id not in self._records:
            raise InspectionNotFound
        return self._records[inspection_id]

    async def replace(self, old: Inspection, new: Inspection) -> None:
        self._require_same(old)
        self._records[old.id] = new

    async def renew(self, inspection: Inspection, lease_until: datetime) -> None:
        recorded = self._require_same(inspection)
        self._records[inspection.id] = dataclasses.replace(recorded, lease_until=lease_until)

    async def next_expired(self, now: datetime) -> Inspection | None:
        expired = [
            (inspection.lease_until, inspection.id)
            for inspection in self._records.values()
            if inspection.lease_until is not None and inspection.lease_until <= now
        ]
        return self._records[min(expired)[1]] if expired else None

    async def remove(self, inspection: Inspection) -> None:
        if inspection.id in self._records:
            self._require_same(inspection)
            del self._records[inspection.id]

    def _require_same(self, inspection: Inspection) -> Inspection:
        self._require_writable()
        recorded = self._records.get(inspection.id)
        if recorded is None or (recorded.state, recorded.attempt) != (inspection.state, inspection.attempt):
            raise InspectionChanged
        return recorded

    def _require_writable(self) -> None:
        if self._read_only:
            raise DatabaseUnavailable("This unit of work was begun to read only.")
