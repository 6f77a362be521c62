"""Whether every part can serve, and what is wrong where one cannot."""

import anyio
import pytest

from aoi.adapters.memory_database import MemoryDatabase
from aoi.adapters.memory_engine import MemoryEngine
from aoi.adapters.memory_file_store import MemoryFileStore
from aoi.domain.check_readiness import CheckReadiness
from aoi.domain.defects import EngineInfo
from aoi.domain.errors import DatabaseUnavailable, EngineUnavailable

pytestmark = pytest.mark.anyio


class BrokenDatabase(MemoryDatabase):
    async def check(self) -> None:
        raise DatabaseUnavailable("It sleeps.")


class HangingFiles(MemoryFileStore):
    async def check(self) -> None:
        await anyio.sleep_forever()


class BuggyEngine(MemoryEngine):
    async def describe(self) -> EngineInfo:
        raise KeyError("secret")


class TalkativeEngine(MemoryEngine):
    async def describe(self) -> EngineInfo:
        return EngineInfo("segformer", "b0", device="cuda:0")


async def test_parts_that_serve_are_ready() -> None:
    parts = await CheckReadiness(MemoryDatabase(), MemoryFileStore(), TalkativeEngine())()
    assert [(part.name, part.ready, part.detail) for part in parts] == [
        ("database", True, "answers"),
        ("storage", True, "writes, reads and deletes"),
        ("engine", True, "segformer b0 cuda:0"),
    ]
    assert all(part.milliseconds >= 0 for part in parts)


async def test_a_part_that_cannot_serve_says_why_and_hides_no_other() -> None:
    engine = MemoryEngine(error=EngineUnavailable("No GPU."))
    parts = await CheckReadiness(BrokenDatabase(), MemoryFileStore(), engine)()
    assert [(part.ready, part.detail) for part in parts] == [
        (False, "It sleeps."),
        (True, "writes, reads and deletes"),
        (False, "No GPU."),
    ]


async def test_a_part_that_hangs_is_waited_for_no_longer_than_patience_lasts() -> None:
    with anyio.fail_after(5):
        database, storage, engine = await CheckReadiness(MemoryDatabase(), HangingFiles(), MemoryEngine(), 0.05)()
    assert (database.ready, storage.ready, engine.ready) == (True, False, True)
    assert storage.detail == "The storage did not answer within 0.05 seconds."
    assert storage.milliseconds >= 50


async def test_a_part_with_a_bug_is_not_ready_and_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    *_, engine = await CheckReadiness(MemoryDatabase(), MemoryFileStore(), BuggyEngine())()
    assert (engine.ready, engine.detail) == (False, "The engine failed when it was asked. Look at aoi's log.")
    assert "KeyError: 'secret'" in caplog.text
