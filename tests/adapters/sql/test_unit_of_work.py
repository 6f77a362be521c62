import pytest

from aoi.adapters.sql.database import SqlDatabase
from aoi.domain.ports import UnitOfWorkFactory
from aoi.testing.unit_of_work import UnitOfWorkContract


class TestSqlite(UnitOfWorkContract):
    @pytest.fixture
    def unit_of_work(self, database: SqlDatabase) -> UnitOfWorkFactory:
        return database.unit_of_work
