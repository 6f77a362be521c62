"""The parent's side of `upload_and_die`."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from crashes.job import Job, written


@dataclass
class Life:
    """What a process said before it ended, and how it ended: `status` is negative for a signal."""

    pid: int = 0
    steps: list[str] = field(default_factory=list[str])
    committed: list[str] = field(default_factory=list[str])
    synced: list[Path] = field(default_factory=list[Path])
    ended: str = ""
    status: int = 0

    @property
    def was_killed(self) -> bool:
        return self.status in {-signal.SIGKILL, -signal.SIGALRM}

    def __str__(self) -> str:
        end = f"killed {self.steps[-1] if self.steps else 'at once'}" if self.was_killed else f"ended {self.ended}"
        return f"step {len(self.steps)}: {end}"

    def hear(self, word: str, detail: str) -> None:
        if word == "step":
            self.steps.append(detail)
        elif word == "committed":
            self.committed.append(detail)
        elif word == "synced":
            self.synced.append(Path(detail))
        elif word == "pid":
            self.pid = int(detail)
        else:
            self.ended = detail


class Spawner:
    """One warm process that forks the others."""

    def __enter__(self) -> Self:
        paths = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "crashes.upload_and_die"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)

    def run(self, *jobs: Job, kill_at: str | None = None, meanwhile: Callable[[], None] | None = None) -> list[Life]:
        """The lives of these jobs, all at once. One that reaches `kill_at` is killed from here, after `meanwhile`.

        `meanwhile` must not raise: every line has to be heard, or the next call hears it.
        """
        assert self._process.stdin is not None
        print(written(jobs), file=self._process.stdin, flush=True)
        lives = [Life() for _ in jobs]
        running = len(jobs)
        while running:
            life, word, detail = self._heard(lives)
            if word == "exit":
                life.status = int(detail)
                running -= 1
            else:
                life.hear(word, detail)
            if (word, detail) == ("step", kill_at):
                if meanwhile is not None:
                    meanwhile()
                os.kill(life.pid, signal.SIGKILL)
        assert all(life.was_killed or life.status == 0 for life in lives), lives
        return lives

    def _heard(self, lives: list[Life]) -> tuple[Life, str, str]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "The spawner died; its stderr says why."
        number, word, detail = line.rstrip("\n").split(" ", 2)
        return lives[int(number)], word, detail
