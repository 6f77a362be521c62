"""Work that carries a lease: renewed while it runs, stopped when it was lost."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import anyio

from aoi.domain.errors import DatabaseUnavailable, InspectionChanged
from aoi.domain.inspection import Inspection
from aoi.domain.ports import Clock, UnitOfWorkFactory

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

RENEWALS_PER_LEASE = 3


def utc_now() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Leases:
    """Hands out leases of `seconds`, and keeps them alive."""

    unit_of_work: UnitOfWorkFactory
    seconds: float = 30.0
    clock: Clock = utc_now

    def end(self) -> datetime:
        """When a lease that begins now will expire."""
        return self.clock() + timedelta(seconds=self.seconds)

    async def replace(self, old: Inspection, new: Inspection) -> None:
        """Record one change in a transaction of its own."""
        async with self.unit_of_work() as unit:
            await unit.inspections.replace(old, new)
            await unit.commit()

    async def hold(self, inspection: Inspection, work: Callable[[], Awaitable[Result]]) -> Result:
        """The result of `work`, the lease renewed as long as it runs.

        Raises what `work` raises, or `InspectionChanged` where somebody took the inspection over; `work` is cancelled
        then.
        """
        outcome: list[Result] = []
        failure: Exception = InspectionChanged()  # unless the work ends by itself
        async with anyio.create_task_group() as tasks:
            renewal = anyio.CancelScope()
            tasks.start_soon(self._renew, inspection, renewal, tasks.cancel_scope)
            try:
                outcome.append(await work())
            except Exception as error:  # noqa: BLE001  # carried past the task group, which would wrap it in a group
                failure = error
            renewal.cancel()
        if outcome:
            return outcome[0]
        raise failure

    async def _renew(self, inspection: Inspection, renewal: anyio.CancelScope, work: anyio.CancelScope) -> None:
        with renewal:
            while True:
                await anyio.sleep(self.seconds / RENEWALS_PER_LEASE)
                try:
                    await self._renew_once(inspection)
                except DatabaseUnavailable as error:
                    logger.warning(
                        "The lease of %s was not renewed, and is tried again: %s", inspection.id, error.detail
                    )
                except InspectionChanged:
                    logger.warning("Somebody else took %s over; this attempt stops.", inspection.id)
                    work.cancel()
                    return

    async def _renew_once(self, inspection: Inspection) -> None:
        async with self.unit_of_work() as unit:
            await unit.inspections.renew(inspection, self.end())
            await unit.commit()
