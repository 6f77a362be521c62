import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from crashes.history import Histories, History
from crashes.job import Job
from crashes.spawner import Spawner
from crashes.world import files_folder, sent_file
from sample_images import png

MEMORY = Path("/dev/shm")
ROOM_BYTES = 1 << 30

if os.name == "nt":
    collect_ignore_glob = ["test_*"]  # no fork, and no SIGKILL


@pytest.fixture(scope="session")
def spawner() -> Iterator[Spawner]:
    with Spawner() as spawner:
        yield spawner


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory where there is one: a killed process leaves the same there, and nobody waits for a disk."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM_BYTES:
        yield tmp_path_factory.mktemp("crashes")
        return
    with TemporaryDirectory(prefix="aoi-crashes-", dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def untouched(spawner: Spawner, workshop: Path) -> History:
    """An empty database, no file, and the image that is to be sent."""
    folder = workshop / "untouched"
    spawner.run(Job("prepare", str(folder)))
    files_folder(folder).mkdir()
    sent_file(folder).write_bytes(png())
    return History(folder)


@pytest.fixture
def histories(spawner: Spawner, workshop: Path) -> Iterator[Histories]:
    with TemporaryDirectory(dir=workshop) as folder:
        yield Histories(spawner, Path(folder))


@pytest.fixture(scope="session")
def killed_uploads(spawner: Spawner, untouched: History, workshop: Path) -> list[History]:
    """An upload killed at each of its steps. To be copied before anything goes on in them."""
    return Histories(spawner, workshop).die_at_every_step(untouched, Job("upload"))
