"""A failed inspection is run again, without sending its image again."""

from aoi.domain.errors import AoiError
from aoi.domain.guarded_engine import GuardedEngine
from aoi.domain.inspect_received import InspectReceived
from aoi.domain.inspection import Inspection
from aoi.domain.leases import Leases, utc_now
from aoi.domain.limits import Limits
from aoi.domain.ports import Clock, FileStore, InferenceEngine, UnitOfWorkFactory
from aoi.domain.version import aoi_version


class RetryInspection:
    """Runs a failed inspection again and returns it as `UploadImage` does.

    Raises `InspectionNotFound`, `InspectionNotFailed`, `InspectionChanged` or `DatabaseUnavailable`.
    """

    def __init__(
        self,
        *,
        engine: InferenceEngine,
        files: FileStore,
        unit_of_work: UnitOfWorkFactory,
        limits: Limits = Limits(),
        clock: Clock = utc_now,
    ) -> None:
        self._leases = Leases(unit_of_work, limits.lease_seconds, clock)
        self._inspect = InspectReceived(GuardedEngine.around(engine, limits), files, self._leases, aoi_version())

    async def __call__(self, inspection_id: str) -> Inspection:
        claimed = await self._claim(inspection_id)
        try:
            return await self._inspect.run(claimed)
        except AoiError as error:
            error.inspection_id = inspection_id
            raise

    async def _claim(self, inspection_id: str) -> Inspection:
        async with self._leases.unit_of_work() as unit:
            failed = await unit.inspections.get(inspection_id)
            claimed = failed.retried(self._leases.clock(), self._leases.end())
            await unit.inspections.replace(failed, claimed)
            await unit.commit()
        return claimed
