"""Real servers on loopback: `with serving(application_of(engine=MemoryEngine(), …)) as server:`.

Each runs in a thread with an event loop of its own, configured as `aoi serve` configures it.
"""

import sqlite3
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from anyio.from_thread import BlockingPortal, start_blocking_portal

from aoi.adapters.image_reader import DecodingImageReader
from aoi.adapters.memory import MemoryEngine
from aoi.adapters.sql.database import SqlDatabase
from aoi.adapters.storage.local import LocalFileStore
from aoi.bootstrap import Application, assemble
from aoi.domain.limits import Limits
from aoi.domain.ports import FileStore, InferenceEngine
from aoi.entrypoints.api.app import create_app
from aoi.entrypoints.api.server import server_configuration
from aoi.settings import Settings

STARTING_SECONDS = 20
TABLES = ("images", "classes", "regions", "inspections")


@dataclass
class Server:
    """A server that runs. `client` asks it; `run` awaits something in its event loop."""

    url: str
    application: Application
    portal: BlockingPortal
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.url, timeout=30)

    @property
    def address(self) -> tuple[str, int]:
        url = httpx.URL(self.url)
        return url.host, url.port or 80

    def run(self, function: Callable[..., Awaitable[Any]], *arguments: object) -> Any:
        return self.portal.call(function, *arguments)

    def upload(self, content: bytes, filename: str = "board.png", **query: str) -> httpx.Response:
        return self.client.post("/upload", files={"image": (filename, content)}, params=query)


@contextmanager
def serving(
    application: AbstractAsyncContextManager[Application], settings: Settings | None = None
) -> Generator[Server]:
    """A server of `application`, which is opened and closed in the server's own event loop."""
    settings = settings or Settings(port=0, shutdown_seconds=5)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(application) as opened:
        server = uvicorn.Server(server_configuration(settings, create_app(opened)))
        served = portal.start_task_soon(server.serve)
        try:
            running = Server(_url_of(server), opened, portal)
            with running.client:
                yield running
        finally:
            server.should_exit = True
            served.result(STARTING_SECONDS)


def _url_of(server: uvicorn.Server) -> str:
    ends = time.monotonic() + STARTING_SECONDS
    while not server.started:
        if time.monotonic() > ends:
            raise RuntimeError("The server did not start.")
        time.sleep(0.005)
    host, port = server.servers[0].sockets[0].getsockname()
    return f"http://{host}:{port}"


@dataclass
class Home:
    """A folder with a SQLite database and a file store: `rows` and `files` tell what is in them, by plain means."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "aoi.db"

    @property
    def store(self) -> Path:
        return self.folder / "files"

    def rows(self, table: str) -> list[dict[str, Any]]:
        with sqlite3.connect(self.database) as connection:
            connection.row_factory = sqlite3.Row
            found = [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid")]
        connection.close()
        return found

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        return {table: len(self.rows(table)) for table in TABLES}

    def files(self) -> dict[str, bytes]:
        """Every file in the store, by its key."""
        return {
            path.relative_to(self.store).as_posix(): path.read_bytes()
            for path in sorted(self.store.rglob("*"))
            if path.is_file()
        }

    def is_empty(self) -> bool:
        """Whether nothing is left: no row, no file."""
        return not any(self.counts().values()) and not self.files()

    @asynccontextmanager
    async def application(
        self,
        engine: InferenceEngine | None = None,
        *,
        limits: Limits = Limits(),
        files: FileStore | None = None,
        max_megapixels: float = 100,
    ) -> AsyncGenerator[Application]:
        """An application that keeps everything here; `files` stands in for the store."""
        database = SqlDatabase(f"sqlite+aiosqlite:///{self.database.as_posix()}")
        try:
            await database.upgrade()
            yield assemble(
                engine=engine or MemoryEngine(),
                files=files or LocalFileStore(self.store),
                image_reader=DecodingImageReader(max_megapixels=max_megapixels),
                unit_of_work=database.unit_of_work,
                database=database,
                limits=limits,
            )
        finally:
            await database.close()


@asynccontextmanager
async def opened(application: Application) -> AsyncGenerator[Application]:
    """An application that needs no opening."""
    yield application


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether the condition comes true in time."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.01)
    return True
