"""Images of a few pixels, made byte by byte, so that the contract tests need no image library."""

import struct
import zlib

from aoi.domain.image import ImageFormat

WIDTH, HEIGHT = 4, 3
"""Four pixels of grey or of colour fill a row of every format, so that each byte counts."""
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, RGBA = 0, 2, 6
"""Colour types of PNG."""


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int = WIDTH,
    height: int = HEIGHT,
    *,
    color: int = GREY,
    depth: int = 8,
    rows: bytes = b"",
    extra: bytes = b"",
) -> bytes:
    """A PNG; `rows` are its unpacked rows, each after a filter byte (empty: all zero), `extra` more chunks."""
    channels = {GREY: 1, RGB: 3, RGBA: 4}[color]
    rows = rows or bytes((width * channels * depth + 7) // 8 + 1) * height
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    pixels = png_chunk(b"IDAT", zlib.compress(rows))
    return PNG_SIGNATURE + png_chunk(b"IHDR", header) + extra + pixels + png_chunk(b"IEND", b"")


def turned_png(orientation: int) -> bytes:
    """A grey PNG of 4 × 3 stored pixels with an EXIF orientation."""
    return png(extra=png_chunk(b"eXIf", b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)))


def animated_png() -> bytes:
    control = struct.pack(">IIIIIHHBB", 0, WIDTH, HEIGHT, 0, 0, 1, 10, 0, 0)
    second = struct.pack(">I", 1) + control[4:]
    frames = png_chunk(b"acTL", struct.pack(">II", 2, 0)) + png_chunk(b"fcTL", control)
    whole = png(extra=frames)
    pixels = png_chunk(b"fdAT", struct.pack(">I", 2) + zlib.compress(bytes((WIDTH + 1) * HEIGHT)))
    end = png_chunk(b"IEND", b"")
    return whole[: -len(end)] + png_chunk(b"fcTL", second) + pixels + end


def bmp(width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A BMP of 24 bits per pixel, grey."""
    rows = (b"\x80" * 3 * width).ljust((3 * width + 3) // 4 * 4, b"\0") * height
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(rows), 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(rows), 0, 0, 54) + header + rows


def tiff(order: str = "<", pages: int = 1, depth: int = 8) -> bytes:
    """A grey TIFF of 4 × 3 pixels, one strip; `order` is `<` or `>`."""
    rows = bytes(WIDTH * HEIGHT * depth // 8)
    start = 8 + len(rows) + len(rows) % 2
    content = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", 42, start) + rows.ljust(start - 8, b"\0")
    tags = [
        (256, WIDTH),
        (257, HEIGHT),
        (258, depth),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, HEIGHT),
        (279, len(rows)),
    ]
    for page in range(pages):
        entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
        following = 0 if page == pages - 1 else len(content) + 2 + len(entries) + 4
        content += struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", following)
    return content


JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300100b0c0e0c0a100e0d0e1211101318281a181616183123251d"
    "283a333d3c3933383740485c4e404457453738506d51575f626768673e4d71797064785c656763ffc0000b08000300040101"
    "1100ffc40014000100000000000000000000000000000000ffc40014100100000000000000000000000000000000ffda0008"
    "010100003f003fffd9"
)
"""A grey JPEG of 4 × 3 pixels: nothing that is short could make one here."""

WHOLE: dict[tuple[ImageFormat, str], bytes] = {
    (ImageFormat.JPEG, "grey"): JPEG,
    (ImageFormat.PNG, "grey"): png(),
    (ImageFormat.PNG, "rgb"): png(color=RGB),
    (ImageFormat.BMP, "rgb"): bmp(),
    (ImageFormat.TIFF, "grey"): tiff("<"),
}
"""Whole images of `WIDTH` × `HEIGHT` pixels, 8 bits a channel, by format and colour."""
