"""Makers of test images, in memory: `from sample_images import png, jpeg, tiff, bmp`.

Each maker takes the upright image and answers a file's bytes; `orientation` stores the pixels turned, with the EXIF
tag that turns them back.
"""

import struct
import zlib
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

ORIENTATION_TAG = 0x0112
TURNED_FOR_STORING = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What the stored pixels were turned by, for each EXIF orientation."""


def board(width: int = 48, height: int = 32) -> Image.Image:
    """An RGB image without symmetry: patches of 8 × 8 pixels, each of one colour, which JPEG keeps well."""
    rows, columns = np.mgrid[0:height, 0:width] // 8
    red = 40 + columns * 23 % 180
    green = 30 + rows * 37 % 190
    blue = 60 + (columns * 11 + rows * 17) % 150
    return Image.fromarray(np.dstack([red, green, blue]).astype(np.uint8))


def grey_board(width: int = 48, height: int = 32) -> Image.Image:
    return board(width, height).convert("L")


def noise(width: int = 256, height: int = 256, seed: int = 0) -> Image.Image:
    """RGB noise, which no format packs well: for large files."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def translucent(image: Image.Image, alpha: int = 128) -> Image.Image:
    """The image with an alpha channel, `alpha` in its upper left pixel and 255 elsewhere: LA for grey, else RGBA."""
    mask = Image.new("L", image.size, 255)
    mask.putpixel((0, 0), alpha)
    mixed = image.copy()
    mixed.putalpha(mask)
    return mixed


def png(image: Image.Image | None = None, orientation: int = 1, **options: object) -> bytes:
    return _saved("PNG", image, orientation, **options)


def jpeg(image: Image.Image | None = None, orientation: int = 1, **options: object) -> bytes:
    return _saved("JPEG", image, orientation, **{"quality": 98, "subsampling": 0, **options})


def tiff(image: Image.Image | None = None, orientation: int = 1, **options: object) -> bytes:
    return _saved("TIFF", image, orientation, **options)


def bmp(image: Image.Image | None = None, **options: object) -> bytes:
    return _saved("BMP", image, 1, **options)


def _saved(form: str, image: Image.Image | None, orientation: int, **options: object) -> bytes:
    image = board() if image is None else image
    turn = TURNED_FOR_STORING[orientation]
    if turn is not None:
        image = image.transpose(turn)
        exif = Image.Exif()
        exif[ORIENTATION_TAG] = orientation
        options["exif"] = exif
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def deep(
    extension: str = ".png", channels: int = 3, dtype: type[np.uint8 | np.uint16 | np.float32] = np.uint16
) -> bytes:
    """An image of more than 8 bits a channel, 48 × 32, written by OpenCV: `.png` or `.tiff`."""
    levels = np.arange(32 * 48 * channels).reshape(32, 48, channels) * 37
    return encoded(levels.astype(dtype), extension)


def encoded(pixels: NDArray[np.uint8 | np.uint16 | np.float32], extension: str) -> bytes:
    """An array of H × W or H × W × channels in BGR order as a file, by OpenCV."""
    done, content = cv2.imencode(extension, pixels)
    if not done:
        raise ValueError(extension)
    return content.tobytes()


def animated_png(frames: int = 2) -> bytes:
    others = [grey_board().rotate(90 * turn) for turn in range(1, frames)]
    return png(grey_board(), save_all=True, append_images=others)


def multipage_tiff(pages: int = 2) -> bytes:
    return tiff(board(), save_all=True, append_images=[grey_board()] * (pages - 1))


def plain_tiff(tags: dict[int, int | tuple[int, ...]], data: bytes = b"") -> bytes:
    """A TIFF that says what it is told to: `data` lies at byte 8, the tags behind it."""
    content = (b"II*\0" + struct.pack("<I", 8) + data).ljust(8 + len(data) + len(data) % 2, b"\0")
    entries: list[bytes] = []
    for tag, values in sorted(tags.items()):
        numbers = values if isinstance(values, tuple) else (values,)
        packed = struct.pack(f"<{len(numbers)}I", *numbers)
        if len(packed) > 4:
            packed, content = struct.pack("<I", len(content)), content + packed
        entries.append(struct.pack("<HHI", tag, 4, len(numbers)) + packed)
    start = struct.pack("<I", len(content))
    return content[:4] + start + content[8:] + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)


def two_pictures_jpeg() -> bytes:
    """A JPEG with a second one behind it (MPO), as some cameras write it."""
    return _saved("MPO", board(), 1, save_all=True, append_images=[board()])


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb_png(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a few bytes whose header claims more pixels than memory holds."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, data) for kind, data in chunks)


def truncated(content: bytes, share: float = 0.5) -> bytes:
    """The first `share` of a file."""
    return content[: int(len(content) * share)]
