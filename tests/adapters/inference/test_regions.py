"""What is measured is what the reference service measures."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from aoi.adapters.inference.regions import analyse
from aoi.domain.defects import BoundingBox, DefectClass, Region
from aoi.domain.errors import TooManyRegions
from aoi.entrypoints.result_json import result_of

Mask = NDArray[np.uint8]

NAMES = {1: "PI_Particle", 2: "PR_Peeling", 3: "Copper_Nodule", 4: "Env_Particle"}
VECTORS = ("ellipses", "empty", "holed", "speckle", "tiny", "touching")


def mask_of(picture: str) -> Mask:
    """A mask drawn with digits for class ids, and dots for nothing."""
    return np.array([[int(pixel) if pixel != "." else 0 for pixel in row] for row in picture.split()], np.uint8)


def only_class(picture: str) -> DefectClass:
    (found,) = analyse(mask_of(picture), {1: "Anomaly"}).classes
    return found


def only_region(picture: str) -> Region:
    (region,) = only_class(picture).regions
    return region


def recipe(mask: Mask, class_id: int) -> list[Region]:
    """The recipe to the letter: each component by itself, inside its bounding box."""
    of_class = np.where(mask == class_id, 1, 0).astype(np.uint8)
    count, labels, stats, centroids = cv2.connectedComponentsWithStats(of_class, connectivity=8)
    regions: list[Region] = []
    for label in range(1, count):
        x, y, width, height = (int(value) for value in stats[label][:4])
        window = np.where(labels[y : y + height, x : x + width] == label, 1, 0).astype(np.uint8)
        contour = cv2.findContours(window, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y))[0][0]
        area, perimeter = cv2.contourArea(contour), cv2.arcLength(contour, closed=True)
        cv2.setRNGSeed(0)
        axes = cv2.fitEllipse(contour)[1] if len(contour) >= 5 else (float(width), float(height))
        regions.append(
            Region(
                label,
                float(centroids[label][0]),
                float(centroids[label][1]),
                BoundingBox(x, y, width, height),
                int(area),
                perimeter,
                max(axes),
                min(axes),
                4 * math.pi * area / perimeter**2 if perimeter else 0.0,
                max(axes) / min(axes) if min(axes) else 1.0,
            )
        )
    return regions


@pytest.mark.parametrize("name", VECTORS)
def test_the_test_vectors_come_out(shared_folder: Path, name: str) -> None:
    folder = shared_folder / "vectors" / "regions"
    if not folder.is_dir():
        pytest.skip("the test vectors do not stand beside this checkout")
    mask = cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_UNCHANGED)
    expected = json.loads((folder / f"{name}.json").read_bytes())
    found = json.loads(msgspec.json.encode(result_of(analyse(np.asarray(mask, np.uint8), NAMES))))
    found.pop("performance")
    assert_alike(dict(leaves(found)), dict(leaves(expected)))


def leaves(value: object, place: str = "") -> Iterator[tuple[str, object]]:
    """Every number and text of a JSON document, with its place."""
    if isinstance(value, dict):
        for key, member in cast("dict[str, object]", value).items():
            yield from leaves(member, f"{place}/{key}")
    elif isinstance(value, list):
        for index, member in enumerate(cast("list[object]", value)):
            yield from leaves(member, f"{place}/{index}")
    else:
        yield place, value


def assert_alike(found: dict[str, object], expected: dict[str, object]) -> None:
    """The same places in the same order; integers equal, floats to 1e-6 of their size."""
    assert list(found) == list(expected)
    for place, value in expected.items():
        assert type(found[place]) is type(value), place
        allowed = pytest.approx(value, rel=1e-6, abs=0) if isinstance(value, float) else value
        assert found[place] == allowed, place


def test_a_single_pixel_has_no_area_and_no_perimeter() -> None:
    assert only_region("... ..1 ...") == Region(
        region_id=1,
        centroid_x=2.0,
        centroid_y=1.0,
        bounding_box=BoundingBox(2, 1, 1, 1),
        area_pixels=0,
        perimeter=0.0,
        major_axis=1.0,
        minor_axis=1.0,
        circularity=0.0,
        aspect_ratio=1.0,
    )


def test_the_contour_of_a_line_runs_there_and_back() -> None:
    region = only_region("...... .11111 ......")
    assert (region.area_pixels, region.perimeter, region.circularity) == (0, 8.0, 0.0)
    assert (region.major_axis, region.minor_axis, region.aspect_ratio) == (5.0, 1.0, 5.0)


def test_a_square_is_measured_between_the_centres_of_its_border_pixels() -> None:
    region = only_region("..... .111. .111. .111.")
    assert (region.area_pixels, region.perimeter) == (4, 8.0)
    assert region.circularity == pytest.approx(math.pi / 4)
    assert (region.centroid_x, region.centroid_y) == (2.0, 2.0)


def test_an_ellipse_is_fitted_to_a_contour_of_five_points_or_more() -> None:
    region = only_region("..1111.. .111111. 11111111 .111111. ..1111..")
    assert region.bounding_box == BoundingBox(0, 0, 8, 5)
    assert 4.0 < region.minor_axis < 5.0
    assert 6.0 < region.major_axis < 8.0
    assert region.aspect_ratio == region.major_axis / region.minor_axis


def test_pixels_that_touch_at_a_corner_are_one_region() -> None:
    region = only_region("1... .1.. ..1. ...1")
    assert region.bounding_box == BoundingBox(0, 0, 4, 4)
    assert region.perimeter == pytest.approx(6 * math.sqrt(2))


def test_a_hole_counts_to_the_area_and_not_to_the_centroid() -> None:
    region = only_region("11111 1...1 1...1 11111 11111")
    assert region.area_pixels == 16
    assert region.centroid_y > 2.0


def test_a_region_in_a_hole_of_another_is_one_of_its_own() -> None:
    ring, dot = only_class("1111111 1.....1 1.....1 1..1..1 1.....1 1.....1 1111111").regions
    assert (ring.area_pixels, dot.area_pixels) == (36, 0)
    assert dot.bounding_box == BoundingBox(3, 3, 1, 1)


def test_regions_may_touch_every_edge_of_the_image() -> None:
    assert only_region("111 111 111").bounding_box == BoundingBox(0, 0, 3, 3)


@pytest.mark.parametrize("picture", ["1", "11111", "1 1 1 1 1", "1111", "1 1 1 1"])
def test_an_image_may_be_as_thin_as_one_pixel(picture: str) -> None:
    height, width = mask_of(picture).shape
    assert only_region(picture).bounding_box == BoundingBox(0, 0, width, height)


def test_classes_that_touch_stay_apart() -> None:
    one, two = analyse(mask_of("1122 1122 1122"), {1: "left", 2: "right"}).classes
    assert [region.bounding_box for region in one.regions] == [BoundingBox(0, 0, 2, 3)]
    assert [region.bounding_box for region in two.regions] == [BoundingBox(2, 0, 2, 3)]


def test_regions_are_numbered_from_one_within_their_class() -> None:
    one, two = analyse(mask_of("1.2.1 ..... 1.2.1"), {1: "one", 2: "two"}).classes
    assert [region.region_id for region in one.regions] == [1, 2, 3, 4]
    assert [region.region_id for region in two.regions] == [1, 2]


def test_the_area_of_a_class_is_the_sum_of_its_regions() -> None:
    found = only_class("111.11 111.11 111...")
    assert [region.area_pixels for region in found.regions] == [4, 1]
    assert found.total_area_pixels == 5


def test_a_class_without_regions_is_listed_in_order_of_its_id() -> None:
    analysis = analyse(mask_of("..3"), {3: "third", 1: "first", 255: "last"})
    assert [(found.class_id, found.name, found.total_regions) for found in analysis.classes] == [
        (1, "first", 0),
        (3, "third", 1),
        (255, "last", 0),
    ]


def test_size_time_and_timestamp_are_kept() -> None:
    analysis = analyse(mask_of("... ..."), NAMES, processing_time_seconds=0.5, timestamp="2026-02-25 10:30:45")
    assert (analysis.height, analysis.width) == (2, 3)
    assert (analysis.processing_time_seconds, analysis.engine_timestamp) == (0.5, "2026-02-25 10:30:45")


def test_a_mask_value_without_a_name_is_named() -> None:
    with pytest.raises(ValueError, match=r"class ids \[5, 255\], which have no name"):
        analyse(np.array([[0, 1, 5, 255]], np.uint8), {1: "Anomaly"})


@pytest.mark.parametrize("class_id", [0, 256, -1])
def test_a_class_id_outside_one_to_255_is_refused(class_id: int) -> None:
    with pytest.raises(ValueError, match="Class ids are 1 to 255"):
        analyse(mask_of("."), {class_id: "Anomaly"})


def test_as_many_regions_as_allowed_are_measured() -> None:
    analysis = analyse(mask_of("1.2.1"), {1: "one", 2: "two"}, max_regions=3)
    assert analysis.total_defects == 3


def test_more_regions_than_allowed_are_refused_whatever_their_classes() -> None:
    with pytest.raises(TooManyRegions, match="more than 2"):
        analyse(mask_of("1.2.1"), {1: "one", 2: "two"}, max_regions=2)


def test_noise_is_refused_without_measuring_it() -> None:
    noise = np.zeros((1000, 1000), np.uint8)
    noise[::2, ::2] = 1
    with pytest.raises(TooManyRegions):
        analyse(noise, NAMES, max_regions=100_000)


def test_a_degenerate_region_has_the_same_axes_every_time() -> None:
    picture = "1... .111 ...1"
    assert len({only_region(picture).major_axis for _ in range(5)}) == 1


masks = arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=24), elements=st.integers(0, 2))


@given(mask=masks)
@settings(deadline=None)
def test_all_is_as_if_each_region_were_measured_alone(mask: Mask) -> None:
    for found in analyse(mask, {1: "one", 2: "two"}).classes:
        assert list(found.regions) == recipe(mask, found.class_id)


@given(mask=masks)
@settings(deadline=None)
def test_every_box_lies_inside_and_holds_its_centroid(mask: Mask) -> None:
    height, width = mask.shape
    for found in analyse(mask, {1: "one", 2: "two"}).classes:
        assert [region.region_id for region in found.regions] == list(range(1, found.total_regions + 1))
        for region in found.regions:
            box = region.bounding_box
            assert 0 <= box.x <= region.centroid_x <= box.x + box.width - 1 < width
            assert 0 <= box.y <= region.centroid_y <= box.y + box.height - 1 < height
            assert region.area_pixels <= (box.width - 1) * (box.height - 1)


@given(mask=masks)
@settings(deadline=None)
def test_the_boxes_of_a_class_cover_exactly_its_pixels(mask: Mask) -> None:
    for found in analyse(mask, {1: "one", 2: "two"}).classes:
        covered = np.zeros(mask.shape, bool)
        for region in found.regions:
            box = region.bounding_box
            covered[box.y : box.y + box.height, box.x : box.x + box.width] = True
        rows, columns = np.nonzero(mask == found.class_id)
        assert covered[rows, columns].all()
        assert bool(found.regions) == bool(len(rows))


@given(mask=masks)
@settings(deadline=None)
def test_centroids_weighted_with_pixels_make_the_centroid_of_the_class(mask: Mask) -> None:
    """The components part the class: none of its pixels is lost, none counted twice."""
    (found,) = analyse(np.where(mask == 1, 1, 0).astype(np.uint8), {1: "one"}).classes
    count, labels = cv2.connectedComponents(np.where(mask == 1, 1, 0).astype(np.uint8), connectivity=8)
    sizes = np.bincount(labels.ravel(), minlength=count)[1:]
    rows, columns = np.nonzero(mask == 1)
    assert sizes.sum() == len(rows)
    assert float(np.dot(sizes, [region.centroid_x for region in found.regions])) == pytest.approx(columns.sum())
    assert float(np.dot(sizes, [region.centroid_y for region in found.regions])) == pytest.approx(rows.sum())
