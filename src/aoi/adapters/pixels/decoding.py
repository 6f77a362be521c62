"""Image files opened and decoded by Pillow, in the one way that the reader and the engines share."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import jpeg_factory
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from aoi.domain.errors import UnsupportedMediaType
from aoi.domain.image import ImageFormat

ORIENTATION = 0x0112
TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes stored pixels upright, by EXIF orientation (Exif 2.32, tag 274); any other value means upright."""
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BMP_HEADER_SIZES = {12, 40, 52, 56, 64, 108, 124}

# Each opener is called itself, not by `Image.open`: that warns or raises beyond a global number of pixels.
_OPENERS: dict[ImageFormat, Callable[[BytesIO], ImageFile.ImageFile]] = {
    ImageFormat.JPEG: jpeg_factory,
    ImageFormat.PNG: PngImageFile,
    ImageFormat.TIFF: TiffImageFile,
    ImageFormat.BMP: BmpImageFile,
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """An image with all its pixels decoded. `orientation` is the EXIF orientation of the file."""

    image: Image.Image
    orientation: int
    is_upright: bool
    """Whether `image` has been turned already, or need not be."""

    @property
    def turned(self) -> bool:
        return self.orientation in TRANSPOSES

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height."""
        width, height = self.image.size
        return (width, height) if self.is_upright or self.orientation < 5 else (height, width)

    def upright(self) -> Image.Image:
        return self.image if self.is_upright else self.image.transpose(TRANSPOSES[self.orientation])


def format_of(head: bytes) -> ImageFormat:
    """The format of a file that begins with `head`; raises `UnsupportedMediaType`."""
    if head.startswith(b"\xff\xd8\xff"):
        return ImageFormat.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return ImageFormat.PNG
    if head.startswith(TIFF_SIGNATURES):
        return ImageFormat.TIFF
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in BMP_HEADER_SIZES:
        return ImageFormat.BMP
    raise UnsupportedMediaType


def open_image(content: bytes) -> ImageFile.ImageFile:
    """The image with its header read and its pixels not yet decoded; raises whatever Pillow does for a broken one."""
    return _OPENERS[format_of(content[:64])](BytesIO(content))


def decode(image: ImageFile.ImageFile) -> Decoded:
    """Decode all pixels of an opened image; raises whatever Pillow does for a broken or truncated one."""
    if isinstance(image, TiffImageFile):
        return _decode_tiff(image)
    image.load()
    orientation = _orientation(image)  # a PNG may say it behind its pixels
    return Decoded(image, orientation, is_upright=orientation not in TRANSPOSES)


def _decode_tiff(image: TiffImageFile) -> Decoded:
    """Pillow turns a TIFF while it decodes it, and gives the upright size before."""
    orientation = _orientation(image)
    width, height = image.size
    stored = (height, width) if orientation in TRANSPOSES and orientation >= 5 else (width, height)
    image.im = Image.new(image.mode, stored).im  # else Pillow warns or raises beyond a global number of pixels
    image.load()
    return Decoded(image, orientation, is_upright=True)


def _orientation(image: ImageFile.ImageFile) -> int:
    """From EXIF alone: Pillow would take it from XMP too, which neither browsers nor OpenCV look at."""
    image.info.pop("xmp", None)
    image.info.pop("XML:com.adobe.xmp", None)
    orientation: object = image.getexif().get(ORIENTATION)
    return orientation if isinstance(orientation, int) else 1
