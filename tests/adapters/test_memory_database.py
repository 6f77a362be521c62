import pytest

from aoi.adapters.memory_database import MemoryDatabase
from aoi.domain.errors import DatabaseUnavailable
from aoi.domain.ports import Checkable, UnitOfWorkFactory
from aoi.testing.examples import an_inspection
from aoi.testing.unit_of_work import UnitOfWorkContract

pytestmark = pytest.mark.anyio


class TestMemoryDatabase(UnitOfWorkContract):
    @pytest.fixture
    def unit_of_work(self) -> UnitOfWorkFactory:
        return MemoryDatabase().unit_of_work


async def test_it_is_always_well() -> None:
    database = MemoryDatabase()
    assert isinstance(database, Checkable)
    await database.check()


async def test_a_unit_that_reads_cannot_write() -> None:
    inspection = an_inspection()
    async with MemoryDatabase().unit_of_work(read_only=True) as unit:
        with pytest.raises(DatabaseUnavailable):
            await unit.inspections.add(inspection)
        with pytest.raises(DatabaseUnavailable):
            await unit.inspections.replace(inspection, inspection)
        await unit.commit()


async def test_an_id_is_recorded_once() -> None:
    inspection = an_inspection()
    async with MemoryDatabase().unit_of_work() as unit:
        await unit.inspections.add(inspection)
        with pytest.raises(DatabaseUnavailable):
            await unit.inspections.add(inspection)
