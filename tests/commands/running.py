"""The command line as its user has it: in a process of its own (`run`), or faster in this one (`CommandLine`)."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import httpx
import msgspec
import pytest

from aoi.entrypoints.cli import main
from servers import Home, eventually

ADDRESS = re.compile(r"running on (http://\S+)")
PATIENCE = 60
"""Seconds for what should take one or two: other tests may run beside."""


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit status and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """stdout, where each line is an object of JSON."""
        return [msgspec.json.decode(line) for line in self.out.splitlines()]

    @property
    def complaint(self) -> str:
        """The last line of stderr."""
        assert "Traceback" not in self.err, self.err
        return self.err.splitlines()[-1]


@dataclass
class CommandLine:
    """`aoi`, in this process; it keeps everything in `home`."""

    home: Home
    environment: pytest.MonkeyPatch
    captured: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        for name in os.environ:
            if name.startswith("AOI_") and not name.startswith("AOI_TESTS_"):
                self.environment.delenv(name)
        self.environment.setenv("AOI_HOME", str(self.home.folder))

    def __call__(self, *arguments: str | Path, **settings: str) -> Outcome:
        for name, value in settings.items():
            self.environment.setenv(name, value)
        self.captured.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as left:  # argparse leaves so
            status = int(left.code or 0)
        captured = self.captured.readouterr()
        return Outcome(status, captured.out, captured.err)


def start(
    home: Home,
    *arguments: str | Path,
    settings: Mapping[str, str],
    out: int = subprocess.PIPE,
    err: int | TextIO = subprocess.PIPE,
) -> subprocess.Popen[str]:
    """A process of `aoi`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AOI_")}
    environment |= {"AOI_HOME": str(home.folder), "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"} | dict(settings)
    command = [sys.executable, "-m", "aoi.entrypoints.cli", *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=out, stderr=err, text=True, encoding="utf-8")


def ended(process: subprocess.Popen[str]) -> Outcome:
    """What became of it, once it has ended."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return Outcome(process.returncode, out or "", err or "")


def run(home: Home, *arguments: str | Path, **settings: str) -> Outcome:
    """`aoi` in a process of its own, to its end."""
    return ended(start(home, *arguments, settings=settings))


@dataclass
class ServeProcess:
    """`aoi serve`, which answers at `url` and logs to a file."""

    process: subprocess.Popen[str]
    log_file: Path
    url: str = ""

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def upload(self, content: bytes) -> httpx.Response:
        return httpx.post(f"{self.url}/upload", files={"image": ("board.png", content)}, timeout=PATIENCE)

    def stopped_by(self, number: signal.Signals) -> int:
        """The exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def aoi_serve(home: Home, name: str = "serve", **settings: str) -> Generator[ServeProcess]:
    """A server on a free port, killed at the end where it runs still."""
    log_file = home.folder.parent / f"{name}.log"
    with log_file.open("w") as log:
        process = start(home, "serve", settings={"AOI_PORT": "0"} | settings, out=subprocess.DEVNULL, err=log)
    server = ServeProcess(process, log_file)
    try:
        assert eventually(lambda: bool(ADDRESS.search(server.log)) or process.poll() is not None, PATIENCE)
        found = ADDRESS.search(server.log)
        assert found, server.log
        server.url = found[1]
        yield server
    finally:
        process.kill()
        process.wait()
