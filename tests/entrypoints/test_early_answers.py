"""An answer that is known before the whole body came: every client can read it, and nobody is read for ever."""

import shutil
import subprocess
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from aoi.domain.limits import Limits
from aoi.domain.ports import InferenceEngine
from aoi.entrypoints.api.unread_bodies import Lingering
from raw_http import body, chunked, connected, file_part, head
from sample_images import png
from servers import Home, Server, serving

LIMIT = 100_000
MEGABYTE = 1 << 20
WITHOUT_END = png()[:-12]


@pytest.fixture(scope="module")
def server(home: Home, engine: InferenceEngine) -> Generator[Server]:
    with serving(home.application(engine, limits=Limits(max_image_bytes=LIMIT))) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_is_left(home: Home) -> Generator[None]:
    yield
    assert not any(home.counts().values())
    assert home.files() == {}


def padded(size: int) -> bytes:
    """Begins like an image, is corrupt and has `size` bytes."""
    return WITHOUT_END + bytes(size - len(WITHOUT_END))


def assert_too_large(status: int, problem: Any) -> None:
    assert status == 413
    assert problem["type"] == "/problems/image-too-large"
    assert "AOI_MAX_IMAGE_MB" in problem["detail"]


def test_one_byte_over_the_limit_is_too_large(server: Server) -> None:
    assert_too_large((answer := server.upload(padded(LIMIT + 1))).status_code, answer.json())
    assert "100,000 bytes" in answer.json()["detail"]
    assert server.upload(padded(LIMIT)).status_code == 422, "it is not too large, but corrupt"


@pytest.mark.parametrize("size", [LIMIT * 2, 20 * MEGABYTE])
def test_httpx_reads_the_answer_whatever_it_sends(server: Server, size: int) -> None:
    answer = server.upload(padded(size))
    assert_too_large(answer.status_code, answer.json())


def test_httpx_reads_the_answer_to_chunks(server: Server) -> None:
    def pieces() -> Iterator[bytes]:
        content = body(file_part(padded(8 * MEGABYTE)))
        yield from (content[start : start + 65_536] for start in range(0, len(content), 65_536))

    headers = {"Content-Type": "multipart/form-data; boundary=boundary-of-a-test"}
    answer = server.client.post("/upload", content=pieces(), headers=headers)
    assert_too_large(answer.status_code, answer.json())


@pytest.mark.parametrize("closing", ["Connection: close", "Connection: keep-alive"])
@pytest.mark.parametrize("coding", ["length", "chunks"])
def test_who_sends_all_before_reading_reads_the_answer(server: Server, coding: str, closing: str) -> None:
    content = body(file_part(padded(30 * MEGABYTE)))
    with connected(server.address) as connection:
        if coding == "length":
            connection.send(head(closing, length=len(content)) + content)
        else:
            connection.send(head(closing, "Transfer-Encoding: chunked"))
            for chunk in chunked([content]):
                connection.send(chunk)
        time.sleep(0.2)
        answer = connection.answer()
        assert_too_large(answer.status, answer.json())
        assert answer.headers["connection"] == "close"
        assert connection.is_closed()


def test_the_answer_does_not_wait_for_the_rest_of_the_body(server: Server) -> None:
    with connected(server.address, seconds=5) as connection:
        connection.send(head(length=10**12))
        answer = connection.answer()
        assert_too_large(answer.status, answer.json())


def test_who_asks_before_sending_is_answered_without_sending(server: Server) -> None:
    with connected(server.address, seconds=5) as connection:
        connection.send(head("Expect: 100-continue", length=10**9))
        assert_too_large((answer := connection.answer()).status, answer.json())


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("expecting", ["Expect:", "Expect: 100-continue"])
def test_curl_reads_the_answer(server: Server, tmp_path: Path, expecting: str) -> None:
    (tmp_path / "large.png").write_bytes(padded(20 * MEGABYTE))
    command = ["curl", "-sS", "-w", "%{http_code}", "-H", expecting, "-F", "image=@large.png", f"{server.url}/upload"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert b"/problems/image-too-large" in done.stdout
    assert done.stdout.endswith(b"413")


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/nowhere", 404), ("PUT", "/upload", 405)])
def test_unknown_paths_are_answered_whatever_is_sent(server: Server, method: str, path: str, status: int) -> None:
    content = bytes(5 * MEGABYTE)
    with connected(server.address) as connection:
        connection.send(head("Connection: close", length=len(content), method=method, target=path) + content)
        assert connection.answer().status == status


def test_the_real_limit_is_fifty_megabytes_for_the_image_alone(home: Home, engine: InferenceEngine) -> None:
    with serving(home.application(engine)) as server:
        largest = Limits().max_image_bytes
        assert largest == 50 * MEGABYTE
        assert_too_large((answer := server.upload(padded(largest + 1))).status_code, answer.json())
        assert "52,428,800 bytes" in answer.json()["detail"]
        content = body(file_part(padded(largest + 1)))
        with connected(server.address) as connection:
            connection.send(head("Transfer-Encoding: chunked"))
            for chunk in chunked([content]):
                connection.send(chunk)
            assert_too_large((answer := connection.answer()).status, answer.json())
        assert server.upload(padded(largest)).status_code == 422


async def _answers_at_once(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 413, "headers": []})
    await send({"type": "http.response.body", "body": b"no", "more_body": False})


def _scope(length: bytes = b"1000000") -> Any:
    return {"type": "http", "method": "POST", "headers": [(b"content-length", length)]}


class Client:
    """One side of an ASGI conversation: sends `size` bytes at a time, `times` times, then falls silent."""

    def __init__(self, size: int, times: int) -> None:
        self.size = size
        self.left = times
        self.received = 0
        self.sent: list[Any] = []

    async def receive(self) -> Any:
        if self.left == 0:
            await anyio.sleep_forever()
        self.left -= 1
        self.received += self.size
        return {"type": "http.request", "body": bytes(self.size), "more_body": True}

    async def send(self, message: Any) -> None:
        self.sent.append(message)


@pytest.mark.anyio
async def test_an_endless_body_is_read_on_to_a_bound_of_bytes() -> None:
    client = Client(size=1000, times=10**9)
    await Lingering(_answers_at_once, size=10_000)(_scope(), client.receive, client.send)
    assert client.received == 10_000
    start, answer, end = client.sent
    assert (b"connection", b"close") in start["headers"]
    assert (answer["body"], answer["more_body"]) == (b"no", True)
    assert (end["body"], end["more_body"]) == (b"", False)


@pytest.mark.anyio
async def test_a_silent_client_is_waited_for_to_a_bound_of_seconds() -> None:
    client = Client(size=10, times=1)
    with anyio.fail_after(5):
        await Lingering(_answers_at_once, seconds=0.05)(_scope(), client.receive, client.send)
    assert len(client.sent) == 3


@pytest.mark.anyio
async def test_a_request_without_a_body_is_answered_as_it_was() -> None:
    client = Client(size=0, times=0)
    await Lingering(_answers_at_once)(_scope(b"0"), client.receive, client.send)
    assert [message["type"] for message in client.sent] == ["http.response.start", "http.response.body"]
    assert client.sent[0]["headers"] == []


@pytest.mark.anyio
async def test_what_is_not_a_request_passes() -> None:
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    await Lingering(application)({"type": "lifespan"}, Client(0, 0).receive, Client(0, 0).send)  # pyright: ignore[reportArgumentType]  # Litestar's types know no lifespan scope
    assert seen == [{"type": "lifespan"}]
