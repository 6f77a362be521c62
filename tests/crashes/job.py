"""What a process is told to do before it dies, and the few lines in which it says how far it came."""

import json
import os
from dataclasses import asdict, dataclass
from typing import Literal, Self


@dataclass(frozen=True)
class Job:
    """One life of a process: `task` in `folder`, ended at its `last_step`, at its `last_place` or in its `last_second`.

    `hours` sets its clock ahead, past the leases of those who died before it. `pieces` is in how many the image comes.
    """

    task: Literal["prepare", "upload", "resume", "retry"]
    folder: str = ""
    last_step: int | None = None
    last_place: str | None = None
    last_second: float = 0.0
    hours: float = 0
    engine: Literal["finds", "fails", "hangs"] = "finds"
    engine_seconds: float = 0.0
    lease_seconds: float = 30.0
    pieces: int = 3

    @classmethod
    def read(cls, line: str) -> list[Self]:
        return [cls(**fields) for fields in json.loads(line)]


def written(jobs: tuple[Job, ...]) -> str:
    return json.dumps([asdict(job) for job in jobs])


class Voice:
    """Says `number word detail` lines on stdout, each in one write, so that a killed process has said it or not."""

    def __init__(self, number: int) -> None:
        self._number = number

    def say(self, word: str, detail: object = "") -> None:
        os.write(1, f"{self._number} {word} {detail}\n".encode())
