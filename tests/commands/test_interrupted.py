"""`aoi inspect` that is stopped: by Ctrl-C, or by a reader who has seen enough."""

import os
import signal
import time
from pathlib import Path

import pytest
from PIL import Image

from aoi.domain.inspection import State
from commands.running import CommandLine, ended, start
from segformer_stub import Reply, SegformerStub
from servers import Home, eventually

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and pipes of POSIX")


def test_ctrl_c_gives_the_image_back_and_resume_finishes_it(
    aoi: CommandLine, service: SegformerStub, board: Path, other_board: Path
) -> None:
    settings = {"AOI_INFERENCE_URL": f"segformer+{service.url}"}
    usual = service.answer
    service.next_answers.extend([usual, Reply(delay=600)])
    process = start(aoi.home, "inspect", other_board, board, settings=settings)
    assert eventually(lambda: len(service.uploads) == 2 and service.uploads[1].read is not None, 60)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    outcome = ended(process)
    assert time.monotonic() - sent < 5
    assert outcome.status == 130
    assert outcome.complaint == "aoi: Interrupted. `aoi resume` finishes what was begun."
    assert str(other_board) in outcome.out, "what was inspected before is told"
    assert [row["state"] for row in aoi.home.rows("inspections")] == [State.INSPECTED, State.RECEIVED]

    outcome = aoi("resume", **settings)
    assert outcome.out == "1 inspected, 0 failed, 0 incomplete uploads removed, 0 left for later.\n"
    assert [row["state"] for row in aoi.home.rows("inspections")] == [State.INSPECTED, State.INSPECTED]


@pytest.mark.parametrize("arguments", [["inspect"], ["regions"]])
def test_a_closed_pipe_ends_it_without_a_traceback(home: Home, mask_file: Path, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    process = start(home, *arguments, mask_file, settings={}, out=writing)
    os.close(writing)
    os.close(reading)
    outcome = ended(process)
    assert outcome.status == 1
    assert "Traceback" not in outcome.err
    assert "Exception" not in outcome.err


def test_who_reads_the_first_line_alone_gets_it_whole(home: Home, board: Path) -> None:
    process = start(home, "inspect", "--json", *[board] * 3, settings={})
    assert process.stdout
    first = process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    outcome = ended(process)
    assert first.endswith("}\n")
    assert outcome.status == 1
    assert "Traceback" not in outcome.err


@pytest.fixture
def mask_file(board: Path) -> Path:
    """A file that every command takes."""
    Image.new("L", (40, 30), 1).save(board)
    return board
