"""Bodies that come in pieces, break off, or are not what their headers say."""

import time
from collections.abc import AsyncIterator, Generator

import anyio
import pytest

from aoi.adapters.memory import MemoryEngine
from aoi.domain.errors import UploadInterrupted
from aoi.domain.limits import Limits
from aoi.domain.ports import InferenceEngine
from aoi.entrypoints.api.multipart import ImageForm
from raw_http import BOUNDARY, body, chunked, connected, file_part, head, text_part
from sample_images import noise, png
from servers import Home, Server, eventually, serving

FORM = body(text_part("lot_id", "7"), file_part(png()), text_part("recipe", "8"))
LARGE = body(file_part(png(noise(600, 600))))


@pytest.fixture(scope="module")
def engine() -> InferenceEngine:
    return MemoryEngine(delay=0.3)


@pytest.fixture(scope="module")
def server(home: Home, engine: InferenceEngine) -> Generator[Server]:
    with serving(home.application(engine, limits=Limits(lease_seconds=2))) as running:
        yield running


def test_a_body_may_come_byte_by_byte(server: Server) -> None:
    with connected(server.address) as connection:
        connection.send_pieces(head(length=len(FORM)) + FORM)
        answer = connection.answer()
    assert answer.status == 200, answer.content
    assert answer.json()["metadata"]["labels"] == {"lot_id": "7", "recipe": "8"}
    assert answer.json()["metadata"]["size_bytes"] == len(png())


def test_the_last_line_break_may_come_in_a_packet_of_its_own(server: Server) -> None:
    with connected(server.address) as connection:
        connection.send(head(length=len(FORM)) + FORM[:-2])
        time.sleep(0.1)
        connection.send(FORM[-2:])
        assert connection.answer().status == 200


def test_chunks_may_be_of_any_size(server: Server) -> None:
    pieces = (FORM[start : start + 7] for start in range(0, len(FORM), 7))
    with connected(server.address) as connection:
        connection.send(head("Transfer-Encoding: chunked"))
        for chunk in chunked(pieces):
            connection.send(chunk)
        assert connection.answer().status == 200


def test_what_stands_before_and_behind_the_form_is_passed_over(server: Server) -> None:
    content = b"This is a form.\r\n" + FORM + b"That was a form."
    with connected(server.address) as connection:
        connection.send(head(length=len(content)) + content)
        assert connection.answer().status == 200


def test_the_connection_serves_another_request_after_an_upload(server: Server) -> None:
    with connected(server.address) as connection:
        for _ in range(2):
            connection.send(head(length=len(FORM)) + FORM)
            assert connection.answer().status == 200


@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
@pytest.mark.parametrize("how", ["by FIN", "by RST"])
def test_a_client_that_goes_away_mid_body_leaves_nothing(home: Home, server: Server, how: str, share: float) -> None:
    before, files = home.counts(), home.files()
    with connected(server.address) as connection:
        connection.send(head(length=len(LARGE)) + LARGE[: int(len(LARGE) * share)])
        assert eventually(lambda: home.counts() != before)
        if how == "by RST":
            connection.reset()
    assert eventually(lambda: home.counts() == before and home.files() == files)


def test_a_client_that_goes_away_after_its_body_has_its_image_inspected(home: Home, server: Server) -> None:
    before = home.counts()
    with connected(server.address) as connection:
        connection.send(head(length=len(FORM)) + FORM)
        assert eventually(lambda: home.rows("inspections")[-1]["state"] == "inspecting")
        connection.reset()
    assert eventually(lambda: home.counts()["images"] == before["images"] + 1)
    assert home.rows("inspections")[-1]["state"] == "inspected"
    assert home.rows("inspections")[-1]["recipe"] == "8"


def test_a_length_that_is_too_long_ends_with_the_client(home: Home, server: Server) -> None:
    before = home.counts()
    with connected(server.address) as connection:
        connection.send(head(length=len(FORM) + 100) + FORM)
        assert eventually(lambda: home.counts() != before)
    assert eventually(lambda: home.counts() == before)


def test_a_length_that_is_too_short_makes_the_body_incomplete(home: Home, server: Server) -> None:
    before = home.counts()
    with connected(server.address) as connection:
        connection.send(head(length=len(FORM) - 100) + FORM)
        answer = connection.answer()
    assert (answer.status, answer.json()["type"]) == (400, "/problems/malformed-upload")
    assert home.counts() == before


def test_chunks_that_break_the_protocol_leave_nothing(home: Home, server: Server) -> None:
    before = home.counts()
    with connected(server.address) as connection:
        connection.send(head("Transfer-Encoding: chunked") + b"%x\r\n" % len(LARGE) + LARGE[:200_000])
        assert eventually(lambda: home.counts() != before)
        connection.send(LARGE[200_000:] + b"no chunk follows")
        assert connection.answer().status == 400
    assert eventually(lambda: home.counts() == before)


@pytest.mark.anyio
async def test_a_body_that_pauses_too_long_is_given_up() -> None:
    async def silent() -> AsyncIterator[bytes]:
        yield FORM[:-40]
        await anyio.sleep_forever()

    form = ImageForm(silent(), f"multipart/form-data; boundary={BOUNDARY}", 1_000_000, patience=0.05)
    image = await form.incoming()
    async for _ in image.content:
        pass
    with pytest.raises(UploadInterrupted, match=r"for 0\.05 seconds\. Send it again"):
        await image.read_labels()
    await form.close()
