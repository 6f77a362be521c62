"""The pixels of an upright image, as engines and pictures need them."""

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aoi.adapters.pixels.decoding import decode, open_image
from aoi.domain.errors import UnsupportedPixels

GREY_MODES = {"1", "L", "LA"}
COLOR_MODES = {"P", "PA", "RGB", "RGBA", "RGBX", "CMYK"}
FAST_COMPRESSION = (cv2.IMWRITE_PNG_COMPRESSION, 1)


def decode_upright_grey(content: bytes) -> NDArray[np.uint8]:
    """H × W grey levels of an 8-bit image.

    Of a colour image they are its luminance Y = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded as OpenCV does.
    EXIF orientation is applied, palettes are expanded, alpha is dropped. Raises `UnsupportedPixels` for pixels of more
    than 8 bits where the decoder keeps them, and what the decoder raises for a broken file: give it images that were
    read whole before.
    """
    image = _upright(content)
    if image.mode in GREY_MODES:
        return np.array(image.convert("L"))
    return _uint8(cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2GRAY))


def decode_upright_color(content: bytes) -> NDArray[np.uint8]:
    """H × W × 3 levels of an 8-bit image, in the order blue, green, red; otherwise like `decode_upright_grey`."""
    return _uint8(cv2.cvtColor(np.asarray(_upright(content).convert("RGB")), cv2.COLOR_RGB2BGR))


def encode_upright_png(content: bytes) -> bytes:
    """The upright image as a PNG without loss, 8-bit grey or colour as it was, without EXIF; otherwise likewise."""
    image = _upright(content)
    pixels = np.asarray(image.convert("L" if image.mode in GREY_MODES else "RGB"))
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", pixels, FAST_COMPRESSION)[1].tobytes()


def _upright(content: bytes) -> Image.Image:
    image = decode(open_image(content)).upright()
    if image.mode not in GREY_MODES | COLOR_MODES:
        raise UnsupportedPixels(f"Pixels of the kind {image.mode} are not inspected. Convert the image to 8 bits.")
    image.info.pop("transparency", None)  # Pillow warns where it would be lost, which is what is wanted here
    return image


def _uint8(pixels: NDArray[np.integer | np.floating]) -> NDArray[np.uint8]:
    return np.asarray(pixels, np.uint8)
