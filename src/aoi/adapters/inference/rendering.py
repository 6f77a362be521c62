"""The three pictures of a result, drawn like the reference service's: mask, overlay and combined."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from aoi.adapters.inference.class_masks import CLASS_COLOURS, Mask, Rgb, encode_class_mask
from aoi.domain.defects import Analysis, PictureKind
from aoi.domain.errors import EngineFailed

Bgr = NDArray[np.uint8]
"""H × W × 3, blue, green, red."""

OUTLINE_WIDTH = 2
LEGEND_SIDE = 1792
"""The legend is laid out for an image of this many pixels squared, and scaled to others."""
LEGEND_LEFT, LEGEND_STEP, LEGEND_BELOW = 20, 100, 30
LEGEND_FONT, LEGEND_FONT_SCALE, LEGEND_THICKNESS = cv2.FONT_HERSHEY_SIMPLEX, 2.0, 2
SMALLEST_LEGEND = 0.2
"""Below this share of the layout no letter can be read."""
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
DARK = 60
"""Letters whose grey level is lower need a light rim."""
FAST_AND_SMALL = (
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    cv2.IMWRITE_PNG_FILTER,
    cv2.IMWRITE_PNG_FILTER_UP,
)
"""Half the time of all filters tried on each row, and as small (48 ms and 0.92 MB for a board of 1792² pixels)."""


def render_pictures(
    image: Bgr, mask: Mask, analysis: Analysis, colours: Mapping[int, Rgb] = CLASS_COLOURS
) -> dict[PictureKind, bytes]:
    """One PNG of each kind, from the upright image (H × W × 3 uint8) and its class mask (H × W uint8).

    Beside its arguments about twice the image is held in memory, and the PNG that is being written (8 to 10 bytes a
    pixel in all). Raises `EngineFailed` for a picture that PNG cannot hold.
    """
    combined = np.hstack([image, image])
    overlay = combined[:, image.shape[1] :]
    draw_outlines(overlay, mask, analysis, colours)
    draw_legend(overlay, analysis, colours)
    return {
        PictureKind.MASK: encode_class_mask(mask, colours),
        PictureKind.OVERLAY: encode_png(overlay),
        PictureKind.COMBINED: encode_png(combined),
    }


def encode_png(image: Bgr) -> bytes:
    """An H × W × 3 uint8 image as PNG, without loss. Raises `EngineFailed` where the library cannot write one."""
    done, content = cv2.imencode(".png", image, FAST_AND_SMALL)
    if not done:
        height, width = image.shape[:2]
        raise EngineFailed(
            f"A picture of {width:,} × {height:,} pixels cannot be written as PNG; a million each way can. Cut it."
        )
    return content.tobytes()


def draw_outlines(image: Bgr, mask: Mask, analysis: Analysis, colours: Mapping[int, Rgb] = CLASS_COLOURS) -> None:
    """Draw the outlines of all regions, and of holes in them, in their class's colour into `image`."""
    for defect_class in analysis.classes:
        if defect_class.regions:
            of_class: Mask = (mask == defect_class.class_id).view(np.uint8)
            contours, _ = cv2.findContours(of_class, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
            cv2.drawContours(image, contours, -1, _bgr(colours[defect_class.class_id]), OUTLINE_WIDTH)


def draw_legend(image: Bgr, analysis: Analysis, colours: Mapping[int, Rgb] = CLASS_COLOURS) -> None:
    """Write number, name and count of each class that has regions at the left of `image`, in the class's colour.

    The letters grow with the image, and shrink until all fit in; where they could not be read, none are written. The
    font has ASCII letters only.
    """
    lines = {
        defect_class.class_id: f"{defect_class.class_id}_{defect_class.name}: {defect_class.total_regions} regions"
        for defect_class in analysis.classes
        if defect_class.regions
    }
    share = _legend_share(image, list(lines.values()))
    if share < SMALLEST_LEGEND:
        return
    for number, (class_id, text) in enumerate(lines.items(), start=1):
        position = round(LEGEND_LEFT * share), round(LEGEND_STEP * share * number)
        _write(image, text, position, share, colours[class_id])


def _legend_share(image: Bgr, lines: Sequence[str]) -> float:
    """How large the legend can be, as a share of its layout."""
    height, width = image.shape[:2]
    widths = [cv2.getTextSize(line, LEGEND_FONT, LEGEND_FONT_SCALE, LEGEND_THICKNESS)[0][0] for line in lines]
    fitting = min(
        width / (2 * LEGEND_LEFT + max(widths, default=0)), height / (LEGEND_STEP * len(lines) + LEGEND_BELOW)
    )
    return min(fitting, max(SMALLEST_LEGEND, (width * height) ** 0.5 / LEGEND_SIDE))


def _write(image: Bgr, text: str, position: tuple[int, int], share: float, colour: Rgb) -> None:
    """Text with a rim, so that it is read on any ground."""
    thickness = max(1, round(LEGEND_THICKNESS * share))
    for ink, width in ((_rim(colour), 3 * thickness), (_bgr(colour), thickness)):
        cv2.putText(image, text, position, LEGEND_FONT, LEGEND_FONT_SCALE * share, ink, width, cv2.LINE_AA)


def _rim(colour: Rgb) -> Rgb:
    red, green, blue = colour
    grey = 0.299 * red + 0.587 * green + 0.114 * blue  # ITU-R BT.601
    return WHITE if grey < DARK else BLACK


def _bgr(colour: Rgb) -> tuple[int, int, int]:
    red, green, blue = colour
    return blue, green, red
