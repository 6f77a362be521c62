"""The colours of the classes, and class masks as PNG files, written and read back without loss."""

import colorsys
import struct
from collections.abc import Iterator, Mapping
from io import BytesIO
from types import MappingProxyType
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Mask = NDArray[np.uint8]
Rgb = tuple[int, int, int]
"""Red, green and blue, 0 to 255 each."""

LAST_CLASS_ID = 255
CHOSEN_COLOURS: tuple[Rgb, ...] = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 0),
    (0, 255, 255),
    (255, 0, 255),
    (255, 128, 0),
    (128, 0, 255),
    (0, 160, 96),
    (255, 128, 192),
    (160, 96, 32),
    (128, 192, 255),
)
"""Of the classes from 1; the first three are the reference service's."""
GOLDEN_RATIO = 0.618034
BRIGHTNESSES = (1.0, 0.8, 0.6)
SATURATIONS = (0.85, 0.6)

GREY, RGB, PALETTE = 0, 2, 3
"""Colour types of PNG (ISO/IEC 15948, table 11.1)."""
PNG_HEADER = struct.Struct(">8s4x4s2L2B")
"""Signature, the name of the first chunk, width, height, bit depth, colour type."""
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
ROWS_AT_ONCE = 256


def _class_colours() -> Iterator[Rgb]:
    yield from CHOSEN_COLOURS
    for number in range(LAST_CLASS_ID - len(CHOSEN_COLOURS)):
        saturation = SATURATIONS[number // len(BRIGHTNESSES) % len(SATURATIONS)]
        brightness = BRIGHTNESSES[number % len(BRIGHTNESSES)]
        red, green, blue = colorsys.hsv_to_rgb(0.07 + number * GOLDEN_RATIO, saturation, brightness)
        yield round(red * 255), round(green * 255), round(blue * 255)


CLASS_COLOURS: Mapping[int, Rgb] = MappingProxyType(dict(enumerate(_class_colours(), start=1)))
"""A colour for each class id from 1 to 255, no two alike and none black."""


def encode_class_mask(mask: Mask, colours: Mapping[int, Rgb] = CLASS_COLOURS) -> bytes:
    """An H × W class mask as a palette PNG: each class in its colour on black. Its indices are the class ids.

    A class without a colour is drawn black. No more bits are stored per pixel than the highest id needs.
    """
    palette = bytearray(3 * (int(mask.max(initial=0)) + 1))
    for class_id, colour in colours.items():
        if 3 * class_id < len(palette):
            palette[3 * class_id : 3 * class_id + 3] = bytes(colour)
    picture = Image.fromarray(mask, mode="P")
    picture.putpalette(palette)
    file = BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()


def read_class_mask(content: bytes, colours: Mapping[int, Rgb] = CLASS_COLOURS, *, max_pixels: int = 10**9) -> Mask:
    """The class mask that a PNG holds: H × W uint8, pixel = class id, 0 = none.

    A grey PNG of 8 bits holds the ids themselves; an RGB one of 8 bits, or one with a palette, the classes' exact
    colours on black. Raises `ValueError`, saying what is wrong and where, for anything else.
    """
    width, height, colour_type = _checked_header(content)
    if width * height > max_pixels:
        raise ValueError(f"The mask has {width} × {height} pixels; {max_pixels:,} are allowed. Crop it.")
    flag = cv2.IMREAD_GRAYSCALE if colour_type == GREY else cv2.IMREAD_COLOR
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise ValueError("The mask is corrupt or truncated. Save it again.")
    decoded = cast("NDArray[np.uint8]", pixels)
    return decoded if colour_type == GREY else _class_ids(decoded, colours)


def _checked_header(content: bytes) -> tuple[int, int, int]:
    """Width, height and colour type."""
    if len(content) < PNG_HEADER.size or not content.startswith(PNG_SIGNATURE):
        raise ValueError("The mask is not a PNG. Other formats change the colours: save it as PNG.")
    _, _, width, height, bit_depth, colour_type = PNG_HEADER.unpack_from(content)
    if (colour_type, bit_depth) not in {(GREY, 8), (RGB, 8)} and colour_type != PALETTE:
        raise ValueError(
            "The mask is neither grey of 8 bits, nor RGB of 8 bits, nor a palette image. Save it as one of these,"
            " without an alpha channel."
        )
    return width, height, colour_type


def _class_ids(bgr: NDArray[np.uint8], colours: Mapping[int, Rgb]) -> Mask:
    """Colours looked up band by band, so that little more than the image is held."""
    ids_by_colour = np.full(1 << 24, -1, np.int16)
    ids_by_colour[0] = 0
    for class_id, (red, green, blue) in colours.items():
        ids_by_colour[red << 16 | green << 8 | blue] = class_id
    mask = np.empty(bgr.shape[:2], np.uint8)
    for top in range(0, len(bgr), ROWS_AT_ONCE):
        blue, green, red = np.moveaxis(bgr[top : top + ROWS_AT_ONCE].astype(np.int32), 2, 0)
        ids = ids_by_colour[red << 16 | green << 8 | blue]
        _check_known(ids, bgr, top)
        mask[top : top + ROWS_AT_ONCE] = ids
    return mask


def _check_known(ids: NDArray[np.int16], bgr: NDArray[np.uint8], top: int) -> None:
    unknown = ids < 0
    if unknown.any():
        row, x = divmod(int(unknown.argmax()), ids.shape[1])
        blue, green, red = bgr[top + row, x].tolist()
        raise ValueError(
            f"The pixel at x = {x}, y = {top + row} has the colour ({red}, {green}, {blue}), which is no class's."
            " Use the exact colours, without smoothing or lossy compression."
        )
