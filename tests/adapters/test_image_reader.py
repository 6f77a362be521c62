import gc
import random
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import anyio
import numpy as np
import pytest
from PIL import Image

from aoi.adapters.image_reader import DecodingImageReader
from aoi.domain.errors import (
    AoiError,
    CorruptImage,
    ImageRejected,
    SeveralFrames,
    TooManyPixels,
    UnsupportedMediaType,
)
from aoi.domain.image import Orientation, PixelFacts
from aoi.domain.ports import ImageReader
from aoi.domain.streams import bytes_chunks
from aoi.testing.image_reader import ImageReaderContract
from sample_images import (
    bmp,
    board,
    bomb_png,
    deep,
    encoded,
    grey_board,
    jpeg,
    multipage_tiff,
    noise,
    plain_tiff,
    png,
    png_chunk,
    tiff,
    translucent,
    truncated,
    two_pictures_jpeg,
)

pytestmark = pytest.mark.anyio


class TestDecodingImageReader(ImageReaderContract):
    @pytest.fixture
    def reader(self) -> ImageReader:
        return DecodingImageReader(max_megapixels=1)


@pytest.fixture
def reader() -> DecodingImageReader:
    return DecodingImageReader()


async def read(reader: DecodingImageReader, content: bytes) -> PixelFacts:
    return await reader.read(lambda: bytes_chunks(content))


def palette() -> Image.Image:
    """Four entries, of which the last is not used."""
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 9, 9, 9, 99, 99, 99, 200, 200, 200])
    image.putpixel((0, 0), 2)
    image.putpixel((1, 0), 0)
    return image


def big_endian_grey_16() -> bytes:
    return tiff(Image.fromarray(np.ones((32, 48), ">u2")))


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (png(board()), (3, 8, "rgb", False, True)),
        (png(grey_board()), (1, 8, "grey", False, True)),
        (png(grey_board().convert("1")), (1, 1, "bilevel", False, True)),
        (png(palette()), (1, 2, "palette", False, True)),
        (png(palette(), transparency=2), (1, 2, "palette", True, False)),
        (png(palette(), transparency=3), (1, 2, "palette", True, True)),
        (png(palette(), transparency=b"\xff\xff\xfe\xff"), (1, 2, "palette", True, False)),
        (png(palette(), transparency=b"\xff\xff\xff\x00"), (1, 2, "palette", True, True)),
        (png(board(), transparency=(1, 2, 3)), (3, 8, "rgb", True, True)),
        (png(board(), transparency=board().getpixel((0, 0))), (3, 8, "rgb", True, False)),
        (png(grey_board().convert("1"), transparency=0), (1, 1, "bilevel", True, False)),
        (png(translucent(grey_board())), (2, 8, "grey", True, False)),
        (png(translucent(grey_board(), 255)), (2, 8, "grey", True, True)),
        (png(translucent(board())), (4, 8, "rgb", True, False)),
        (png(translucent(board(), 255)), (4, 8, "rgb", True, True)),
        (deep(".png", 1), (1, 16, "grey", False, True)),
        (deep(".png", 3), (3, 16, "rgb", False, True)),
        (deep(".png", 4), (4, 16, "rgb", True, False)),
        (jpeg(board()), (3, 8, "rgb", False, True)),
        (jpeg(board(), progressive=True), (3, 8, "rgb", False, True)),
        (jpeg(grey_board()), (1, 8, "grey", False, True)),
        (jpeg(board().convert("CMYK")), (4, 8, "cmyk", False, True)),
        (tiff(board()), (3, 8, "rgb", False, True)),
        (tiff(board(), big_tiff=True), (3, 8, "rgb", False, True)),
        (tiff(board(), compression="jpeg"), (3, 8, "rgb", False, True)),
        (tiff(board(), compression="tiff_lzw"), (3, 8, "rgb", False, True)),
        (tiff(grey_board().convert("1"), compression="group4"), (1, 1, "bilevel", False, True)),
        (tiff(palette()), (1, 8, "palette", False, True)),
        (tiff(translucent(board())), (4, 8, "rgb", True, False)),
        (tiff(translucent(board(), 255)), (4, 8, "rgb", True, True)),
        (encoded(np.asarray(translucent(board())), ".tiff"), (4, 8, "rgb", True, False)),
        (encoded(np.asarray(translucent(board(), 255)), ".tiff"), (4, 8, "rgb", True, True)),
        (tiff(translucent(grey_board())), (2, 8, "grey", True, False)),
        (tiff(board().convert("CMYK")), (4, 8, "cmyk", False, True)),
        (tiff(board().convert("LAB")), (3, 8, "lab", False, True)),
        (deep(".tiff", 1), (1, 16, "grey", False, True)),
        (deep(".tiff", 3), (3, 16, "rgb", False, True)),
        (big_endian_grey_16(), (1, 16, "grey", False, True)),
        (deep(".tiff", 1, np.float32), (1, 32, "floating-point grey", False, True)),
        (bmp(board()), (3, 8, "rgb", False, True)),
        (bmp(grey_board()), (1, 8, "grey", False, True)),
        (bmp(palette()), (1, 8, "palette", False, True)),
        (bmp(grey_board().convert("1")), (1, 1, "bilevel", False, True)),
        (encoded(np.asarray(translucent(board())), ".bmp"), (4, 8, "rgb", True, False)),
    ],
)
async def test_the_facts_are_those_of_the_file(
    reader: DecodingImageReader, content: bytes, facts: tuple[int, int, str, bool, bool]
) -> None:
    found = await read(reader, content)
    assert (found.channels, found.bit_depth, found.color, found.has_alpha, found.is_opaque) == facts


async def test_one_transparent_colour_of_16_bits_counts_as_not_opaque(reader: DecodingImageReader) -> None:
    content = png(Image.fromarray(np.ones((4, 4), np.uint16)), transparency=7)
    found = await read(reader, content)
    assert (found.bit_depth, found.has_alpha, found.is_opaque) == (16, True, False)


def cmyk_tiff_with_a_fifth_channel() -> bytes:
    tags = {256: 3, 257: 2, 258: (8, 8, 8, 8, 8), 259: 1, 262: 5, 273: 8, 277: 5, 278: 2, 279: 30, 338: 0}
    return plain_tiff(tags, bytes([9, 9, 9, 9, 255] * 6))


async def test_a_channel_that_cannot_be_looked_into_counts_as_not_opaque(reader: DecodingImageReader) -> None:
    found = await read(reader, cmyk_tiff_with_a_fifth_channel())
    assert (found.channels, found.color, found.has_alpha, found.is_opaque) == (5, "cmyk", True, False)


def with_precision_12(content: bytes) -> bytes:
    return content.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c")


def with_16_bits_per_pixel(content: bytes) -> bytes:
    return content[:28] + struct.pack("<H", 16) + content[30:]


def with_unequal_depths(content: bytes) -> bytes:
    """The first of three BitsPerSample, each 8, becomes 4."""
    return content.replace(b"\x08\0\x08\0\x08\0", b"\x04\0\x08\0\x08\0")


@pytest.mark.parametrize(
    "content",
    [
        with_precision_12(jpeg()),
        with_16_bits_per_pixel(bmp()),
        bmp()[:30] + struct.pack("<I", 9) + bmp()[34:],
        deep(".tiff", 3, np.float32),
    ],
    ids=["12-bit JPEG", "16-bit BMP", "BMP of an unknown compression", "TIFF of floating-point colour"],
)
async def test_what_cannot_be_read_is_told_apart_from_what_is_corrupt(
    reader: DecodingImageReader, content: bytes
) -> None:
    with pytest.raises(UnsupportedMediaType):
        await read(reader, content)


async def test_channels_of_different_depth_are_never_read_as_equal(reader: DecodingImageReader) -> None:
    content = with_unequal_depths(tiff())
    assert content != tiff()
    with pytest.raises(UnsupportedMediaType):
        await read(reader, content)


@pytest.mark.parametrize(
    "content",
    [
        png(board()),
        png(noise(64, 64)),
        jpeg(board()),
        jpeg(noise(64, 64)),
        jpeg(board(), progressive=True),
        jpeg(board(), restart_marker_rows=1),
        tiff(noise(32, 32)),
        tiff(board(), compression="tiff_lzw"),
        tiff(board(), compression="tiff_adobe_deflate"),
        tiff(board(), compression="packbits"),
        tiff(board(), compression="jpeg"),
        tiff(grey_board().convert("1"), compression="group4"),
        bmp(board()),
    ],
)
async def test_an_image_that_is_truncated_anywhere_is_refused(reader: DecodingImageReader, content: bytes) -> None:
    last = range(len(content) - 16, len(content))
    for end in (*range(20, len(content), max(1, len(content) // 60)), *last):
        with pytest.raises((CorruptImage, UnsupportedMediaType)):
            await read(reader, content[:end])


def with_segment(content: bytes, marker: bytes, data: bytes) -> bytes:
    return content[:2] + marker + struct.pack(">H", len(data) + 2) + data + content[2:]


async def test_a_jpeg_whose_end_was_never_written_is_refused(reader: DecodingImageReader) -> None:
    with_a_thumbnail = with_segment(jpeg(), b"\xff\xe1", b"Exif\0\0" + jpeg(board(16, 16)))
    for content in (jpeg(noise(64, 64)), jpeg(board(480, 320), progressive=True), with_a_thumbnail):
        assert (await read(reader, content)).bit_depth == 8
        with pytest.raises(CorruptImage):
            await read(reader, truncated(content, 0.9) + bytes(len(content) // 2))


async def test_bytes_that_fill_up_before_a_jpegs_marker_do_no_harm(reader: DecodingImageReader) -> None:
    content = jpeg()
    assert (await read(reader, content[:2] + b"\xff\xff\xff" + content[2:])).width == 48


async def test_bytes_behind_the_end_do_no_harm(reader: DecodingImageReader) -> None:
    for content in (png(), jpeg(), tiff(), bmp()):
        assert (await read(reader, content + b"trailer" * 9)).width == 48


@pytest.mark.parametrize("content", [png(noise(20, 20)), jpeg(), tiff(), tiff(compression="tiff_lzw"), bmp()])
@pytest.mark.filterwarnings("ignore::UserWarning")
async def test_broken_bytes_are_read_or_refused_and_nothing_else(reader: DecodingImageReader, content: bytes) -> None:
    generator = random.Random(7)
    for _ in range(150):
        broken = bytearray(content)
        for _ in range(generator.choice([1, 1, 5])):
            broken[generator.randrange(min(len(broken), 700))] = generator.randrange(256)
        with suppress(ImageRejected):
            await read(reader, bytes(broken))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("make", [jpeg, png, tiff])
async def test_the_orientation_is_that_of_exif(
    reader: DecodingImageReader, make: Callable[..., bytes], orientation: int
) -> None:
    facts = await read(reader, make(orientation=orientation))
    assert (facts.width, facts.height) == (48, 32)
    assert facts.orientation is (Orientation.UPRIGHT if orientation == 1 else Orientation.TURNED)


@pytest.mark.parametrize("make", [jpeg, png, tiff])
async def test_an_orientation_in_xmp_alone_turns_nothing(
    reader: DecodingImageReader, make: Callable[..., bytes]
) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    if make is png:
        note = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp
        content = _with_chunk(png(), b"iTXt", note)
    elif make is tiff:
        content = tiff(tiffinfo={700: xmp})
    else:
        content = jpeg(xmp=xmp)
    assert xmp in content
    facts = await read(reader, content)
    assert (facts.width, facts.height, facts.orientation) == (48, 32, Orientation.UPRIGHT)


def _with_chunk(content: bytes, kind: bytes, data: bytes) -> bytes:
    return content[:33] + png_chunk(kind, data) + content[33:]


@pytest.mark.parametrize("content", [multipage_tiff(), two_pictures_jpeg()])
async def test_several_pictures_in_a_file_are_refused(reader: DecodingImageReader, content: bytes) -> None:
    with pytest.raises(SeveralFrames):
        await read(reader, content)


async def test_a_bomb_is_refused_by_its_header(reader: DecodingImageReader) -> None:
    with pytest.raises(TooManyPixels, match="60,000 × 60,000"):
        await read(reader, bomb_png())


async def test_a_tile_larger_than_the_limit_is_refused() -> None:
    content = plain_tiff({256: 48, 257: 32, 258: 8, 259: 5, 262: 1, 277: 1, 322: 4096, 323: 4096, 324: 8, 325: 9})
    with pytest.raises(TooManyPixels):
        await read(DecodingImageReader(max_megapixels=1), content)


@pytest.mark.parametrize("make", [png, tiff])
async def test_the_limit_is_aois_own_and_no_warning_comes_before_it(make: Callable[..., bytes]) -> None:
    options = {"compression": "group4"} if make is tiff else {}
    content = make(Image.new("1", (10_000, 10_000)), **options)
    assert (await read(DecodingImageReader(max_megapixels=100), content)).width == 10_000
    with pytest.raises(TooManyPixels):
        await read(DecodingImageReader(max_megapixels=99.999), content)


async def test_no_more_images_are_held_than_the_limit_says() -> None:
    reader = DecodingImageReader(concurrency=2)
    open_streams = most = 0

    async def content() -> AsyncIterator[bytes]:
        nonlocal open_streams, most
        open_streams += 1
        most = max(most, open_streams)
        await anyio.sleep(0.005)
        yield png()
        open_streams -= 1

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(reader.read, content)
    assert most == 2


async def test_a_cancelled_read_gives_its_slot_back(reader: DecodingImageReader) -> None:
    async def stalling() -> AsyncIterator[bytes]:
        yield png()[:10]
        await anyio.sleep_forever()

    with anyio.move_on_after(0.01):
        await reader.read(stalling)
    assert (await read(reader, png())).width == 48


async def test_a_refusal_holds_neither_the_bytes_nor_the_pixels(reader: DecodingImageReader) -> None:
    resource = pytest.importorskip("resource")
    content = truncated(bmp(noise(2000, 1000)), 0.95)
    refusals: list[AoiError] = []

    async def refuse(times: int) -> None:
        for _ in range(times):
            try:
                await read(reader, content)
            except AoiError as error:
                refusals.append(error)

    await refuse(3)
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await refuse(20)
    assert len(refusals) == 23
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000


async def test_memory_that_is_lacking_is_not_the_images_fault(reader: DecodingImageReader) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield png()
        raise MemoryError

    with pytest.raises(MemoryError):
        await reader.read(content)
