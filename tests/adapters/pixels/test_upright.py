from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aoi.adapters.pixels.upright import decode_upright_color, decode_upright_grey, encode_upright_png
from aoi.domain.errors import UnsupportedPixels
from sample_images import bmp, board, deep, grey_board, jpeg, png, tiff, translucent

BLUE_GREEN_RED = np.asarray(board())[..., ::-1]
GREY = cv2.cvtColor(np.asarray(board()), cv2.COLOR_RGB2GRAY)


def by_opencv(content: bytes, flags: int) -> NDArray[np.integer | np.floating]:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    assert pixels is not None
    return pixels


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("make", [jpeg, png, tiff])
def test_every_orientation_gives_the_same_upright_pixels(make: Callable[..., bytes], orientation: int) -> None:
    content = make(board(), orientation=orientation)
    lost = 2 if make is jpeg else 0
    assert decode_upright_color(content).shape == (32, 48, 3)
    assert np.abs(decode_upright_color(content).astype(int) - BLUE_GREEN_RED).max() <= lost
    assert np.abs(decode_upright_grey(content).astype(int) - GREY).max() <= lost


@pytest.mark.parametrize("make", [jpeg, png, tiff, bmp])
def test_the_pixels_are_those_that_opencv_decodes(make: Callable[..., bytes]) -> None:
    content = make(board())
    assert np.array_equal(decode_upright_color(content), by_opencv(content, cv2.IMREAD_COLOR))


@pytest.mark.parametrize("make", [png, tiff, bmp])
def test_grey_levels_stay_as_they_are(make: Callable[..., bytes]) -> None:
    levels = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    assert np.array_equal(decode_upright_grey(make(levels)), np.asarray(levels))
    assert np.array_equal(decode_upright_color(make(levels)), np.dstack([np.asarray(levels)] * 3))


def test_a_palette_is_expanded() -> None:
    image = board().quantize(16)
    expected = np.asarray(image.convert("RGB"))
    for content in (png(image), png(image, transparency=bytes([255] * 16))):
        assert np.array_equal(decode_upright_color(content), expected[..., ::-1])
        assert np.array_equal(decode_upright_grey(content), cv2.cvtColor(expected, cv2.COLOR_RGB2GRAY))


def test_an_opaque_alpha_channel_is_dropped() -> None:
    assert np.array_equal(decode_upright_color(png(translucent(board(), 255))), BLUE_GREEN_RED)
    assert np.array_equal(decode_upright_grey(png(translucent(grey_board(), 255))), np.asarray(grey_board()))


def test_black_and_white_become_0_and_255() -> None:
    image = grey_board().convert("1")
    assert set(np.unique(decode_upright_grey(png(image)))) == {0, 255}


@pytest.mark.parametrize("content", [deep(".png", 1), deep(".tiff", 1, np.float32)])
def test_deeper_pixels_are_never_altered_silently(content: bytes) -> None:
    for decode in (decode_upright_grey, decode_upright_color, encode_upright_png):
        with pytest.raises(UnsupportedPixels, match="8 bits"):
            decode(content)


def test_the_pixels_can_be_written_to() -> None:
    decode_upright_grey(png(grey_board()))[0, 0] = 1
    decode_upright_color(png())[0, 0] = 1


def test_a_turned_image_becomes_an_upright_png_without_loss() -> None:
    made = encode_upright_png(png(board(), orientation=6))
    assert np.array_equal(by_opencv(made, cv2.IMREAD_UNCHANGED), BLUE_GREEN_RED)
    made = encode_upright_png(tiff(grey_board(), orientation=7))
    assert np.array_equal(by_opencv(made, cv2.IMREAD_UNCHANGED), np.asarray(grey_board()))
