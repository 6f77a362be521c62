"""The inspections within one transaction."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import anyio.lowlevel
from sqlalchemy import CursorResult, Executable, RowMapping, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aoi.adapters.sql import mapping
from aoi.adapters.sql.steps import step
from aoi.adapters.sql.tables import ClassRow, ImageRow, InspectionRow, RegionRow
from aoi.domain.defects import DefectClass, Findings, Region
from aoi.domain.errors import InspectionChanged, InspectionNotFound
from aoi.domain.inspection import Inspection, State

Item = TypeVar("Item")

CHUNK_ROWS = 1000
"""Rows that are built between two turns of the event loop."""


UPDATE_INSPECTION = update(InspectionRow).where(
    InspectionRow.id == bindparam("old_id"),
    InspectionRow.state == bindparam("old_state"),
    InspectionRow.attempt == bindparam("old_attempt"),
)
"""Made once: it sets the columns that it is executed with."""


class SqlInspectionRepository:
    """Reads and writes by single statements; nothing is kept in memory between two calls."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, inspection: Inspection) -> None:
        await self._execute(insert(InspectionRow), [mapping.inspection_row(inspection)])
        await self._add_findings(inspection)

    async def get(self, inspection_id: str) -> Inspection:
        result = await self._execute(select(InspectionRow.__table__).where(InspectionRow.id == inspection_id))
        row = result.mappings().one_or_none()
        if row is None:
            raise InspectionNotFound
        return await self._whole(row)

    async def replace(self, old: Inspection, new: Inspection) -> None:
        await self._change(old, mapping.inspection_row(new))
        await self._forget_findings(old)
        await self._add_findings(new)

    async def renew(self, inspection: Inspection, lease_until: datetime) -> None:
        await self._change(inspection, {"lease_until": lease_until})

    async def next_expired(self, now: datetime) -> Inspection | None:
        result = await self._execute(
            select(InspectionRow.__table__)
            .where(InspectionRow.lease_until <= now)
            .order_by(InspectionRow.lease_until, InspectionRow.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = result.mappings().one_or_none()
        return await self._whole(row) if row else None

    async def remove(self, inspection: Inspection) -> None:
        result = await self._execute(delete(InspectionRow).where(*_is_still(inspection)))
        if result.rowcount:
            await self._forget_findings(inspection)
        elif await self._exists(inspection):
            raise InspectionChanged

    async def _change(self, old: Inspection, values: Mapping[str, Any]) -> None:
        still = {"old_id": old.id, "old_state": old.state.value, "old_attempt": old.attempt}
        result = await self._execute(UPDATE_INSPECTION, {**values, **still})
        if not result.rowcount:
            raise InspectionChanged

    async def _exists(self, inspection: Inspection) -> bool:
        result = await self._execute(select(InspectionRow.id).where(InspectionRow.id == inspection.id))
        return result.first() is not None

    async def _forget_findings(self, inspection: Inspection) -> None:
        if inspection.state is State.INSPECTED:
            await self._execute(delete(ImageRow).where(ImageRow.img_unique_id == inspection.id))

    async def _add_findings(self, inspection: Inspection) -> None:
        findings = inspection.findings
        if findings is None:
            return
        await self._execute(insert(ImageRow), [mapping.image_row(inspection, findings)])
        for rows in _chunks(mapping.class_rows(inspection, findings)):
            await self._execute(insert(ClassRow), rows)
        for rows in _chunks(mapping.region_rows(inspection, findings)):
            await self._execute(insert(RegionRow), rows)

    async def _whole(self, row: RowMapping) -> Inspection:
        found = State(row["state"]) is State.INSPECTED
        return mapping.inspection_of(row, await self._findings(row) if found else None)

    async def _findings(self, row: RowMapping) -> Findings:
        images = await self._execute(select(ImageRow.__table__).where(ImageRow.img_unique_id == row["id"]))
        return mapping.findings_of(row, images.mappings().one(), await self._classes(row["id"]))

    async def _classes(self, inspection_id: str) -> list[DefectClass]:
        regions = await self._regions(inspection_id)
        result = await self._execute(
            select(ClassRow.__table__).where(ClassRow.img_unique_id == inspection_id).order_by(ClassRow.class_id)
        )
        return [mapping.class_of(row, regions[row["class_unique_id"]]) for row in result.mappings()]

    async def _regions(self, inspection_id: str) -> Mapping[str, Sequence[Region]]:
        result = await self._execute(
            select(*mapping.REGION_COLUMNS)
            .where(RegionRow.img_unique_id == inspection_id)
            .order_by(RegionRow.region_id)
        )
        regions: defaultdict[str, list[Region]] = defaultdict(list)
        for rows in result.partitions(CHUNK_ROWS):
            for class_key, *values in rows:
                regions[class_key].append(mapping.region_of(values))
            await anyio.lowlevel.checkpoint()
        return regions

    async def _execute(
        self, statement: Executable, rows: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None
    ) -> CursorResult[Any]:
        return await step(self._connection.execute(statement, rows))


def _is_still(inspection: Inspection) -> tuple[Any, ...]:
    return (
        InspectionRow.id == inspection.id,
        InspectionRow.state == inspection.state.value,
        InspectionRow.attempt == inspection.attempt,
    )


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, CHUNK_ROWS)):
        yield chunk
