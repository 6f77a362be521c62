"""What `aoi serve` does about interrupted inspections while it serves."""

import logging

import anyio
import pytest

from aoi.adapters.memory import MemoryDatabase, MemoryEngine, MemoryFileStore
from aoi.domain.errors import DatabaseUnavailable
from aoi.domain.inspection import State
from aoi.domain.ports import UnitOfWork
from aoi.domain.resume_interrupted import ResumeInterrupted
from aoi.entrypoints.commands.resume import resume_for_ever
from aoi.testing.examples import an_inspection

pytestmark = pytest.mark.anyio


class DatabaseThatComesBack:
    """Fails at first."""

    def __init__(self, failures: int) -> None:
        self.database = MemoryDatabase()
        self.failures = failures

    def unit_of_work(self, *, read_only: bool = False) -> UnitOfWork:
        if self.failures:
            self.failures -= 1
            raise DatabaseUnavailable("The database is away.")
        return self.database.unit_of_work(read_only=read_only)


async def test_it_waits_for_a_database_that_is_away_and_then_takes_up_what_was_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    coming_back = DatabaseThatComesBack(failures=2)
    async with coming_back.database.unit_of_work() as unit:
        await unit.inspections.add(an_inspection(State.RECEIVING))
        await unit.commit()
    resume = ResumeInterrupted(engine=MemoryEngine(), files=MemoryFileStore(), unit_of_work=coming_back.unit_of_work)
    with anyio.move_on_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(resume_for_ever, resume, 0.01)
            while "Took up" not in caplog.text:  # noqa: ASYNC110  # a log has no event
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
    messages = [record.message for record in caplog.records if record.name.startswith("aoi.entrypoints")]
    assert messages == [
        "Interrupted inspections are looked for again later: The database is away.",
        "Interrupted inspections are looked for again later: The database is away.",
        "Took up what was interrupted: 0 inspected, 0 failed, 1 incomplete uploads removed, 0 left for later.",
    ]
