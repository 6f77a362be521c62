"""Run against the built and installed wheel, away from the sources: what was forgotten in it shows here."""

import shutil
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

import pytest

import aoi
from aoi.adapters.image_reader import DecodingImageReader
from aoi.adapters.memory import MemoryDatabase, MemoryEngine, MemoryFileStore
from aoi.domain.ports import FileStore, ImageReader, InferenceEngine, UnitOfWorkFactory
from aoi.testing.engine import EngineContract
from aoi.testing.file_store import FileStoreContract
from aoi.testing.image_reader import ImageReaderContract
from aoi.testing.unit_of_work import UnitOfWorkContract


class TestEngine(EngineContract):
    @pytest.fixture
    def engine(self) -> InferenceEngine:
        return MemoryEngine()


class TestFileStore(FileStoreContract):
    @pytest.fixture
    def files(self) -> FileStore:
        return MemoryFileStore()


class TestImageReader(ImageReaderContract):
    @pytest.fixture
    def reader(self) -> ImageReader:
        return DecodingImageReader(max_megapixels=1)


class TestUnitOfWork(UnitOfWorkContract):
    @pytest.fixture
    def unit_of_work(self) -> UnitOfWorkFactory:
        return MemoryDatabase().unit_of_work


def test_everything_that_is_exported_is_there() -> None:
    assert all(getattr(aoi, name) for name in aoi.__all__)


def test_importing_aoi_loads_no_framework() -> None:
    heavy = ("litestar", "sqlalchemy", "httpx", "cv2", "numpy", "diplib", "obstore", "uvicorn", "rich")
    script = f"import sys, aoi; aoi.UploadImage; print([name for name in {heavy!r} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert shown.stdout.strip() == "[]"


def test_the_types_the_pages_and_the_migrations_are_shipped() -> None:
    package = resources.files("aoi")
    shipped = [
        "py.typed",
        "entrypoints/web/index.html",
        "entrypoints/web/docs.html",
        "entrypoints/web/assets/upload.js",
        "entrypoints/web/assets/swagger-ui/swagger-ui-bundle.js",
        "entrypoints/web/assets/swagger-ui/LICENSE",
        "adapters/sql/migrations/env.py",
    ]
    assert [name for name in shipped if not package.joinpath(*name.split("/")).is_file()] == []


def test_the_command_creates_a_database_that_is_well(tmp_path: Path) -> None:
    command = shutil.which("aoi", path=str(Path(sys.executable).parent))
    assert command is not None
    for step in ("upgrade", "check"):
        done = subprocess.run(
            [command, "db", step],
            env={"AOI_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "aoi.db").is_file()


def test_the_version_is_the_package_s() -> None:
    assert (
        metadata.version("aoi")
        in subprocess.run(
            [sys.executable, "-m", "aoi.entrypoints.cli", "--version"],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout
    )
