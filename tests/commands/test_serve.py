"""`aoi serve`: how it starts, what it says, how it stops."""

import os
import re
import signal
import socket
import threading

import httpx
import pytest

from aoi.domain.inspection import State
from aoi.domain.version import aoi_version
from aoi.entrypoints.commands.listening import address_to_open
from commands.running import CommandLine, aoi_serve
from sample_images import png
from segformer_stub import Reply, SegformerStub
from servers import Home, eventually

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def messages(log: str) -> list[str]:
    """The log's lines without time and logger."""
    return [re.sub(r"^\S+ \[\w+ *\] (.*?) *\[[\w.]+\]$", r"\1", line) for line in log.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_lets_the_running_upload_finish(home: Home, service: SegformerStub, number: signal.Signals) -> None:
    usual = service.answer
    assert callable(usual)
    may_answer = threading.Event()

    def late(received: object) -> Reply:
        may_answer.wait(30)
        return usual(received)  # pyright: ignore[reportArgumentType]  # the stub hands over what it takes

    service.answer = late
    statuses: list[int] = []
    with aoi_serve(home, AOI_INFERENCE_URL=f"segformer+{service.url}") as server:
        upload = threading.Thread(target=lambda: statuses.append(server.upload(png()).status_code))
        upload.start()
        assert eventually(lambda: bool(service.uploads) and service.uploads[0].read is not None, 30)
        server.process.send_signal(number)
        assert eventually(lambda: "Stopping." in server.log, 30)
        may_answer.set()
        assert server.process.wait(30) == 0
        upload.join(10)
        assert statuses == [200]
        assert "Traceback" not in server.log
        assert messages(server.log)[-1] == "Stopped."
    assert [row["state"] for row in home.rows("inspections")] == [State.INSPECTED]


@pytest.mark.parametrize(("patience", "signals"), [("1", [signal.SIGTERM]), ("600", [signal.SIGINT, signal.SIGINT])])
def test_an_upload_that_takes_too_long_is_given_back_when_it_stops(
    home: Home, service: SegformerStub, patience: str, signals: list[signal.Signals]
) -> None:
    service.answer = Reply(delay=600)
    settings = {"AOI_INFERENCE_URL": f"segformer+{service.url}", "AOI_SHUTDOWN_SECONDS": patience}
    with aoi_serve(home, **settings) as server:
        upload = threading.Thread(target=upload_in_vain, args=(server.url,))
        upload.start()
        assert eventually(lambda: bool(service.uploads) and service.uploads[0].read is not None, 30)
        for number in signals:
            server.process.send_signal(number)
            assert eventually(lambda: "Stopping." in server.log, 30)
        assert server.process.wait(30) == 0
        upload.join(10)
        assert "Traceback" not in server.log
    assert [row["state"] for row in home.rows("inspections")] == [State.RECEIVED]


def upload_in_vain(url: str) -> None:
    try:
        httpx.post(f"{url}/upload", files={"image": ("board.png", png())}, timeout=60).raise_for_status()
    except httpx.HTTPError:
        return
    raise AssertionError("There is an answer.")


def test_it_says_at_its_start_what_an_operator_needs_and_nothing_else(home: Home) -> None:
    with aoi_serve(home) as server:
        assert httpx.get(f"{server.url}/health").status_code == 200
        assert server.stopped_by(signal.SIGTERM) == 0
        folder = home.folder.resolve()
        lines = messages(server.log)
    assert lines[0].startswith("The schema of the database is changed")
    assert lines[1:] == [
        f"aoi {aoi_version()} is running on {server.url}",
        f"Home:     {folder}",
        "Engine:   embedded:",
        f"Database: sqlite+aiosqlite:///{folder}/aoi.db",
        f"Files:    file:{folder}/files",
        next(line for line in lines if '"GET /health HTTP/1.1" 200' in line),
        "Stopping. What is running may end within 30 seconds.",
        "Stopped.",
    ]


def test_a_port_in_use_is_an_error_in_one_line(aoi: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = aoi("serve", AOI_PORT=str(port))
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.complaint.startswith(f"aoi: aoi cannot listen on 127.0.0.1:{port}: ")
    assert "AOI_PORT" in outcome.complaint
    assert len(outcome.err.splitlines()) == 1
    assert not aoi.home.folder.exists(), "nothing was begun"


def test_an_address_of_another_machine_is_an_error(aoi: CommandLine) -> None:
    outcome = aoi("serve", AOI_HOST="192.0.2.1", AOI_PORT="0")
    assert outcome.status == 1
    assert "AOI_HOST" in outcome.complaint


@pytest.mark.parametrize(
    ("host", "opened"),
    [
        ("127.0.0.1", "http://127.0.0.1"),
        ("0.0.0.0", "http://127.0.0.1"),
        ("::", "http://[::1]"),
        ("fe80::1", "http://[fe80::1]"),
        ("line-7.factory", "http://line-7.factory"),
    ],
)
def test_the_address_is_one_that_a_browser_opens(host: str, opened: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert address_to_open(host, [listening]) == f"{opened}:{listening.getsockname()[1]}"


def test_two_servers_share_one_home(home: Home) -> None:
    with aoi_serve(home, "first") as first, aoi_serve(home, "second") as second:
        answers = [server.upload(png()).json() for server in (first, second) * 2]
        for answer in answers:
            for server in (first, second):
                known = httpx.get(f"{server.url}/images/{answer['img_unique_id']}").json()
                assert known["state"] == State.INSPECTED
        assert {first.stopped_by(signal.SIGTERM), second.stopped_by(signal.SIGINT)} == {0}
        assert "warning" not in first.log + second.log
    assert home.counts()["inspections"] == 4


SECRET = "pass-word-17"  # no real one


def test_no_secret_of_a_url_is_logged(home: Home, service: SegformerStub) -> None:
    address = service.url.replace("//", f"//operator:{SECRET}@")
    service.next_answers.extend([service.answer, Reply.failure(400, "no"), Reply(reset=True), Reply(status=503)])
    settings = {"AOI_INFERENCE_URL": f"segformer+{address}", "AOI_INFERENCE_ATTEMPTS": "1"}
    with aoi_serve(home, AOI_LOG_LEVEL="debug", **settings) as server:
        answers = [server.upload(png()) for _ in range(4)]
        ready = httpx.get(f"{server.url}/health/ready")
        assert server.stopped_by(signal.SIGTERM) == 0
        assert f"Engine:   segformer+{service.url}" in server.log
        assert SECRET not in server.log
    assert answers[0].status_code == 200
    assert all(SECRET not in answer.text for answer in [*answers, ready])


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("AOI_DATABASE_URL", f"postgresql+asyncpg://aoi:{SECRET}@db/aoi"),
        ("AOI_DATABASE_URL", f"sqlite+aiosqlite:////tmp/aoi.db?key={SECRET}"),
        ("AOI_INFERENCE_URL", f"segformer+ftp://aoi:{SECRET}@gpu-box"),
        ("AOI_STORAGE_URL", f"s3://key:{SECRET}@bucket"),
    ],
)
def test_no_secret_of_a_refused_url_is_printed(aoi: CommandLine, variable: str, url: str) -> None:
    outcome = aoi("resume", AOI_LOG_LEVEL="debug", **{variable: url})
    assert outcome.status in {1, 2}
    assert variable in outcome.complaint
    assert SECRET not in outcome.out + outcome.err
