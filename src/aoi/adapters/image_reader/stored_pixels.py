"""What the file stores for a pixel, as its header says: Pillow's own modes hide it (16-bit colour becomes 8-bit)."""

from dataclasses import dataclass
from typing import cast

from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from aoi.domain.errors import UnsupportedMediaType

BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLES_PER_PIXEL, SAMPLE_FORMAT = 258, 262, 277, 339
PNG_COLORS = {0: ("grey", 1), 2: ("rgb", 3), 3: ("palette", 1), 4: ("grey", 2), 6: ("rgb", 4)}
"""Colour model and channels by colour type (PNG specification, 11.2.1)."""
TIFF_COLORS = {
    0: ("grey", 1),
    1: ("grey", 1),
    2: ("rgb", 3),
    3: ("palette", 1),
    5: ("cmyk", 4),
    6: ("rgb", 3),
    8: ("lab", 3),
}
"""Colour model and its channels by PhotometricInterpretation (TIFF 6.0); YCbCr (6) is decoded to RGB, as in a JPEG."""
FLOATING_POINT = 3
CHANNELS = {"1": 1, "L": 1, "P": 1, "RGB": 3, "RGBA": 4, "CMYK": 4}
COLORS = {"1": "bilevel", "L": "grey", "P": "palette", "RGB": "rgb", "RGBA": "rgb", "CMYK": "cmyk"}


@dataclass(frozen=True, slots=True)
class StoredPixels:
    """`channels` and their `bit_depth`, the colour model, and whether some pixels may be transparent."""

    channels: int
    bit_depth: int
    color: str
    has_alpha: bool


def stored_pixels(image: ImageFile, content: bytes) -> StoredPixels:
    """What an opened image stores; raises `UnsupportedMediaType` for a BMP of 16 bits per pixel."""
    if isinstance(image, PngImageFile):
        return _of_png(image, content)
    if isinstance(image, TiffImageFile):
        return _of_tiff(image)
    if isinstance(image, BmpImageFile):
        return _of_bmp(image, content)
    return StoredPixels(CHANNELS[image.mode], 8, COLORS[image.mode], has_alpha=False)


def _of_png(image: PngImageFile, content: bytes) -> StoredPixels:
    """From the header chunk, which is always the first: depth at byte 24, colour type at byte 25."""
    depth, kind = content[24], content[25]
    color, channels = PNG_COLORS[kind]
    return StoredPixels(channels, depth, _named(color, channels, depth), kind >= 4 or "transparency" in image.info)


def _of_bmp(image: BmpImageFile, content: bytes) -> StoredPixels:
    """Bits per pixel stand at byte 24 of the oldest header (12 bytes long), at byte 28 of all others."""
    at = 24 if content[14] == 12 else 28
    bits = int.from_bytes(content[at : at + 2], "little")
    if bits == 16:
        raise UnsupportedMediaType("The BMP has 16 bits per pixel. Save it with 24.")
    channels = CHANNELS[image.mode]
    return StoredPixels(channels, min(bits, 8), COLORS[image.mode], image.mode == "RGBA")


def _of_tiff(image: TiffImageFile) -> StoredPixels:
    """A channel besides the colours counts as alpha, also where the file does not say what it is (OpenCV's do not)."""
    depth = _numbers(image, BITS_PER_SAMPLE, 1)[0]  # Pillow opens none with channels of different depth
    channels = _numbers(image, SAMPLES_PER_PIXEL, 1)[0]
    color, of_color = TIFF_COLORS[_numbers(image, PHOTOMETRIC, 0)[0]]
    if FLOATING_POINT in _numbers(image, SAMPLE_FORMAT, 1):
        color = f"floating-point {color}"
    return StoredPixels(channels, depth, _named(color, channels, depth), has_alpha=channels > of_color)


def _numbers(image: TiffImageFile, tag: int, default: int) -> tuple[int, ...]:
    found = cast("int | tuple[int, ...]", image.tag_v2.get(tag, default))
    return found if isinstance(found, tuple) else (found,)


def _named(color: str, channels: int, depth: int) -> str:
    return "bilevel" if (color, channels, depth) == ("grey", 1, 1) else color
