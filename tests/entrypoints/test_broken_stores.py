"""A store or a database that fails, and faults of aoi itself: a problem without secrets, and nothing left."""

import logging
import shutil
import sqlite3
from collections.abc import AsyncIterator, Generator
from types import TracebackType
from typing import Self

import httpx
import pytest

from aoi.adapters.image_reader import DecodingImageReader
from aoi.adapters.memory import MemoryDatabase, MemoryEngine, MemoryFileStore
from aoi.bootstrap import assemble
from aoi.domain.errors import AoiError, DatabaseUnavailable, StorageFull, StorageUnavailable
from aoi.domain.inspection import Inspection
from aoi.domain.ports import FileStore, InspectionRepository, UnitOfWork, UnitOfWorkFactory
from aoi.domain.streams import bytes_chunks
from sample_images import png
from servers import Home, Server, opened, serving

SECRET = "postgresql://aoi:hunter2@10.0.0.7/aoi at /srv/secret/place"


class BrokenStore(MemoryFileStore):
    """Raises `error` where one is set, for keys that begin with `prefix`."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.prefix = ""

    def keys(self) -> set[str]:
        return set(self._files)

    def _fail(self, key: str) -> None:
        if self.error is not None and key.startswith(self.prefix):
            raise self.error

    async def write(self, key: str, content: AsyncIterator[bytes]) -> None:
        self._fail(key)
        await super().write(key, content)

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        self._fail(key)
        async for chunk in bytes_chunks(self._content(key)[start:end]):
            yield chunk

    async def size(self, key: str) -> int:
        self._fail(key)
        return await super().size(key)

    async def check(self) -> None:
        self._fail("")


class BrokenDatabase:
    """A database in memory that raises `error` where one is set, when a unit of work begins or is committed."""

    def __init__(self) -> None:
        self.memory = MemoryDatabase()
        self.error: Exception | None = None
        self.when = "begin"

    def unit_of_work(self, *, read_only: bool = False) -> UnitOfWork:
        return _BrokenUnit(self, self.memory.unit_of_work(read_only=read_only))

    async def check(self) -> None:
        if self.error is not None:
            raise self.error

    def fail(self, when: str) -> None:
        if self.error is not None and when == self.when:
            raise self.error


class _BrokenUnit:
    def __init__(self, database: BrokenDatabase, unit: UnitOfWork) -> None:
        self._database = database
        self._unit = unit

    @property
    def inspections(self) -> InspectionRepository:
        return self._unit.inspections

    async def __aenter__(self) -> Self:
        self._database.fail("begin")
        await self._unit.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._unit.__aexit__(kind, error, traceback)

    async def commit(self) -> None:
        self._database.fail("commit")
        await self._unit.commit()


@pytest.fixture
def store() -> BrokenStore:
    return BrokenStore()


@pytest.fixture
def database() -> BrokenDatabase:
    return BrokenDatabase()


@pytest.fixture
def engine() -> MemoryEngine:
    return MemoryEngine()


@pytest.fixture
def server(store: BrokenStore, database: BrokenDatabase, engine: MemoryEngine) -> Generator[Server]:
    assert isinstance(store, FileStore)
    assert isinstance(database.unit_of_work, UnitOfWorkFactory)
    application = assemble(
        engine=engine,
        files=store,
        image_reader=DecodingImageReader(),
        unit_of_work=database.unit_of_work,
        database=database,
    )
    with serving(opened(application)) as running:
        yield running


def recorded(server: Server, database: BrokenDatabase) -> list[Inspection]:
    async def read() -> list[Inspection]:
        return list((await database.memory.begin(read_only=True)).values())

    return server.run(read)


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{code}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert SECRET not in answer.text
    assert ("retry-after" in answer.headers) is (status == 503)


@pytest.mark.parametrize(("error", "status"), [(StorageFull(), 507), (StorageUnavailable(), 503)])
def test_a_store_that_takes_no_upload_leaves_nothing(
    server: Server, store: BrokenStore, database: BrokenDatabase, error: AoiError, status: int
) -> None:
    store.error = error
    assert_problem(answer := server.upload(png()), status, error.code)
    assert "img_unique_id" not in answer.json()
    assert recorded(server, database) == []
    assert store.keys() == set()


@pytest.mark.parametrize(("error", "status"), [(StorageFull(), 507), (StorageUnavailable(), 503)])
def test_a_store_that_takes_no_picture_keeps_the_upload(
    server: Server, store: BrokenStore, database: BrokenDatabase, error: AoiError, status: int
) -> None:
    store.error, store.prefix = error, "results/"
    assert_problem(answer := server.upload(png()), status, error.code)
    [failed] = recorded(server, database)
    assert (failed.state, failed.id) == ("failed", answer.json()["img_unique_id"])
    assert store.keys() == {failed.file_key}
    store.error = None
    assert server.client.post(answer.json()["retry_url"]).status_code == 200


@pytest.mark.parametrize("when", ["begin", "commit"])
def test_without_its_database_nothing_is_taken(
    server: Server, store: BrokenStore, database: BrokenDatabase, when: str
) -> None:
    database.error, database.when = DatabaseUnavailable(), when
    assert_problem(server.upload(png()), 503, "database-unavailable")
    assert store.keys() == set()
    assert recorded(server, database) == []


@pytest.mark.parametrize("path", ["/images/1", "/download/image/1/input", "/download/json/1"])
def test_without_its_database_nothing_is_told(server: Server, database: BrokenDatabase, path: str) -> None:
    database.error = DatabaseUnavailable(retry_after=17.2)
    answer = server.client.get(path)
    assert_problem(answer, 503, "database-unavailable")
    assert answer.headers["retry-after"] == "18"


def test_a_store_that_cannot_be_read_gives_no_pictures(server: Server, store: BrokenStore) -> None:
    answer = server.upload(png()).json()
    store.error = StorageUnavailable()
    assert_problem(server.client.get(answer["images"]["mask"]), 503, "storage-unavailable")
    store.error = None
    store.prefix = "uploads/"
    store.error = StorageUnavailable()
    assert server.client.get(answer["images"]["mask"]).status_code == 200


@pytest.mark.parametrize("broken", ["store", "database"])
def test_a_fault_of_aoi_itself_is_logged_and_not_told(
    server: Server, store: BrokenStore, database: BrokenDatabase, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    caplog.set_level(logging.ERROR)
    {"store": store, "database": database}[broken].error = RuntimeError(SECRET)
    assert_problem(answer := server.upload(png()), 500, "error")
    assert answer.json() == {
        "type": "/problems/error",
        "title": "Error",
        "status": 500,
        "detail": "aoi failed at this request. Its log says why.",
        "instance": "/upload",
    }
    assert SECRET in caplog.text
    assert recorded(server, database) == []


def test_a_fault_of_the_engine_is_logged_and_not_told(
    server: Server, engine: MemoryEngine, database: BrokenDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    engine.error = RuntimeError(SECRET)  # pyright: ignore[reportAttributeAccessIssue]  # as no engine may
    assert_problem(server.upload(png()), 502, "engine-failed")
    assert SECRET in caplog.text
    assert [inspection.state for inspection in recorded(server, database)] == ["failed"]


def test_the_folder_of_the_files_is_in_no_answer(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = Home(tmp_path_factory.mktemp("hidden"))
    with serving(home.application()) as server:
        identity = server.upload(png()).json()["img_unique_id"]
        shutil.rmtree(home.store)
        home.store.write_bytes(b"no folder")
        answers = [
            server.client.get(f"/download/image/{identity}/input"),
            server.client.get(f"/images/{identity}"),
            server.client.get("/health/ready"),
        ]
        with sqlite3.connect(home.database) as connection:
            connection.execute("DROP TABLE inspections")
        connection.close()
        answers += [server.client.get("/health/ready"), server.upload(png())]
    assert [answer.status_code for answer in answers] == [503, 200, 503, 503, 503]
    assert all("hidden" not in answer.text and "Traceback" not in answer.text for answer in answers)
