"""Names, labels and contents of what comes in."""

from pathlib import Path

import anyio
import pytest

from aoi.domain.errors import InvalidFilename, InvalidLabels
from aoi.domain.image import LABEL_NAMES, ImageFormat, IncomingImage, Labels, base_name
from aoi.domain.streams import CHUNK_BYTES

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("board.png", "board.png"),
        ("../../etc/passwd", "passwd"),
        ("/srv/images/board 7.png", "board 7.png"),
        (r"C:\Users\line\board.tif", "board.tif"),
        (r"..\..\board.bmp", "board.bmp"),
        ("  board.png ", "board.png"),
        ("面板 検査 übersicht.jpg", "面板 検査 übersicht.jpg"),
        ("no extension", "no extension"),
        ("x" * 255, "x" * 255),
        ("板" * 255, "板" * 255),
        ("folder/" * 1000 + "board.png", "board.png"),
    ],
)
def test_a_filename_is_the_last_part_of_what_the_client_calls_it(sent: str, kept: str) -> None:
    assert IncomingImage.from_bytes(sent, b"").filename == kept


@pytest.mark.parametrize(
    "sent",
    ["", " ", ".", "..", "a/", "a\\", "a/..", "a\0.png", "a\n.png", "\x7f", "a\ud800.png", "x" * 256, "x" * 5000],
)
def test_a_filename_of_nothing_usable_is_refused(sent: str) -> None:
    with pytest.raises(InvalidFilename):
        base_name(sent)


@pytest.mark.parametrize("name", LABEL_NAMES)
@pytest.mark.parametrize("value", ["", "x" * 129, "a\0", "a\tb", "\ud800"])
def test_a_label_that_cannot_be_kept_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(InvalidLabels, match=name):
        Labels(**{name: value})


@pytest.mark.parametrize("value", ["1", "x" * 128, "検査員 7", "a\u3000b", None])
def test_a_label_may_be_any_short_printable_text_or_none(value: str | None) -> None:
    assert Labels(lot_id=value).lot_id == value


def test_each_format_has_the_extension_and_the_media_type_that_it_is_known_by() -> None:
    assert [(form.extension, form.media_type) for form in ImageFormat] == [
        ("jpg", "image/jpeg"),
        ("png", "image/png"),
        ("tif", "image/tiff"),
        ("bmp", "image/bmp"),
    ]


async def test_an_image_in_memory_is_streamed_with_its_labels() -> None:
    content = bytes(CHUNK_BYTES + 1)
    image = IncomingImage.from_bytes("board.png", content, Labels(lot_id="L"))
    assert [len(chunk) async for chunk in image.content] == [CHUNK_BYTES, 1]
    assert await image.read_labels() == Labels(lot_id="L")


async def test_an_image_has_no_labels_unless_it_has_some() -> None:
    image = IncomingImage("board.png", IncomingImage.from_bytes("board.png", b"").content)
    assert await image.read_labels() == Labels()


async def test_an_image_file_is_streamed_under_its_own_name(tmp_path: Path) -> None:
    content = bytes(range(256)) * (CHUNK_BYTES // 256) + b"end"
    await anyio.Path(tmp_path / "board.png").write_bytes(content)
    image = IncomingImage.from_path(str(tmp_path / "board.png"))
    assert image.filename == "board.png"
    assert b"".join([chunk async for chunk in image.content]) == content
    assert await image.read_labels() == Labels()


async def test_an_image_file_that_is_not_there_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    image = IncomingImage.from_path(tmp_path / "board.png")
    with pytest.raises(FileNotFoundError):
        await anext(image.content)
