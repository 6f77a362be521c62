"""What comes in: an image as a stream of bytes, its name and its labels."""

import dataclasses
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from aoi.domain.errors import InvalidFilename, InvalidLabels
from aoi.domain.streams import bytes_chunks, file_chunks

LONGEST_FILENAME = 255
LONGEST_LABEL = 128


def is_printable(text: str) -> bool:
    """Whether `text` has no control character and no lone surrogate; unlike `str.isprintable`, any space may stand."""
    return not any(unicodedata.category(character) in {"Cc", "Cs"} for character in text)


@dataclass(frozen=True, slots=True)
class Labels:
    """What the line says about an image: each `None`, or 1 to 128 printable characters.

    Raises `InvalidLabels`, naming the label.
    """

    lot_id: str | None = None
    panel_id: str | None = None
    serial_number: str | None = None
    recipe: str | None = None
    station: str | None = None
    operator: str | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value: str | None = getattr(self, field.name)
            if value is not None and not (
                1 <= len(value.strip()) <= len(value) <= LONGEST_LABEL and is_printable(value)
            ):
                raise InvalidLabels(
                    f"{field.name} must have 1 to {LONGEST_LABEL} printable characters. Correct it, or leave it out."
                )


LABEL_NAMES = tuple(field.name for field in dataclasses.fields(Labels))


class ImageFormat(StrEnum):
    """The formats that aoi stores, told apart by content, never by name."""

    JPEG = "jpeg"
    PNG = "png"
    TIFF = "tiff"
    BMP = "bmp"

    @property
    def extension(self) -> str:
        return {"jpeg": "jpg", "tiff": "tif"}.get(self.value, self.value)

    @property
    def media_type(self) -> str:
        return f"image/{self.value}"


class Orientation(StrEnum):
    """Whether the stored pixels are upright, or have to be turned or mirrored as their EXIF tag says."""

    UPRIGHT = "upright"
    TURNED = "turned"


@dataclass(frozen=True, slots=True)
class PixelFacts:
    """What an image is, known once it has been decoded whole.

    `width` and `height` are pixels of the upright image, EXIF orientation applied. `channels` counts what the file
    stores (a palette image has 1), `bit_depth` is bits per channel.
    """

    format: ImageFormat
    width: int
    height: int
    channels: int
    bit_depth: int
    color: str
    """`grey`, `rgb`, `palette`, `cmyk` or another name that the reader gives."""
    has_alpha: bool = False
    is_opaque: bool = True
    """False where an alpha channel hides at least one pixel."""
    orientation: Orientation = Orientation.UPRIGHT


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is known of an image once it was received: its pixels' facts, its size in bytes, its SHA-256 in hex."""

    pixels: PixelFacts
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image as it lies in the file store: `content()` streams its bytes anew at every call."""

    id: str
    facts: ImageFacts
    content: Callable[[], AsyncIterator[bytes]]


async def _no_labels() -> Labels:
    return Labels()


def base_name(filename: str) -> str:
    """The last part of a client's path, be it a Windows one; raises `InvalidFilename` where that is no usable name."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1].strip()
    if not 1 <= len(name) <= LONGEST_FILENAME or not is_printable(name) or name in {".", ".."}:
        raise InvalidFilename
    return name


@dataclass(frozen=True, slots=True)
class IncomingImage:
    """An image on its way in.

    `content` is read once. `read_labels` is awaited after it, since labels may follow the file in a request body.
    Raises `InvalidFilename`.
    """

    filename: str
    content: AsyncIterator[bytes]
    read_labels: Callable[[], Awaitable[Labels]] = _no_labels

    def __post_init__(self) -> None:
        object.__setattr__(self, "filename", base_name(self.filename))

    @classmethod
    def from_bytes(cls, filename: str, content: bytes, labels: Labels | None = None) -> "IncomingImage":
        """An image that is in memory already."""
        return cls(filename, bytes_chunks(content), _constant(labels or Labels()))

    @classmethod
    def from_path(cls, path: str | Path, labels: Labels | None = None) -> "IncomingImage":
        """An image file of this machine, read as it is sent. Reading raises `OSError` where it cannot be read."""
        return cls(Path(path).name, file_chunks(Path(path)), _constant(labels or Labels()))


def _constant(labels: Labels) -> Callable[[], Awaitable[Labels]]:
    async def read_labels() -> Labels:
        return labels

    return read_labels
