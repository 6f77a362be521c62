"""What every image reader must do.

Subclass `ImageReaderContract` in your tests and give it a reader by a fixture called `reader`, one that takes images of
a million pixels.
"""

from collections.abc import AsyncIterator, Callable

import anyio
import anyio.lowlevel
import pytest

from aoi.domain.errors import (
    CorruptImage,
    EmptyImage,
    ImageRejected,
    SeveralFrames,
    TooManyPixels,
    UnsupportedMediaType,
)
from aoi.domain.image import ImageFormat, Orientation, PixelFacts
from aoi.domain.ports import ImageReader
from aoi.domain.streams import bytes_chunks
from aoi.testing.tiny_images import (
    HEIGHT,
    PNG_SIGNATURE,
    RGB,
    RGBA,
    WHOLE,
    WIDTH,
    animated_png,
    png,
    tiff,
    turned_png,
)


async def read(reader: ImageReader, content: bytes) -> PixelFacts:
    return await reader.read(lambda: bytes_chunks(content))


class ImageReaderContract:
    """Every test is one promise of `aoi.domain.ports.ImageReader`."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture
    def reader(self) -> ImageReader:
        """A reader that takes images of up to a million pixels."""
        raise NotImplementedError("give your reader by a fixture called 'reader'")

    async def test_it_is_an_image_reader(self, reader: ImageReader) -> None:
        assert isinstance(reader, ImageReader)

    @pytest.mark.parametrize("kind", WHOLE)
    async def test_the_format_is_told_by_the_first_bytes(
        self, reader: ImageReader, kind: tuple[ImageFormat, str]
    ) -> None:
        assert reader.format_of(WHOLE[kind][:64]) is kind[0]

    @pytest.mark.parametrize(
        "head", [b"GIF89a", b"<svg/>", b"%PDF-1.7", b"RIFF\0\0\0\0WEBP", b"BMW is no bitmap", b"\0"]
    )
    async def test_other_files_are_refused_by_their_first_bytes(self, reader: ImageReader, head: bytes) -> None:
        with pytest.raises(UnsupportedMediaType):
            reader.format_of(head)
        with pytest.raises(UnsupportedMediaType):
            await read(reader, head)

    async def test_an_empty_file_is_refused(self, reader: ImageReader) -> None:
        with pytest.raises(EmptyImage):
            reader.format_of(b"")
        with pytest.raises(EmptyImage):
            await read(reader, b"")

    @pytest.mark.parametrize(("kind", "content"), [*WHOLE.items(), ((ImageFormat.TIFF, "grey"), tiff(">"))])
    async def test_a_whole_image_is_read(
        self, reader: ImageReader, kind: tuple[ImageFormat, str], content: bytes
    ) -> None:
        image_format, color = kind
        channels = 3 if color == "rgb" else 1
        assert await read(reader, content) == PixelFacts(image_format, WIDTH, HEIGHT, channels, 8, color)

    async def test_chunks_may_be_of_any_size(self, reader: ImageReader) -> None:
        async def content() -> AsyncIterator[bytes]:
            for byte in png():
                yield bytes([byte])

        assert (await reader.read(content)).width == WIDTH

    @pytest.mark.parametrize("kind", WHOLE)
    async def test_an_image_that_is_cut_anywhere_is_refused(
        self, reader: ImageReader, kind: tuple[ImageFormat, str]
    ) -> None:
        for end in range(1, len(WHOLE[kind])):
            with pytest.raises((CorruptImage, UnsupportedMediaType)):
                await read(reader, WHOLE[kind][:end])

    async def test_a_single_wrong_bit_in_a_png_is_found(self, reader: ImageReader) -> None:
        content = png(color=RGB)
        for at in range(len(PNG_SIGNATURE), len(content)):
            broken = bytearray(content)
            broken[at] ^= 1
            with pytest.raises(ImageRejected):
                await read(reader, bytes(broken))

    @pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
    async def test_the_bit_depth_is_that_of_the_file(self, reader: ImageReader, depth: int) -> None:
        assert (await read(reader, png(depth=depth))).bit_depth == depth

    @pytest.mark.parametrize("color", [RGB, RGBA])
    async def test_colour_of_16_bits_is_not_taken_for_8(self, reader: ImageReader, color: int) -> None:
        facts = await read(reader, png(color=color, depth=16))
        assert (facts.bit_depth, facts.color, facts.channels) == (16, "rgb", {RGB: 3, RGBA: 4}[color])

    async def test_a_tiff_of_16_bits_is_not_taken_for_8(self, reader: ImageReader) -> None:
        assert (await read(reader, tiff(depth=16))).bit_depth == 16

    @pytest.mark.parametrize(("alpha", "opaque"), [(255, True), (254, False), (0, False)])
    async def test_alpha_is_told_and_whether_it_hides_anything(
        self, reader: ImageReader, alpha: int, opaque: bool
    ) -> None:
        row = b"\0" + bytes([9, 9, 9, 255]) * (WIDTH - 1) + bytes([9, 9, 9, alpha])
        facts = await read(reader, png(color=RGBA, rows=row * HEIGHT))
        assert (facts.channels, facts.has_alpha, facts.is_opaque) == (4, True, opaque)

    @pytest.mark.parametrize("orientation", range(1, 9))
    async def test_width_and_height_are_those_of_the_upright_image(self, reader: ImageReader, orientation: int) -> None:
        facts = await read(reader, turned_png(orientation))
        assert (facts.width, facts.height) == ((WIDTH, HEIGHT) if orientation < 5 else (HEIGHT, WIDTH))
        assert facts.orientation == (Orientation.UPRIGHT if orientation == 1 else Orientation.TURNED)

    @pytest.mark.parametrize("content", [animated_png(), tiff(pages=2), tiff(">", pages=3)])
    async def test_several_frames_are_refused(self, reader: ImageReader, content: bytes) -> None:
        with pytest.raises(SeveralFrames):
            await read(reader, content)

    async def test_as_many_pixels_as_the_limit_are_taken_and_one_row_more_is_not(self, reader: ImageReader) -> None:
        assert (await read(reader, png(1000, 1000))).height == 1000
        with pytest.raises(TooManyPixels):
            await read(reader, png(1000, 1001))

    async def test_a_header_that_claims_too_much_is_believed_before_anything_is_decoded(
        self, reader: ImageReader
    ) -> None:
        with anyio.fail_after(1), pytest.raises(TooManyPixels):
            await read(reader, png(60_000, 60_000, color=RGB, rows=b"\0"))

    async def test_an_error_of_the_content_passes_unchanged(self, reader: ImageReader) -> None:
        error = OSError("the store's own")

        async def content() -> AsyncIterator[bytes]:
            yield png()[:20]
            raise error

        with pytest.raises(OSError, match="the store's own") as caught:
            await reader.read(content)
        assert caught.value is error

    async def test_a_refused_image_costs_no_other_one(self, reader: ImageReader) -> None:
        async def attempt(content: Callable[[], AsyncIterator[bytes]]) -> None:
            with pytest.raises(CorruptImage):
                await reader.read(content)

        for _ in range(3):
            await attempt(lambda: bytes_chunks(png()[:-20]))
        assert (await read(reader, png())).width == WIDTH

    async def test_the_loop_is_free_while_an_image_is_decoded(self, reader: ImageReader) -> None:
        turns = at_the_last_byte = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await anyio.lowlevel.checkpoint()
                turns += 1

        async def content() -> AsyncIterator[bytes]:
            nonlocal at_the_last_byte
            yield png(1000, 1000, color=RGB)
            at_the_last_byte = turns

        async with anyio.create_task_group() as group:
            group.start_soon(turn)
            await reader.read(content)
            group.cancel_scope.cancel()
        assert turns - at_the_last_byte > 5
