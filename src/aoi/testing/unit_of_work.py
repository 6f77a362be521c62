"""What every `UnitOfWork` must do.

class TestMyDatabase(UnitOfWorkContract):
    @pytest.fixture
    def unit_of_work(self) -> UnitOfWorkFactory:
        return MyDatabase().unit_of_work
"""

import dataclasses
from datetime import datetime, timedelta

import anyio.lowlevel
import pytest

from aoi.domain.errors import InspectionChanged, InspectionNotFound
from aoi.domain.inspection import Inspection, State
from aoi.domain.ports import InspectionRepository, UnitOfWork, UnitOfWorkFactory
from aoi.testing.examples import LEASE, NOW, a_failure, an_inspection, some_findings

PATIENCE = 60.0
"""Seconds within which any of this must have ended."""

MOMENT = timedelta(microseconds=1)


class UnitOfWorkContract:
    """Subclass it, and override `unit_of_work`."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def unit_of_work(self) -> UnitOfWorkFactory:
        """Units of work on a database that holds nothing yet."""
        raise NotImplementedError("Override the fixture `unit_of_work`.")

    async def test_it_is_a_unit_of_work(self, unit_of_work: UnitOfWorkFactory) -> None:
        assert isinstance(unit_of_work, UnitOfWorkFactory)
        async with unit_of_work() as unit:
            assert isinstance(unit, UnitOfWork)
            assert isinstance(unit.inspections, InspectionRepository)

    @pytest.mark.parametrize("state", State)
    async def test_what_was_added_comes_back_with_every_field(
        self, unit_of_work: UnitOfWorkFactory, state: State
    ) -> None:
        inspection = await _added(unit_of_work, an_inspection(state))
        assert await _read(unit_of_work, inspection.id) == inspection

    async def test_a_record_without_its_optional_parts_comes_back(self, unit_of_work: UnitOfWorkFactory) -> None:
        inspection = an_inspection()
        findings = dataclasses.replace(some_findings(inspection), pictures={})
        bare = dataclasses.replace(inspection, facts=None, findings=findings)
        await _added(unit_of_work, bare)
        assert await _read(unit_of_work, bare.id) == bare

    async def test_times_come_back_with_their_zone(self, unit_of_work: UnitOfWorkFactory) -> None:
        inspection = await _added(unit_of_work, an_inspection(State.RECEIVED))
        read = await _read(unit_of_work, inspection.id)
        assert [time and time.utcoffset() for time in (read.created_at, read.changed_at, read.lease_until)] == [
            timedelta(0)
        ] * 3

    async def test_what_is_not_recorded_is_not_found(self, unit_of_work: UnitOfWorkFactory) -> None:
        for read_only in (True, False):
            async with unit_of_work(read_only=read_only) as unit:
                with pytest.raises(InspectionNotFound):
                    await unit.inspections.get("20261122_093015_00000000000000000000")

    async def test_a_unit_sees_its_own_changes(self, unit_of_work: UnitOfWorkFactory) -> None:
        inspection = an_inspection(State.INSPECTING)
        inspected = inspection.inspected(some_findings(inspection), NOW)
        async with unit_of_work() as unit:
            await unit.inspections.add(inspection)
            await unit.inspections.replace(inspection, inspected)
            assert await unit.inspections.get(inspection.id) == inspected

    async def test_what_was_not_committed_did_not_happen(self, unit_of_work: UnitOfWorkFactory) -> None:
        kept, changed, added = await _added(unit_of_work, an_inspection()), an_inspection(), an_inspection()
        await _added(unit_of_work, changed)
        async with unit_of_work() as unit:
            await unit.inspections.add(added)
            await unit.inspections.remove(kept)
            await unit.inspections.replace(changed, changed.deleting(NOW, NOW + LEASE))
        assert await _read(unit_of_work, kept.id) == kept
        assert await _read(unit_of_work, changed.id) == changed
        await _assert_missing(unit_of_work, added)

    async def test_an_exception_rolls_back_and_passes(self, unit_of_work: UnitOfWorkFactory) -> None:
        inspection = an_inspection()

        async def fail() -> None:
            async with unit_of_work() as unit:
                await unit.inspections.add(inspection)
                raise LookupError("on purpose")

        with pytest.raises(LookupError, match="on purpose"):
            await fail()
        await _assert_missing(unit_of_work, inspection)

    async def test_a_cancelled_unit_leaves_nothing_and_harms_no_other(self, unit_of_work: UnitOfWorkFactory) -> None:
        inspection = an_inspection()
        with anyio.CancelScope() as scope:
            async with unit_of_work() as unit:
                await unit.inspections.add(inspection)
                scope.cancel()
                await anyio.sleep_forever()
        await _assert_missing(unit_of_work, inspection)
        await _added(unit_of_work, inspection)
        assert await _read(unit_of_work, inspection.id) == inspection

    async def test_replacing_is_visible_once_committed(self, unit_of_work: UnitOfWorkFactory) -> None:
        old = await _added(unit_of_work, an_inspection(State.INSPECTING))
        failed = await _replaced(unit_of_work, old, old.failed(a_failure(), NOW + MOMENT))
        assert await _read(unit_of_work, old.id) == failed
        retried = await _replaced(unit_of_work, failed, failed.retried(NOW, NOW + LEASE))
        assert await _read(unit_of_work, old.id) == retried

    @pytest.mark.parametrize("stale", [{"state": State.RECEIVED}, {"attempt": 1}, {"id": "20261122_093015_0"}])
    async def test_what_has_changed_meanwhile_is_left_alone(
        self, unit_of_work: UnitOfWorkFactory, stale: dict[str, object]
    ) -> None:
        recorded = await _added(unit_of_work, an_inspection(State.INSPECTING))
        old = dataclasses.replace(recorded, **stale)  # pyright: ignore[reportArgumentType]  # named as its fields are
        new = dataclasses.replace(recorded, id=old.id).inspected(some_findings(old), NOW)
        async with unit_of_work() as unit:
            with pytest.raises(InspectionChanged):
                await unit.inspections.replace(old, new)
            with pytest.raises(InspectionChanged):
                await unit.inspections.renew(old, NOW + 2 * LEASE)
            await unit.commit()
        assert await _read(unit_of_work, recorded.id) == recorded

    async def test_findings_vanish_with_a_state_that_has_none(self, unit_of_work: UnitOfWorkFactory) -> None:
        inspected = await _added(unit_of_work, an_inspection())
        deleting = await _replaced(unit_of_work, inspected, inspected.deleting(NOW, NOW + LEASE))
        assert await _read(unit_of_work, inspected.id) == deleting
        # Nothing of them is in the way of new ones.
        await _replaced(unit_of_work, deleting, inspected)
        assert await _read(unit_of_work, inspected.id) == inspected

    async def test_findings_are_seen_whole_or_not_at_all(self, unit_of_work: UnitOfWorkFactory) -> None:
        inspecting = await _added(unit_of_work, an_inspection(State.INSPECTING))
        inspected = inspecting.inspected(some_findings(inspecting, regions=2500), NOW)
        seen: list[Inspection] = []

        async def watch() -> None:
            while not seen or seen[-1].state is State.INSPECTING:
                seen.append(await _read(unit_of_work, inspecting.id))

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch)
                await _replaced(unit_of_work, inspecting, inspected)
        assert seen[-1] == inspected
        assert all(inspection == inspecting for inspection in seen[:-1])

    async def test_a_lease_is_moved_and_nothing_else(self, unit_of_work: UnitOfWorkFactory) -> None:
        inspection = await _added(unit_of_work, an_inspection(State.INSPECTING))
        async with unit_of_work() as unit:
            await unit.inspections.renew(inspection, NOW + 2 * LEASE)
            await unit.commit()
        renewed = dataclasses.replace(inspection, lease_until=NOW + 2 * LEASE)
        assert await _read(unit_of_work, inspection.id) == renewed

    async def test_expired_ones_come_in_the_order_in_which_they_expired(self, unit_of_work: UnitOfWorkFactory) -> None:
        late, early = an_inspection(State.RECEIVED, now=NOW + MOMENT), an_inspection(State.RECEIVED, now=NOW)
        for inspection in (late, early, an_inspection(State.INSPECTED), an_inspection(State.FAILED)):
            await _added(unit_of_work, inspection)
        assert await _next_expired(unit_of_work, NOW + LEASE - MOMENT) is None
        assert await _next_expired(unit_of_work, NOW + LEASE) == early
        assert await _next_expired(unit_of_work, NOW + 2 * LEASE) == early
        await _removed(unit_of_work, early)
        assert await _next_expired(unit_of_work, NOW + 2 * LEASE) == late
        await _removed(unit_of_work, late)
        assert await _next_expired(unit_of_work, NOW + 2 * LEASE) is None

    async def test_an_expired_one_is_taken_by_one_alone(self, unit_of_work: UnitOfWorkFactory) -> None:
        expired = [await _added(unit_of_work, an_inspection(State.RECEIVED)) for _ in range(6)]
        taken: list[str] = []

        async def take() -> None:
            while (one := await _claimed(unit_of_work)) is not None:
                taken.append(one.id)

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                for _ in range(4):
                    tasks.start_soon(take)
        assert sorted(taken) == sorted(inspection.id for inspection in expired)

    async def test_concurrent_changes_lose_nothing(self, unit_of_work: UnitOfWorkFactory) -> None:
        inspection = await _added(unit_of_work, an_inspection(State.INSPECTING))

        async def increment() -> None:
            for _ in range(5):
                while not await _incremented(unit_of_work, inspection.id):
                    await anyio.lowlevel.checkpoint()

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                for _ in range(4):
                    tasks.start_soon(increment)
        assert (await _read(unit_of_work, inspection.id)).attempt == inspection.attempt + 20

    async def test_what_was_removed_is_gone_with_its_findings(self, unit_of_work: UnitOfWorkFactory) -> None:
        inspection = await _added(unit_of_work, an_inspection())
        other = await _added(unit_of_work, an_inspection())
        await _removed(unit_of_work, inspection)
        await _assert_missing(unit_of_work, inspection)
        assert await _read(unit_of_work, other.id) == other
        await _added(unit_of_work, inspection)
        assert await _read(unit_of_work, inspection.id) == inspection

    async def test_removing_a_missing_one_is_no_error(self, unit_of_work: UnitOfWorkFactory) -> None:
        await _removed(unit_of_work, an_inspection(State.DELETING))

    async def test_only_what_has_not_changed_is_removed(self, unit_of_work: UnitOfWorkFactory) -> None:
        recorded = await _added(unit_of_work, an_inspection())
        async with unit_of_work() as unit:
            with pytest.raises(InspectionChanged):
                await unit.inspections.remove(dataclasses.replace(recorded, attempt=recorded.attempt + 1))
            with pytest.raises(InspectionChanged):
                await unit.inspections.remove(dataclasses.replace(recorded, state=State.DELETING))
            await unit.commit()
        assert await _read(unit_of_work, recorded.id) == recorded

    async def test_a_reader_waits_for_no_writer_and_sees_what_is_committed(
        self, unit_of_work: UnitOfWorkFactory
    ) -> None:
        inspection = an_inspection()
        with anyio.fail_after(PATIENCE):
            async with unit_of_work() as unit:
                await unit.inspections.add(inspection)
                await _assert_missing(unit_of_work, inspection)
                await unit.commit()
                assert await _read(unit_of_work, inspection.id) == inspection


async def _added(unit_of_work: UnitOfWorkFactory, inspection: Inspection) -> Inspection:
    async with unit_of_work() as unit:
        await unit.inspections.add(inspection)
        await unit.commit()
    return inspection


async def _read(unit_of_work: UnitOfWorkFactory, inspection_id: str) -> Inspection:
    async with unit_of_work(read_only=True) as unit:
        return await unit.inspections.get(inspection_id)


async def _replaced(unit_of_work: UnitOfWorkFactory, old: Inspection, new: Inspection) -> Inspection:
    async with unit_of_work() as unit:
        await unit.inspections.replace(old, new)
        await unit.commit()
    return new


async def _removed(unit_of_work: UnitOfWorkFactory, inspection: Inspection) -> None:
    async with unit_of_work() as unit:
        await unit.inspections.remove(inspection)
        await unit.commit()


async def _next_expired(unit_of_work: UnitOfWorkFactory, now: datetime) -> Inspection | None:
    async with unit_of_work() as unit:
        return await unit.inspections.next_expired(now)


async def _claimed(unit_of_work: UnitOfWorkFactory) -> Inspection | None:
    async with unit_of_work() as unit:
        found = await unit.inspections.next_expired(NOW + LEASE)
        if found is None:
            return None
        await anyio.sleep(0.001)
        claimed = found.claimed(NOW + LEASE, NOW + 2 * LEASE)
        await unit.inspections.replace(found, claimed)
        await unit.commit()
    return claimed


async def _incremented(unit_of_work: UnitOfWorkFactory, inspection_id: str) -> bool:
    async with unit_of_work() as unit:
        found = await unit.inspections.get(inspection_id)
        await anyio.sleep(0.001)
        try:
            await unit.inspections.replace(found, dataclasses.replace(found, attempt=found.attempt + 1))
        except InspectionChanged:
            return False
        await unit.commit()
    return True


async def _assert_missing(unit_of_work: UnitOfWorkFactory, inspection: Inspection) -> None:
    with pytest.raises(InspectionNotFound):
        await _read(unit_of_work, inspection.id)
