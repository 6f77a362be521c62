"""The SegFormer adapter against a service that behaves: what is sent, and what is known of the service."""

import base64
import dataclasses
import hashlib
import io
import logging
import tracemalloc
from collections.abc import AsyncIterator, Iterator

import anyio
import pytest
from PIL import Image

from aoi.adapters.inference.segformer_http import SegFormerHttp
from aoi.domain.defects import EngineInfo
from aoi.domain.errors import EngineFailed, EngineUnavailable, InvalidEngineAnswer, UnsupportedPixels
from aoi.domain.image import ImageFacts, ImageFormat, Orientation, PixelFacts, StoredImage
from aoi.domain.ports import InferenceEngine
from aoi.domain.streams import bytes_chunks
from aoi.testing.engine import EngineContract, stored_png
from segformer_answers import older_answer
from segformer_stub import Reply, SegformerStub, refused_port

pytestmark = pytest.mark.anyio

MEGABYTE = 1 << 20


@pytest.fixture
def stub() -> Iterator[SegformerStub]:
    with SegformerStub() as stub:
        yield stub


@pytest.fixture
async def engine(stub: SegformerStub) -> AsyncIterator[SegFormerHttp]:
    engine = SegFormerHttp(stub.url)
    yield engine
    await engine.close()


class TestSegFormerHttp(EngineContract):
    @pytest.fixture
    async def engine(self, stub: SegformerStub) -> AsyncIterator[InferenceEngine]:
        engine = SegFormerHttp(stub.url)
        yield engine
        await engine.close()


class TestSegFormerHttpWithTheOlderForm(TestSegFormerHttp):
    @pytest.fixture
    def stub(self) -> Iterator[SegformerStub]:
        with SegformerStub(lambda got: Reply.json(older_answer(got.width, got.height))) as stub:
            yield stub


async def test_the_image_arrives_as_it_is_stored(engine: SegFormerHttp, stub: SegformerStub) -> None:
    image = stored_png(300, 200)
    await engine.inspect(image)
    [upload] = stub.uploads
    assert (upload.path, upload.parts, upload.part_name) == ("/upload", 1, "image")
    assert (upload.filename, upload.media_type) == (f"{image.id}.png", "image/png")
    assert (upload.sha256, upload.size_bytes) == (image.facts.sha256, image.facts.size_bytes)
    assert "transfer-encoding" not in upload.headers
    assert upload.headers["accept-encoding"] == "identity"  # PNGs do not shrink, and what does not grow has a bound


async def test_the_name_sent_is_the_id_whatever_that_is(engine: SegFormerHttp, stub: SegformerStub) -> None:
    await engine.inspect(dataclasses.replace(stored_png(8, 8), id='旧"\r\nX: 1;2026'))
    assert stub.uploads[0].filename == "____X__1_2026.png"


async def test_the_extension_is_that_of_the_content(engine: SegFormerHttp, stub: SegformerStub) -> None:
    encoded = io.BytesIO()
    Image.new("L", (40, 24)).save(encoded, "TIFF")
    await engine.inspect(stored(encoded.getvalue(), ImageFormat.TIFF, 40, 24))
    assert (stub.uploads[0].filename, stub.uploads[0].media_type) == ("one.tif", "image/tiff")


async def test_a_turned_image_is_sent_upright(engine: SegFormerHttp, stub: SegformerStub) -> None:
    detection = await engine.inspect(turned_jpeg())
    [upload] = stub.uploads
    assert (upload.filename, upload.media_type) == ("one.png", "image/png")
    assert (upload.width, upload.height) == (24, 40)
    assert (detection.analysis.width, detection.analysis.height) == (24, 40)


async def test_an_image_is_streamed_never_held_whole(engine: SegFormerHttp, stub: SegformerStub) -> None:
    await engine.inspect(stored_png(8, 8))  # what is loaded once is not counted
    stub.seconds_between_reads = 0.0005
    stub.answer = Reply.failure(400, "not an image")
    chunk = bytes(1 << 18)

    async def content() -> AsyncIterator[bytes]:
        for _ in range(40 * MEGABYTE // len(chunk)):
            yield chunk

    facts = dataclasses.replace(stored_png(8, 8).facts, size_bytes=40 * MEGABYTE)
    tracemalloc.start()
    try:
        with pytest.raises(Exception, match="not an image"):
            await engine.inspect(StoredImage("large", facts, content))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stub.uploads[-1].size_bytes == 40 * MEGABYTE
    assert peak < 16 * MEGABYTE  # the stub keeps one of them, and loads what it takes to look at it


@pytest.mark.parametrize("scheme", ["http", "segformer+http"])
async def test_a_base_path_and_credentials_are_used(stub: SegformerStub, scheme: str) -> None:
    engine = SegFormerHttp(f"{scheme}://line%201:pass%40word@{stub.url.removeprefix('http://')}/models/aoi/")
    await engine.inspect(stored_png(8, 8))
    await engine.close()
    assert [request.path for request in stub.requests] == ["/models/aoi/upload", "/models/aoi/health"]
    told = stub.requests[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(told) == b"line 1:pass@word"


async def test_credentials_are_never_told(
    stub: SegformerStub, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    stub.answer = Reply.failure(503, "busy")
    engine = SegFormerHttp(f"http://line1:hunter2@{stub.url.removeprefix('http://')}", attempts=2, backoff=0.01)
    with pytest.raises(EngineUnavailable) as raised:
        await engine.inspect(stored_png(8, 8))
    await engine.close()
    with refused_port() as port:
        refused = SegFormerHttp(f"http://line1:hunter2@127.0.0.1:{port}", attempts=2, backoff=0.01)
        with pytest.raises(EngineUnavailable) as unreachable:
            await refused.describe()
        await refused.close()
    told = [raised.value.detail, unreachable.value.detail, *capfd.readouterr(), caplog.text, repr(engine)]
    assert "hunter2" not in "".join(told)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gpu-box:8080",
        "ftp://line1:hunter2@host",
        "http://",
        "http://host?timeout=3",
        "http://host#1",
        "http://host:port",
    ],
)
def test_a_url_that_names_no_service_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="SegFormer service") as raised:
        SegFormerHttp(url)
    assert "hunter2" not in str(raised.value)


async def test_a_proxy_of_the_environment_is_not_asked(stub: SegformerStub, monkeypatch: pytest.MonkeyPatch) -> None:
    with refused_port() as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", "")
        engine = SegFormerHttp(stub.url, attempts=1)
        assert (await engine.inspect(stored_png(8, 8))).analysis.total_defects == 7
        await engine.close()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bit_depth": 16}, "16 bits"),
        ({"color": "cmyk", "channels": 4}, "CMYK"),
        ({"has_alpha": True, "channels": 4}, "alpha"),
    ],
)
def test_what_the_service_would_alter_is_not_accepted(changes: dict[str, object], reason: str) -> None:
    facts = stored_png(8, 8).facts
    altered = dataclasses.replace(facts, pixels=dataclasses.replace(facts.pixels, **changes))
    engine = SegFormerHttp("http://host")
    engine.accept(facts)
    with pytest.raises(UnsupportedPixels, match=reason):
        engine.accept(altered)
    SegFormerHttp("http://host", takes_any_pixels=True).accept(altered)


def test_what_has_to_be_turned_first_would_be_altered_by_turning() -> None:
    facts = turned_jpeg().facts
    engine = SegFormerHttp("segformer+https://host", takes_any_pixels=True)
    engine.accept(facts)
    with pytest.raises(UnsupportedPixels, match="16 bits"):
        engine.accept(dataclasses.replace(facts, pixels=dataclasses.replace(facts.pixels, bit_depth=16)))


async def test_a_turned_image_that_is_damaged_in_the_store_fails_alone(
    engine: SegFormerHttp, stub: SegformerStub
) -> None:
    image = turned_jpeg()
    with pytest.raises(EngineFailed, match="could not be turned"):
        await engine.inspect(dataclasses.replace(image, content=lambda: bytes_chunks(bytes(100))))
    assert stub.requests == []
    assert (await engine.inspect(image)).analysis.total_defects == 7


async def test_a_result_names_the_model_and_the_services_own_id(stub: SegformerStub) -> None:
    stub.answer = lambda got: Reply.json(older_answer(got.width, got.height))
    stub.health = Reply.json({"model_loaded": True, "device": "cuda:0", "model_name": "b2", "model_version": 3})
    engine = SegFormerHttp(stub.url)
    info = (await engine.inspect(stored_png(8, 8))).engine
    await engine.close()
    assert (info.name, info.model, info.version, info.device) == ("segformer-http", "b2", "3", "cuda:0")
    assert info.reference == "20260225_103045_ab12"


async def test_the_service_is_asked_what_it_is_once_and_when_described(
    engine: SegFormerHttp, stub: SegformerStub
) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(engine.inspect, stored_png(8, 8))
    assert [request.path for request in stub.requests].count("/health") == 1
    stub.health = Reply.json({"model_loaded": True, "version": "2.0"})
    assert (await engine.describe()).version == "2.0"
    assert (await engine.inspect(stored_png(8, 8))).engine.version == "2.0"


@pytest.mark.parametrize(
    "health",
    [Reply.failure(404, "no such page"), Reply.json({"model_loaded": False}), Reply.json({"device": True})],
)
async def test_an_inspection_does_not_fail_for_the_service_s_health(
    engine: SegFormerHttp, stub: SegformerStub, health: Reply
) -> None:
    stub.health = health
    detection = await engine.inspect(stored_png(8, 8))
    assert detection.engine == EngineInfo("segformer-http")
    assert detection.analysis.total_defects == 7


async def test_a_health_that_never_comes_delays_an_inspection_only_a_little(
    engine: SegFormerHttp, stub: SegformerStub
) -> None:
    stub.health = dataclasses.replace(Reply.json({"model_loaded": True}), delay=60)
    with anyio.fail_after(10):
        assert (await engine.inspect(stored_png(8, 8))).engine.model is None


@pytest.mark.parametrize(
    ("health", "reason"),
    [
        (Reply.json({"model_loaded": False}), "not loaded its model"),
        (Reply.json({"model_loaded": "no"}), "not the SegFormer service's"),
        (Reply(body=b"<html>Welcome to nginx</html>"), "not the SegFormer service's"),
        (Reply.failure(503, "模型未加载"), "模型未加载"),
        (Reply.failure(500, "out of memory"), "out of memory"),
        (Reply.failure(404, "no such page"), "no such page"),
        (Reply(reset=True), "dropped the connection"),
        (dataclasses.replace(Reply.json({"model_loaded": True}), delay=60), "did not answer within 0.5 seconds"),
    ],
)
async def test_a_service_that_cannot_serve_says_why(stub: SegformerStub, health: Reply, reason: str) -> None:
    stub.health = health
    engine = SegFormerHttp(stub.url, timeout=0.5)
    with pytest.raises(EngineUnavailable, match=reason):
        await engine.describe()
    await engine.close()


@pytest.mark.parametrize("image", ["upright", "turned"])
async def test_an_answer_for_another_shape_is_invalid(engine: SegFormerHttp, stub: SegformerStub, image: str) -> None:
    stub.answer = Reply.json(older_answer(40, 24))
    with pytest.raises(InvalidEngineAnswer, match="40 × 24"):
        await engine.inspect(stored_png(24, 40) if image == "upright" else turned_jpeg())


def stored(content: bytes, image_format: ImageFormat, width: int, height: int) -> StoredImage:
    pixels = PixelFacts(image_format, width, height, channels=1, bit_depth=8, color="grey")
    facts = ImageFacts(pixels, len(content), hashlib.sha256(content).hexdigest())
    return StoredImage("one", facts, lambda: bytes_chunks(content))


def turned_jpeg() -> StoredImage:
    """40 × 24 pixels as stored, to be turned by 90°."""
    encoded, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (40, 24), 90).save(encoded, "JPEG", exif=exif)
    image = stored(encoded.getvalue(), ImageFormat.JPEG, 24, 40)
    pixels = dataclasses.replace(image.facts.pixels, orientation=Orientation.TURNED)
    return dataclasses.replace(image, facts=dataclasses.replace(image.facts, pixels=pixels))
