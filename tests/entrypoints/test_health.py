"""Whether the process lives, and whether it can serve."""

import sqlite3
from collections.abc import Generator

import pytest

from aoi.adapters.memory import MemoryEngine
from aoi.domain.errors import EngineUnavailable
from aoi.domain.version import aoi_version
from servers import Home, Server, serving


@pytest.fixture
def engine() -> MemoryEngine:
    return MemoryEngine()


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def server(home: Home, engine: MemoryEngine) -> Generator[Server]:
    with serving(home.application(engine)) as running:
        yield running


def test_the_process_lives(server: Server) -> None:
    answer = server.client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": aoi_version()})


def test_it_can_serve_when_every_part_can(server: Server) -> None:
    answer = server.client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["ready"] is True
    assert list(answer.json()["parts"]) == ["database", "storage", "engine"]
    for part in answer.json()["parts"].values():
        assert part["ready"] is True
        assert part["milliseconds"] >= 0
        assert part["detail"]


@pytest.mark.parametrize("broken", ["database", "storage", "engine"])
def test_it_cannot_serve_when_one_part_cannot(server: Server, home: Home, engine: MemoryEngine, broken: str) -> None:
    if broken == "engine":
        engine.error = EngineUnavailable("The GPU is on fire. Put it out.")
    elif broken == "storage":
        home.store.rmdir()
        home.store.write_bytes(b"no folder")
    else:
        with sqlite3.connect(home.database) as connection:
            connection.execute("DELETE FROM alembic_version")
        connection.close()
    answer = server.client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    parts = answer.json()["parts"]
    assert {name: part["ready"] for name, part in parts.items()} == {
        name: name != broken for name in ("database", "storage", "engine")
    }
    assert parts[broken]["detail"].endswith(".")
    assert str(home.folder) not in answer.text
    assert server.client.get("/health").status_code == 200
