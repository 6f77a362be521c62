"""What happened in a folder, one process after the other, and many such folders side by side."""

import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from crashes.job import Job
from crashes.spawner import Life, Spawner
from crashes.world import World, sent_file

AT_ONCE = 6
"""Processes: much of the time they wait for the disk."""


@dataclass(frozen=True)
class History:
    folder: Path
    lives: tuple[Life, ...] = ()

    @property
    def committed(self) -> list[str]:
        """The states that were committed, by all processes."""
        return [state for life in self.lives for state in life.committed]

    @property
    def attempts(self) -> int:
        return self.committed.count("inspecting")

    @property
    def sent(self) -> bytes:
        return sent_file(self.folder).read_bytes()

    @property
    def world(self) -> World:
        return World.of(self.folder)

    def assert_kept_whole_or_gone(self) -> None:
        """After the last restart: what was acknowledged is inspected, of all else there is no trace."""
        if "received" in self.committed:
            self.world.assert_inspected(self.sent, attempts=self.attempts, interruptions=self.attempts - 1)
            assert self.committed.count("inspected") == 1
        else:
            self.world.assert_empty()

    @contextmanager
    def told(self) -> Generator[None]:
        """Adds to an error what happened before it."""
        try:
            yield
        except BaseException as error:
            error.add_note("; ".join(str(life) for life in self.lives))
            raise


class Histories:
    """Begins histories below `root`, each in a copy of a folder."""

    def __init__(self, spawner: Spawner, root: Path) -> None:
        self._spawner = spawner
        self._root = root
        self._numbers = count()

    def copy(self, past: History) -> History:
        return replace(past, folder=shutil.copytree(past.folder, self._root / str(next(self._numbers))))

    def go_on(self, past: Iterable[History], job: Job) -> list[History]:
        """Each history with one more life, spent on `job` in its folder."""
        return self._live([(history, job) for history in past])

    def die_at_every_step(self, past: History, job: Job) -> list[History]:
        """In copies of one history's folder: `job` ended at its first step, at its second, and so on to its last."""
        (whole,) = self._live([(self.copy(past), job)])
        steps = whole.lives[-1].steps
        assert not whole.lives[-1].was_killed
        died = self._live([(self.copy(past), replace(job, last_step=last)) for last in range(1, len(steps) + 1)])
        for number, history in enumerate(died, start=1):
            assert history.lives[-1].was_killed
            assert history.lives[-1].steps == steps[:number]
        return died

    def _live(self, tasks: list[tuple[History, Job]]) -> list[History]:
        done: list[History] = []
        for start in range(0, len(tasks), AT_ONCE):
            now = tasks[start : start + AT_ONCE]
            lives = self._spawner.run(*(replace(job, folder=str(history.folder)) for history, job in now))
            done += [replace(past, lives=(*past.lives, life)) for (past, _), life in zip(now, lives, strict=True)]
        return done


def each_world_once(histories: Iterable[History]) -> list[History]:
    """One history for each different world that they lead to."""
    return list({history.world.fingerprint(): history for history in histories}.values())
