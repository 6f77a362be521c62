"""The SegFormer adapter against a service that does not behave: what is tried again, and what is told."""

import dataclasses
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator

import anyio
import httpx
import pytest

from aoi.adapters.inference.segformer_http import SegFormerHttp
from aoi.adapters.inference.segformer_http.failures import retry_after
from aoi.domain.errors import (
    EngineFailed,
    EngineRefused,
    EngineTimedOut,
    EngineUnavailable,
    InferenceFailed,
    InvalidEngineAnswer,
    StorageUnavailable,
    StoredFileMissing,
)
from aoi.domain.image import StoredImage
from aoi.testing.engine import stored_png
from segformer_answers import current_answer, encoded
from segformer_stub import Reply, SegformerStub, refused_port

pytestmark = pytest.mark.anyio

IMAGE = stored_png(64, 48)
WHOLE = encoded(current_answer(64, 48))
HTML = b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"


@pytest.fixture
def stub() -> Iterator[SegformerStub]:
    with SegformerStub() as stub:
        yield stub


@pytest.fixture
async def engine(stub: SegformerStub) -> AsyncIterator[SegFormerHttp]:
    engine = SegFormerHttp(stub.url, attempts=3, backoff=0.01)
    yield engine
    await engine.close()


@pytest.mark.parametrize(
    ("reply", "error", "tries"),
    [
        (Reply.failure(400, "wrong type"), EngineRefused, 1),
        (Reply.failure(401, "who are you"), EngineRefused, 1),
        (Reply.failure(404, "nothing here"), EngineRefused, 1),
        (Reply.failure(413, "over 50 MB"), EngineRefused, 1),
        (Reply.failure(429, "too many"), EngineUnavailable, 3),
        (Reply.failure(500, "processing failed"), EngineFailed, 3),
        (Reply.failure(501, "not made yet"), EngineFailed, 3),
        (Reply(502, HTML, "text/html"), EngineUnavailable, 3),
        (Reply.failure(503, "model not loaded"), EngineUnavailable, 3),
        (Reply(504, HTML, "text/html"), EngineTimedOut, 3),
        (Reply(reset=True), EngineUnavailable, 3),
        (Reply(body=WHOLE, cut_after=len(WHOLE) // 2), EngineUnavailable, 3),
        (Reply(body=WHOLE, cut_after=0), EngineUnavailable, 3),
        (Reply(body=WHOLE[: len(WHOLE) // 2], close=True), InvalidEngineAnswer, 1),
        (Reply(body=b"", close=True), InvalidEngineAnswer, 1),
        (Reply(body=HTML, media_type="text/html"), InvalidEngineAnswer, 1),
        (Reply(204), InvalidEngineAnswer, 1),
        (Reply(302, headers={"Location": "/elsewhere"}), InvalidEngineAnswer, 1),
        (Reply(body=WHOLE, headers={"Content-Encoding": "gzip"}), InvalidEngineAnswer, 1),
        (Reply.failure(200, "no defects today"), EngineFailed, 1),
    ],
    ids=lambda value: f"{value.status}-{value.body[:24]!r}" if isinstance(value, Reply) else None,
)
async def test_each_failure_has_its_error_and_what_can_pass_is_tried_again(
    engine: SegFormerHttp, stub: SegformerStub, reply: Reply, error: type[InferenceFailed], tries: int
) -> None:
    stub.answer = reply
    with pytest.raises(InferenceFailed) as raised:
        await engine.inspect(IMAGE)
    assert type(raised.value) is error
    assert "<" not in raised.value.detail
    assert len(stub.uploads) == tries


@pytest.mark.parametrize(
    "passing",
    [Reply.failure(503, "busy"), Reply.failure(500, "CUDA"), Reply(reset=True), Reply(body=WHOLE, cut_after=9)],
)
async def test_what_passes_costs_nothing_but_time(engine: SegFormerHttp, stub: SegformerStub, passing: Reply) -> None:
    stub.next_answers.extend([passing, passing])
    detection = await engine.inspect(IMAGE)
    assert detection.analysis.total_defects == 7
    assert [upload.sha256 for upload in stub.uploads] == [IMAGE.facts.sha256] * 3


async def test_the_service_is_quoted_in_its_own_words(engine: SegFormerHttp, stub: SegformerStub) -> None:
    stub.answer = Reply.failure(400, "不支持的文件类型。\x1b[31m\n" + "x" * 9_000)
    with pytest.raises(EngineRefused, match=r"\(status 400\): 不支持的文件类型。 \[31m xxx") as raised:
        await engine.inspect(IMAGE)
    assert len(raised.value.detail) < 500


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[" * 3_000_000, b'{"error": {"code": 7}}', b'{"error": "\\u0007"}', HTML]
)
async def test_a_refusal_without_words_is_a_refusal(engine: SegFormerHttp, stub: SegformerStub, body: bytes) -> None:
    stub.answer = Reply(400, body)
    with pytest.raises(EngineRefused, match=r"\(status 400\)\."):
        await engine.inspect(IMAGE)


async def test_a_refusal_is_heard_before_the_image_is_sent(stub: SegformerStub, engine: SegFormerHttp) -> None:
    stub.next_answers.append(dataclasses.replace(Reply.failure(413, "over 50 MB"), early=True))
    large = stored_png(2000, 2000)
    with pytest.raises(EngineRefused, match="over 50 MB"):
        await engine.inspect(large)


async def test_a_redirect_is_not_followed(engine: SegFormerHttp, stub: SegformerStub) -> None:
    stub.answer = Reply(307, headers={"Location": f"{stub.url}/v2/upload"})
    with pytest.raises(InvalidEngineAnswer, match="redirects are not followed"):
        await engine.inspect(IMAGE)
    assert [upload.path for upload in stub.uploads] == ["/upload"]


async def test_a_huge_answer_is_not_read_to_its_end(stub: SegformerStub) -> None:
    engine = SegFormerHttp(stub.url, max_answer_bytes=1000)
    stub.answer = Reply(body=bytes(50_000_000))
    with pytest.raises(InvalidEngineAnswer, match="larger than 1,000 bytes"):
        await engine.inspect(IMAGE)
    await eventually(lambda: stub.open_connections == 0)
    assert stub.uploads[0].answered is None
    await engine.close()


async def test_a_refused_connection_is_tried_again_and_told() -> None:
    with refused_port() as port:
        engine = SegFormerHttp(f"http://127.0.0.1:{port}", attempts=3, backoff=0.2)
        began = time.monotonic()
        with pytest.raises(EngineUnavailable, match="cannot be reached"):
            await engine.inspect(IMAGE)
        assert time.monotonic() - began >= 0.6
        await engine.close()


async def test_the_waits_double(stub: SegformerStub) -> None:
    engine = SegFormerHttp(stub.url, backoff=0.2)
    stub.answer = Reply.failure(500, "CUDA")
    with pytest.raises(EngineFailed):
        await engine.inspect(IMAGE)
    began = [upload.began for upload in stub.uploads]
    waits = [later - earlier for earlier, later in itertools.pairwise(began)]
    assert len(waits) == 3
    for wait, due in zip(waits, (0.2, 0.4, 0.8), strict=True):
        assert due - 0.01 <= wait < due + 0.2
    await engine.close()


async def test_an_answer_that_does_not_come_is_a_timeout(stub: SegformerStub) -> None:
    engine = SegFormerHttp(stub.url, timeout=0.2, attempts=2, backoff=0.01)
    stub.answer = Reply(body=WHOLE, delay=60)
    with pytest.raises(EngineTimedOut, match=r"within 0.2 seconds.*AOI_INFERENCE_TIMEOUT"):
        await engine.inspect(IMAGE)
    assert len(stub.uploads) == 2
    await engine.close()


async def test_the_deadline_bounds_all_tries_together(stub: SegformerStub) -> None:
    engine = SegFormerHttp(stub.url, timeout=0.3, deadline=0.8, attempts=10, backoff=0.01)
    stub.answer = Reply(body=WHOLE, delay=60)
    began = time.monotonic()
    with pytest.raises(EngineTimedOut, match="AOI_INFERENCE_DEADLINE"):
        await engine.inspect(IMAGE)
    assert 0.7 <= time.monotonic() - began < 1.5
    assert len(stub.uploads) == 3
    await engine.close()


async def test_a_wait_beyond_the_deadline_is_not_begun(stub: SegformerStub) -> None:
    engine = SegFormerHttp(stub.url, deadline=5, backoff=60)
    stub.answer = Reply.failure(500, "CUDA")
    with anyio.fail_after(2), pytest.raises(EngineFailed, match="CUDA"):
        await engine.inspect(IMAGE)
    await engine.close()


@pytest.mark.parametrize("status", [429, 503])
async def test_a_service_that_asks_for_a_wait_beyond_the_deadline_is_believed_at_once(
    engine: SegFormerHttp, stub: SegformerStub, status: int
) -> None:
    stub.answer = Reply.failure(status, "busy", Retry_After="600")
    with anyio.fail_after(2), pytest.raises(EngineUnavailable) as raised:
        await engine.inspect(IMAGE)
    assert raised.value.retry_after == 600
    assert len(stub.uploads) == 1


async def test_the_wait_that_the_service_asks_for_is_kept(engine: SegFormerHttp, stub: SegformerStub) -> None:
    stub.next_answers.append(Reply.failure(503, "busy", Retry_After="1"))
    await engine.inspect(IMAGE)
    first, second = stub.uploads
    assert 1.0 <= second.began - first.began < 2.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Wed, 25 Feb 2026 10:30:50 GMT", "Date": "Wed, 25 Feb 2026 10:30:45 GMT"}, 5.0),
        ({"Retry-After": "Wed, 25 Feb 2026 10:30:50 -0000", "Date": "Wed, 25 Feb 2026 10:30:45 GMT"}, 5.0),
        ({"Retry-After": "Wed, 25 Feb 2026 10:30:50 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "9" * 5000}, None),
        ({"Retry-After": "-1"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_understood_as_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(httpx.Headers(headers)) == seconds


@pytest.mark.parametrize("error", [StorageUnavailable("disk"), StoredFileMissing("gone")])
async def test_what_the_file_store_raises_passes_through_and_is_not_tried_again(
    engine: SegFormerHttp, stub: SegformerStub, error: Exception
) -> None:
    opened = 0

    async def content() -> AsyncIterator[bytes]:
        nonlocal opened
        opened += 1
        yield b"\x89PNG"
        raise error

    with pytest.raises(type(error)) as raised:
        await engine.inspect(dataclasses.replace(IMAGE, content=content))
    assert raised.value is error
    assert opened == 1
    assert (await engine.inspect(IMAGE)).analysis.total_defects == 7


@pytest.mark.parametrize("difference", [-1, 1])
async def test_a_stored_file_of_another_length_is_not_sent_as_if_it_were_whole(
    engine: SegFormerHttp, stub: SegformerStub, difference: int
) -> None:
    size_bytes = IMAGE.facts.size_bytes + difference
    with pytest.raises(StorageUnavailable, match=f"{size_bytes:,} bytes"):
        await engine.inspect(dataclasses.replace(IMAGE, facts=dataclasses.replace(IMAGE.facts, size_bytes=size_bytes)))
    assert all(upload.answered is None for upload in stub.uploads)


async def test_the_content_is_closed_when_a_try_ends_early(engine: SegFormerHttp, stub: SegformerStub) -> None:
    stub.answer = Reply(reset=True, early=True)
    kept: list[AsyncIterator[bytes]] = []  # what is still known is not closed by being forgotten
    closed = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal closed
        try:
            for _ in range(40):
                yield bytes(1 << 20)
        finally:
            closed += 1

    def content() -> AsyncIterator[bytes]:
        kept.append(chunks())
        return kept[-1]

    facts = dataclasses.replace(IMAGE.facts, size_bytes=40 << 20)
    with pytest.raises(EngineUnavailable):
        await engine.inspect(StoredImage("large", facts, content))
    assert len(kept) == closed == 3


async def endless() -> AsyncIterator[bytes]:
    yield b"\x89PNG"
    await anyio.sleep_forever()


@pytest.mark.parametrize("moment", ["while it uploads", "while it waits for the answer", "while it waits to try again"])
async def test_cancelling_stops_at_once_and_leaks_no_connection(stub: SegformerStub, moment: str) -> None:
    engine = SegFormerHttp(stub.url, connections=1, backoff=30)
    image = dataclasses.replace(IMAGE, content=endless) if moment == "while it uploads" else IMAGE
    again = moment == "while it waits to try again"
    stub.next_answers.append(Reply.failure(503, "busy") if again else Reply(body=WHOLE, delay=60))
    began = time.monotonic()
    with anyio.move_on_after(0.3) as scope:
        await engine.inspect(image)
    assert scope.cancelled_caught
    assert time.monotonic() - began < 1
    if not again:
        await eventually(lambda: stub.open_connections == 0)
    stub.next_answers.clear()
    with anyio.fail_after(5):
        assert (await engine.inspect(IMAGE)).analysis.total_defects == 7
    await engine.close()


async def test_more_images_than_connections_share_them(stub: SegformerStub) -> None:
    engine = SegFormerHttp(stub.url, connections=2)
    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(engine.inspect, IMAGE)
    assert len(stub.uploads) == 8
    assert stub.open_connections <= 2
    await engine.close()


async def eventually(holds: Callable[[], bool], within: float = 3.0) -> None:
    with anyio.fail_after(within):
        while not holds():  # noqa: ASYNC110 - it is another thread's state
            await anyio.sleep(0.01)
