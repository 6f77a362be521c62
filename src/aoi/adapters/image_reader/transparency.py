"""Whether a decoded image lets anything through."""

from typing import cast

from PIL import Image

OPAQUE = 255
LAST_IS_ALPHA = {"RGBA", "RGBX", "LA", "PA"}


def is_opaque(image: Image.Image, bit_depth: int) -> bool:
    """False where a pixel of an image with transparency is not fully opaque, to the precision of 8 bits.

    False too, whatever the pixels are, where Pillow does not say: for several channels besides the colours, or for one
    transparent grey or colour of another depth than 8 bits.
    """
    if image.mode in LAST_IS_ALPHA:
        return _least(image.getchannel(len(image.getbands()) - 1)) == OPAQUE
    if "transparency" not in image.info:
        return False
    if image.mode == "P":
        return _palette_is_opaque(image)
    return bit_depth == 8 and _least(image.convert("RGBA").getchannel("A")) == OPAQUE


def _palette_is_opaque(image: Image.Image) -> bool:
    """Pillow says either the one transparent entry, or the alpha of the first entries; the others are opaque."""
    transparency: int | bytes = image.info["transparency"]
    used = image.histogram()
    if isinstance(transparency, int):
        return used[transparency] == 0
    return all(alpha == OPAQUE or not used[entry] for entry, alpha in enumerate(transparency))


def _least(channel: Image.Image) -> float:
    return cast("tuple[float, float]", channel.getextrema())[0]
