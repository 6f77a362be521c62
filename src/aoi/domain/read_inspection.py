"""Asking for one inspection."""

from dataclasses import dataclass

from aoi.domain.errors import InspectionNotFound
from aoi.domain.inspection import Inspection, State
from aoi.domain.ports import UnitOfWorkFactory


@dataclass(frozen=True, slots=True)
class ReadInspection:
    """An acknowledged inspection by its id. Raises `InspectionNotFound` or `DatabaseUnavailable`."""

    unit_of_work: UnitOfWorkFactory

    async def __call__(self, inspection_id: str) -> Inspection:
        async with self.unit_of_work(read_only=True) as unit:
            inspection = await unit.inspections.get(inspection_id)
        if inspection.state in {State.RECEIVING, State.DELETING}:
            raise InspectionNotFound
        return inspection
