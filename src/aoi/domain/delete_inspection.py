"""Taking an inspection out of the world: the state first, then its files, then its record."""

from dataclasses import dataclass

from aoi.domain.inspection import Inspection
from aoi.domain.leases import Leases
from aoi.domain.ports import FileStore


@dataclass(frozen=True, slots=True)
class DeleteInspection:
    """Deletes an inspection with everything that lies under its id.

    Between any two steps the record says `deleting`, so whoever finds its lease expired can go on. Raises
    `InspectionChanged` where somebody works in it.
    """

    files: FileStore
    leases: Leases

    async def __call__(self, inspection: Inspection) -> None:
        doomed = inspection.deleting(self.leases.clock(), self.leases.end())
        await self.leases.replace(inspection, doomed)
        await self.finish(doomed)

    async def finish(self, doomed: Inspection) -> None:
        """The rest of the way, for a record that says `deleting` already."""
        results = [key async for key in self.files.list(doomed.results_prefix)]
        await self.files.delete([doomed.file_key, *results])
        async with self.leases.unit_of_work() as unit:
            await unit.inspections.remove(doomed)
            await unit.commit()
