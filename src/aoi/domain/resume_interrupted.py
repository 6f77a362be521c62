"""What a crash left behind is taken up: finished, or cleaned away."""

import logging
from dataclasses import dataclass

from aoi.domain.delete_inspection import DeleteInspection
from aoi.domain.errors import AoiError
from aoi.domain.guarded_engine import GuardedEngine
from aoi.domain.inspect_received import InspectReceived
from aoi.domain.inspection import Inspection, State
from aoi.domain.leases import Leases, utc_now
from aoi.domain.limits import Limits
from aoi.domain.ports import Clock, FileStore, InferenceEngine, UnitOfWorkFactory
from aoi.domain.version import aoi_version

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Resumed:
    """How many inspections were taken up, and what became of them. `postponed` ones are tried again later."""

    inspected: int = 0
    failed: int = 0
    removed: int = 0
    postponed: int = 0


class ResumeInterrupted:
    """Takes up every inspection whose lease has expired, one after the other.

    What was not acknowledged is removed; what was is inspected, or failed where three attempts have ended with their
    process. Any number of processes may do this at once. Raises `DatabaseUnavailable`.
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
        self._delete = DeleteInspection(files, self._leases)

    async def __call__(self) -> Resumed:
        resumed = Resumed()
        while (taken := await self._take()) is not None:
            logger.info("Taking up %s: %s", taken.id, taken.state)
            try:
                await self._finish(taken, resumed)
            except AoiError as error:
                resumed.postponed += 1
                logger.warning("%s is taken up again later: %s", taken.id, error.detail)
            except Exception:  # one record that breaks an adapter must not keep the others waiting
                resumed.postponed += 1
                logger.exception("%s is taken up again later.", taken.id)
        return resumed

    async def _take(self) -> Inspection | None:
        async with self._leases.unit_of_work() as unit:
            found = await unit.inspections.next_expired(self._leases.clock())
            if found is None:
                return None
            taken = self._taken(found)
            await unit.inspections.replace(found, taken)
            await unit.commit()
        return taken

    def _taken(self, found: Inspection) -> Inspection:
        now, lease_until = self._leases.clock(), self._leases.end()
        if found.state in {State.RECEIVING, State.DELETING}:
            return found.deleting(now, lease_until)
        return found.claimed(now, lease_until)

    async def _finish(self, taken: Inspection, resumed: Resumed) -> None:
        if taken.state is State.DELETING:
            await self._delete.finish(taken)
            resumed.removed += 1
            return
        done = await self._inspect.run(taken)
        if done.state is State.INSPECTED:
            resumed.inspected += 1
        else:
            resumed.failed += 1
