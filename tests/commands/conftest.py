"""A command line with a home of its own, and boards to inspect."""

import logging
from collections.abc import Generator
from pathlib import Path

import pytest

from commands.running import CommandLine
from sample_images import noise, png
from segformer_stub import SegformerStub
from servers import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def aoi(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Generator[CommandLine]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield CommandLine(home, monkeypatch, capsys)
    root.handlers[:] = handlers  # the command set up its own, on a stream that ends with the test
    root.setLevel(level)


@pytest.fixture
def board(tmp_path: Path) -> Path:
    path = tmp_path / "board.png"
    path.write_bytes(png())
    return path


@pytest.fixture
def other_board(tmp_path: Path) -> Path:
    """Another image, of the same name."""
    path = tmp_path / "other" / "board.png"
    path.parent.mkdir()
    path.write_bytes(png(noise(64, 48)))
    return path


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "notes.txt"
    path.write_text("The third panel is scratched.")
    return path


@pytest.fixture
def service() -> Generator[SegformerStub]:
    """Finds 5, 1, 1 and 0 regions in every image."""
    with SegformerStub() as stub:
        yield stub
