"""`kill -9` of a real `aoi serve`, and a new one in its place."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from crashes.world import World
from sample_images import png
from segformer_stub import Reply, SegformerStub

ADDRESS = re.compile(r"running on http://([\d.]+):(\d+)")
STARTING_SECONDS = 60


@contextmanager
def aoi_serve(home: Path, engine: SegformerStub) -> Generator[tuple[subprocess.Popen[bytes], tuple[str, int]]]:
    """The process, and the address it serves; killed at the end."""
    log = home.with_suffix(".log")
    environment = os.environ | {
        "AOI_HOME": str(home),
        "AOI_PORT": "0",
        "AOI_LEASE_SECONDS": "1",
        "AOI_INFERENCE_URL": f"segformer+{engine.url}",
    }
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", "aoi.entrypoints.cli", "serve"], stderr=lines, env=environment
        )
    try:
        assert eventually(lambda: ADDRESS.search(log.read_text()) is not None, STARTING_SECONDS), log.read_text()
        found = ADDRESS.search(log.read_text())
        assert found
        yield process, (found[1], int(found[2]))
    finally:
        process.kill()
        process.wait()


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether the condition comes true in time."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.02)
    return True


def url(address: tuple[str, int], path: str) -> str:
    return f"http://{address[0]}:{address[1]}{path}"


@pytest.fixture
def engine() -> Generator[SegformerStub]:
    with SegformerStub() as stub:
        yield stub


def test_an_upload_whose_server_was_killed_is_inspected_by_the_next(tmp_path: Path, engine: SegformerStub) -> None:
    engine.next_answers.append(Reply(delay=600))
    sent = png()
    with aoi_serve(tmp_path / "home", engine) as (server, address):
        upload = threading.Thread(target=left_without_an_answer, args=(address, sent))
        upload.start()
        assert eventually(lambda: any(request.read for request in engine.uploads))
        server.kill()
        upload.join(10)
        assert not upload.is_alive()

    (row,) = World.of(tmp_path / "home").rows["inspections"]
    assert row["state"] == "inspecting"
    with aoi_serve(tmp_path / "home", engine) as (_, address):
        asked = url(address, f"/images/{row['id']}")
        assert eventually(lambda: httpx.get(asked).json().get("state") == "inspected"), httpx.get(asked).json()

    world = World.of(tmp_path / "home")
    (image,), (row,) = world.rows["images"], world.rows["inspections"]
    assert (row["attempt"], row["interruptions"]) == (2, 1)
    assert len(engine.uploads) == 2
    assert len(world.files) == 4
    assert world.files[image["input_image_path"]] == sent
    assert sum(row["total_regions"] for row in world.rows["classes"]) == len(world.rows["regions"]) > 0


def left_without_an_answer(address: tuple[str, int], content: bytes) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.post(url(address, "/upload"), files={"image": ("board.png", content)}, timeout=60)


def test_an_incomplete_upload_whose_server_was_killed_is_removed_by_the_next(
    tmp_path: Path, engine: SegformerStub
) -> None:
    home = tmp_path / "home"
    head = b'--cut\r\nContent-Disposition: form-data; name="image"; filename="board.png"\r\n\r\n'
    with aoi_serve(home, engine) as (server, address), socket.create_connection(address) as connection:
        connection.sendall(
            b"POST /upload HTTP/1.1\r\nHost: aoi\r\nContent-Type: multipart/form-data; boundary=cut\r\n"
            b"Content-Length: 1000000\r\n\r\n" + head + png()
        )
        assert eventually(lambda: [row["state"] for row in World.of(home).rows["inspections"]] == ["receiving"])
        server.kill()
        server.wait()

    assert World.of(home).rows["inspections"]
    with aoi_serve(home, engine):
        assert eventually(lambda: not World.of(home).rows["inspections"])
    World.of(home).assert_empty()
