"""A class mask written as a picture is read back as it was; anything else is refused, with the reason."""

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from aoi.adapters.inference.class_masks import CLASS_COLOURS, encode_class_mask, read_class_mask
from sample_images import deep, jpeg, png, translucent, truncated

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


def rgb_png(*rows: list[tuple[int, int, int]]) -> bytes:
    return png(Image.fromarray(np.array(rows, np.uint8)))


def test_the_first_classes_have_the_colours_of_the_reference() -> None:
    assert [CLASS_COLOURS[class_id] for class_id in (1, 2, 3, 4)] == [RED, GREEN, BLUE, YELLOW]


def test_every_class_has_a_colour_of_its_own_and_none_is_black() -> None:
    assert list(CLASS_COLOURS) == list(range(1, 256))
    assert len({*CLASS_COLOURS.values(), (0, 0, 0)}) == 256
    assert all(0 <= level <= 255 for colour in CLASS_COLOURS.values() for level in colour)


@given(mask=arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40)))
@settings(deadline=None)
def test_the_mask_picture_is_read_back_as_it_was(mask: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(read_class_mask(encode_class_mask(mask)), mask)


@given(
    mask=arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.integers(0, 17))
)
@settings(deadline=None)
def test_few_classes_take_few_bits_and_are_read_back_too(mask: NDArray[np.uint8]) -> None:
    content = encode_class_mask(mask)
    assert content[24] == next(bits for bits in (1, 2, 4, 8) if mask.max() < 1 << bits)
    np.testing.assert_array_equal(read_class_mask(content), mask)


def test_the_mask_picture_shows_each_class_in_its_colour_on_black() -> None:
    content = encode_class_mask(np.array([[0, 1, 2, 3, 4]], np.uint8))
    picture = Image.open(BytesIO(content)).convert("RGB")
    shown = [picture.getpixel((x, 0)) for x in range(5)]
    assert shown == [(0, 0, 0), RED, GREEN, BLUE, YELLOW]


def test_the_colours_may_be_chosen() -> None:
    mask = np.array([[0, 1, 2]], np.uint8)
    content = encode_class_mask(mask, {1: (1, 2, 3), 2: (4, 5, 6)})
    np.testing.assert_array_equal(read_class_mask(content, {1: (1, 2, 3), 2: (4, 5, 6)}), mask)


def test_a_class_without_a_colour_is_drawn_black() -> None:
    np.testing.assert_array_equal(read_class_mask(encode_class_mask(np.array([[7, 1]], np.uint8), {1: RED})), [[0, 1]])


def test_a_grey_mask_holds_the_class_ids_themselves() -> None:
    mask = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(read_class_mask(png(Image.fromarray(mask))), mask)


def test_a_colour_mask_holds_the_colours_of_the_classes() -> None:
    content = rgb_png([(0, 0, 0), RED, GREEN], [BLUE, YELLOW, RED])
    np.testing.assert_array_equal(read_class_mask(content), [[0, 1, 2], [3, 4, 1]])


def test_any_other_colour_is_named_with_its_place() -> None:
    rows = [[RED, GREEN]] * 299 + [[RED, (254, 0, 1)]]
    with pytest.raises(ValueError, match=r"x = 1, y = 299 has the colour \(254, 0, 1\)"):
        read_class_mask(rgb_png(*rows))


def test_masks_are_not_turned_by_exif() -> None:
    content = png(Image.fromarray(np.array([[1, 2, 3]], np.uint8)), orientation=6)
    assert read_class_mask(content).shape == (3, 1)
    assert read_class_mask(png(Image.fromarray(np.array([[1, 2, 3]], np.uint8)))).shape == (1, 3)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", jpeg(), b"GIF89a" + bytes(100)])
def test_what_is_not_a_png_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a PNG"):
        read_class_mask(content)


@pytest.mark.parametrize(
    "content",
    [deep(), deep(channels=1), png(translucent(Image.new("RGB", (4, 4)))), png(Image.new("1", (4, 4)))],
    ids=["rgb of 16 bits", "grey of 16 bits", "alpha", "grey of 1 bit"],
)
def test_pixels_that_would_have_to_be_altered_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="neither grey of 8 bits, nor RGB"):
        read_class_mask(content)


def test_a_truncated_mask_is_refused() -> None:
    noise = np.random.default_rng(1).integers(0, 5, (200, 200), np.uint8)
    with pytest.raises(ValueError, match="corrupt or truncated"):
        read_class_mask(truncated(png(Image.fromarray(noise))))


def test_a_mask_that_claims_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ValueError, match=r"4 × 4 pixels; 15 are allowed"):
        read_class_mask(png(Image.new("L", (4, 4))), max_pixels=15)


def test_the_test_vectors_are_read(shared_folder: Path) -> None:
    folder = shared_folder / "vectors" / "regions"
    if not folder.is_dir():
        pytest.skip("the test vectors do not stand beside this checkout")
    for path in sorted(folder.glob("*.png")):
        expected = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        np.testing.assert_array_equal(read_class_mask(path.read_bytes()), expected)
