"""The steps that a process takes through its ports, and the end at one of them."""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from aoi.adapters.storage.local import sync
from crashes.job import Job, Voice


class Steps:
    """Counts and names every step; at the last one the process kills itself, with no chance to clean up."""

    def __init__(self, job: Job, voice: Voice) -> None:
        self._job = job
        self._voice = voice
        self._taken = 0

    def take(self, place: str) -> None:
        self._taken += 1
        self._voice.say("step", place)
        if self._taken == self._job.last_step or place == self._job.last_place:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def around(self, name: str) -> Generator[None]:
        """A step before, and one after what succeeds."""
        self.take(f"before {name}")
        yield
        self.take(f"after {name}")

    def committed(self, state: str) -> None:
        """Said at once, no step between: from here on it is promised."""
        self._voice.say("committed", state)

    def sync(self, path: Path) -> None:
        """What the file store syncs with: says what a power cut could not take any more."""
        self.take("before sync")
        sync(path)
        self._voice.say("synced", path)
