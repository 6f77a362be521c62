"""The pictures show the image, the classes in their colours, and what was counted."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from aoi.adapters.inference.class_masks import CLASS_COLOURS, read_class_mask
from aoi.adapters.inference.regions import analyse
from aoi.adapters.inference.rendering import draw_legend, draw_outlines, encode_png, render_pictures
from aoi.domain.defects import Analysis, PictureKind
from aoi.domain.errors import EngineFailed

Pixels = NDArray[np.uint8]

NAMES = {1: "PI_Particle", 2: "PR_Peeling", 3: "Copper_Nodule", 4: "Env_Particle"}
GREY = 128


def grey_image(height: int, width: int) -> Pixels:
    return np.full((height, width, 3), GREY, np.uint8)


def mask_with(height: int, width: int, *boxes: tuple[int, int, int, int, int]) -> Pixels:
    """Boxes of class id, left, top, width and height."""
    mask = np.zeros((height, width), np.uint8)
    for class_id, x, y, box_width, box_height in boxes:
        mask[y : y + box_height, x : x + box_width] = class_id
    return mask


def decoded(png: bytes) -> Pixels:
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)


def changed(image: Pixels) -> NDArray[np.bool_]:
    return np.any(image != GREY, axis=2)


def legend_on(height: int, width: int, analysis: Analysis) -> NDArray[np.bool_]:
    """Which pixels the legend changes."""
    image = grey_image(height, width)
    draw_legend(image, analysis)
    return changed(image)


@pytest.fixture
def four_classes() -> Analysis:
    mask = mask_with(64, 64, (1, 1, 1, 5, 5), (2, 20, 1, 5, 5), (3, 1, 20, 5, 5), (4, 20, 20, 5, 5))
    return analyse(mask, NAMES)


def test_there_is_a_png_of_each_kind() -> None:
    image, mask = grey_image(40, 60), mask_with(40, 60, (1, 5, 5, 9, 9))
    pictures = render_pictures(image, mask, analyse(mask, NAMES))
    assert set(pictures) == set(PictureKind)
    assert decoded(pictures[PictureKind.OVERLAY]).shape == (40, 60, 3)
    assert decoded(pictures[PictureKind.COMBINED]).shape == (40, 120, 3)
    np.testing.assert_array_equal(read_class_mask(pictures[PictureKind.MASK]), mask)


def test_combined_is_image_and_overlay_side_by_side() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    mask = mask_with(40, 60, (1, 5, 5, 9, 9))
    pictures = render_pictures(image, mask, analyse(mask, NAMES))
    combined = decoded(pictures[PictureKind.COMBINED])
    np.testing.assert_array_equal(combined[:, :60], image)
    np.testing.assert_array_equal(combined[:, 60:], decoded(pictures[PictureKind.OVERLAY]))


def test_the_image_that_is_rendered_stays_as_it_is() -> None:
    image, mask = grey_image(40, 60), mask_with(40, 60, (1, 5, 5, 9, 9))
    render_pictures(image, mask, analyse(mask, NAMES))
    assert not changed(image).any()


def test_an_image_without_defects_is_shown_as_it_is() -> None:
    image, mask = grey_image(2000, 2000), mask_with(2000, 2000)
    overlay = decoded(render_pictures(image, mask, analyse(mask, NAMES))[PictureKind.OVERLAY])
    assert not changed(overlay).any()


def test_a_png_keeps_every_level() -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)
    np.testing.assert_array_equal(decoded(encode_png(image)), image)


def test_a_picture_wider_than_a_png_can_be_is_refused() -> None:
    with pytest.raises(EngineFailed, match="1,000,001 × 1 pixels cannot be written"):
        encode_png(grey_image(1, 1_000_001))


@pytest.mark.parametrize("class_id", [1, 2, 3, 4, 255])
def test_outlines_have_the_colour_of_their_class(class_id: int) -> None:
    image, mask = grey_image(40, 40), mask_with(40, 40, (class_id, 10, 10, 20, 20))
    draw_outlines(image, mask, analyse(mask, {class_id: "Defect"}))
    red, green, blue = CLASS_COLOURS[class_id]
    assert {tuple(pixel) for pixel in image[changed(image)].tolist()} == {(blue, green, red)}


def test_an_outline_follows_the_border_and_leaves_the_inside_free() -> None:
    image, mask = grey_image(40, 40), mask_with(40, 40, (1, 10, 10, 20, 20))
    draw_outlines(image, mask, analyse(mask, NAMES))
    drawn = changed(image)
    assert drawn[10, 10:30].all()
    assert drawn[29, 10:30].all()
    assert not drawn[13:27, 13:27].any()
    assert not drawn[:8].any()


def test_a_single_pixel_is_outlined() -> None:
    image, mask = grey_image(40, 40), mask_with(40, 40, (1, 20, 20, 1, 1))
    draw_outlines(image, mask, analyse(mask, NAMES))
    assert changed(image)[20, 20]


def test_a_region_in_a_hole_of_another_is_outlined() -> None:
    mask = mask_with(60, 60, (1, 5, 5, 50, 50), (0, 15, 15, 30, 30), (1, 28, 28, 4, 4))
    image = grey_image(60, 60)
    draw_outlines(image, mask, analyse(mask, NAMES))
    assert changed(image)[28:32, 28:32].any()


def test_the_legend_has_a_line_for_each_class_that_has_regions(four_classes: Analysis) -> None:
    image = grey_image(1792, 1792)
    draw_legend(image, four_classes)
    for number, class_id in enumerate(NAMES, start=1):
        red, green, blue = CLASS_COLOURS[class_id]
        rows = np.nonzero(np.all(image == (blue, green, red), axis=2))[0]
        assert 100 * number - 60 < rows.min() < rows.max() < 100 * number + 30


def test_a_class_without_regions_leaves_no_gap_in_the_legend() -> None:
    only_the_fourth = analyse(mask_with(64, 64, (4, 1, 1, 5, 5)), NAMES)
    rows = np.nonzero(legend_on(1792, 1792, only_the_fourth))[0]
    assert 40 < rows.min() < rows.max() < 130


def test_the_legend_grows_with_the_image(four_classes: Analysis) -> None:
    small, large = (np.nonzero(legend_on(side, side, four_classes)) for side in (896, 3584))
    assert large[0].max() == pytest.approx(4 * small[0].max(), rel=0.05)
    assert large[1].max() == pytest.approx(4 * small[1].max(), rel=0.05)


@pytest.mark.parametrize(("height", "width"), [(1792, 1792), (300, 300), (4000, 500), (150, 4000), (10_000, 1000)])
def test_nothing_of_the_legend_is_cut_off(four_classes: Analysis, height: int, width: int) -> None:
    drawn = legend_on(height, width, four_classes)
    assert drawn.any()
    assert not drawn[[0, -1]].any()
    assert not drawn[:, [0, -1]].any()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (60, 60), (20, 5000), (5000, 20)])
def test_where_letters_could_not_be_read_there_is_no_legend(four_classes: Analysis, height: int, width: int) -> None:
    assert not legend_on(height, width, four_classes).any()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 500), (500, 1), (2, 3)])
def test_the_smallest_and_thinnest_images_have_pictures(height: int, width: int) -> None:
    image, mask = grey_image(height, width), np.ones((height, width), np.uint8)
    pictures = render_pictures(image, mask, analyse(mask, NAMES))
    combined = decoded(pictures[PictureKind.COMBINED])
    assert combined.shape == (height, 2 * width, 3)
    assert not changed(combined[:, :width]).any()
    assert (combined[:, width:] == (0, 0, 255)).all()


def test_the_colours_may_be_chosen() -> None:
    image, mask = grey_image(40, 40), mask_with(40, 40, (1, 10, 10, 20, 20))
    overlay = decoded(render_pictures(image, mask, analyse(mask, NAMES), {1: (1, 2, 3)})[PictureKind.OVERLAY])
    assert overlay[10, 10].tolist() == [3, 2, 1]
