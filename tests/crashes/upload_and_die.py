"""Forks a process for every job that it reads from stdin; each dies at the step that its job names.

    python -m crashes.upload_and_die

What takes long to start is loaded once, before the first of them. A line of stdin holds the jobs that run at once.
"""

import gc
import logging
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import anyio

from aoi.adapters.image_reader import DecodingImageReader
from aoi.adapters.memory_engine import MemoryEngine, black_png
from aoi.adapters.sql.database import SqlDatabase
from aoi.adapters.storage.local import LocalFileStore
from aoi.domain.errors import EngineFailed
from aoi.domain.image import IncomingImage
from aoi.domain.leases import utc_now
from aoi.domain.limits import Limits
from aoi.domain.resume_interrupted import ResumeInterrupted
from aoi.domain.retry_inspection import RetryInspection
from aoi.domain.streams import bytes_chunks
from aoi.domain.upload_image import UploadImage
from crashes.counted_ports import CountedEngine, CountedFiles, CountedReader, counted, counted_units
from crashes.job import Job, Voice
from crashes.steps import Steps
from crashes.world import FOUND, database_url, files_folder, only_id, sent_file


async def live(job: Job, voice: Voice) -> None:
    """Do the job on the shipped adapters, and say what came of it."""
    database = SqlDatabase(database_url(job.folder))
    try:
        voice.say("ended", await do(job, Steps(job, voice), database))
    finally:
        await database.close()


async def do(job: Job, steps: Steps, database: SqlDatabase) -> str:
    """The inspection's state in the end, or what was resumed."""
    if job.task == "prepare":
        await database.upgrade()
        return ""
    engine = CountedEngine(told(job), steps)
    files = CountedFiles(LocalFileStore(files_folder(job.folder), sync=steps.sync), steps)
    units = counted_units(database.unit_of_work, steps)
    limits = Limits(lease_seconds=job.lease_seconds)

    def clock() -> datetime:
        return utc_now() + timedelta(hours=job.hours)

    if job.task == "resume":
        resume = ResumeInterrupted(engine=engine, files=files, unit_of_work=units, limits=limits, clock=clock)
        return str(await resume())
    if job.task == "retry":
        retry = RetryInspection(engine=engine, files=files, unit_of_work=units, limits=limits, clock=clock)
        return (await retry(only_id(job.folder))).state
    reader = CountedReader(DecodingImageReader(), steps)
    upload = UploadImage(
        engine=engine, files=files, image_reader=reader, unit_of_work=units, limits=limits, clock=clock
    )
    image = IncomingImage("board.png", counted(pieces_of(sent_file(job.folder), job.pieces), steps, "body"))
    return (await upload(image)).state


def told(job: Job) -> MemoryEngine:
    seconds = 3600.0 if job.engine == "hangs" else job.engine_seconds
    return MemoryEngine(FOUND, delay=seconds, error=EngineFailed() if job.engine == "fails" else None)


async def pieces_of(path: Path, pieces: int) -> AsyncIterator[bytes]:
    content = path.read_bytes()  # noqa: ASYNC240  # nothing else runs in this process
    size = -(-len(content) // pieces)
    for start in range(0, len(content), size):
        yield content[start : start + size]


def forked(number: int, job: Job) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        Voice(number).say("pid", os.getpid())
        # Nobody handles SIGALRM: it ends the process as SIGKILL does, wherever it stands.
        signal.setitimer(signal.ITIMER_REAL, job.last_second)
        anyio.run(live, job, Voice(number))
        status = 0
    except Exception:  # noqa: BLE001  # told, and the exit status says it: a fork must not return from here
        traceback.print_exc()
    finally:
        os._exit(status)


async def warm_up() -> None:
    """Load what is loaded late; nothing that keeps a thread, which no fork would have."""
    with tempfile.TemporaryDirectory() as folder:
        database = SqlDatabase(database_url(folder))
        await database.upgrade()
        async with database.unit_of_work() as unit:
            await unit.inspections.next_expired(utc_now())
        await database.close()
    await DecodingImageReader().read(lambda: bytes_chunks(black_png(8, 8)))


def main() -> None:
    logging.disable()
    anyio.run(warm_up)
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join()
    gc.freeze()
    for line in sys.stdin:
        pids = [forked(number, job) for number, job in enumerate(Job.read(line))]
        for number, pid in enumerate(pids):
            _, status = os.waitpid(pid, 0)
            Voice(number).say("exit", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
