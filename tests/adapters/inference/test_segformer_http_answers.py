"""What the SegFormer service's answers are read as, and which of them are no answers."""

import base64
import copy
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from aoi.adapters.inference.segformer_http.answer import read_answer
from aoi.domain.defects import BoundingBox, PictureKind, Region
from aoi.domain.errors import EngineFailed, InvalidEngineAnswer
from aoi.domain.guarded_engine import check_detection
from aoi.domain.image import ImageFormat, PixelFacts
from segformer_answers import Json, Pictures, current_answer, encoded, older_answer

WIDTH, HEIGHT = 64, 48
PIXELS = PixelFacts(ImageFormat.PNG, WIDTH, HEIGHT, channels=1, bit_depth=8, color="grey")
CLASS = "analysis_results.classes.1_PI_Particle"
REGION = f"{CLASS}.regions.0"
ABSENT = object()


def answer_with(path: str, value: object, form: Callable[[int, int], Json] = current_answer) -> bytes:
    """An answer in which `value` stands at `path`, or nothing where it is `ABSENT`."""
    answer = form(WIDTH, HEIGHT)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = answer
    for step in steps:
        place = place[step]  # pyright: ignore[reportArgumentType] - a path may lead through a list
    if value is ABSENT:
        del place[last]  # pyright: ignore[reportArgumentType] - likewise
    else:
        place[last] = value  # pyright: ignore[reportArgumentType] - likewise
    return encoded(answer)


def test_the_current_form_is_read_whole() -> None:
    detection = read_answer(encoded(current_answer(WIDTH, HEIGHT)), PIXELS)
    analysis = detection.analysis
    assert (analysis.height, analysis.width, analysis.total_defects) == (HEIGHT, WIDTH, 7)
    assert (analysis.processing_time_seconds, analysis.engine_timestamp) == (0.6743, "2026-02-25 10:30:45")
    assert [(found.class_id, found.name, found.total_regions) for found in analysis.classes] == [
        (1, "PI_Particle", 5),
        (2, "PR_Peeling", 1),
        (3, "Copper_Nodule", 1),
        (4, "Env_Particle", 0),
    ]
    assert analysis.classes[0].regions[0] == Region(
        1, 4.5, 3.5, BoundingBox(1, 1, 8, 6), 48, 28.0, 8.0, 6.0, 0.77, 1.33
    )
    assert detection.engine.reference is None


@pytest.mark.parametrize("form", [current_answer, older_answer])
def test_each_picture_is_the_one_that_was_sent(form: Callable[[int, int], Json]) -> None:
    pictures = read_answer(encoded(form(WIDTH, HEIGHT)), PIXELS).pictures
    for kind in PictureKind:
        sent: Raw = getattr(Pictures.tiny(), kind)
        assert pictures[kind] == base64.b64decode(bytes(sent)[1:-1])


def test_the_older_form_says_the_same_without_numbers_in_its_names() -> None:
    current = read_answer(encoded(current_answer(WIDTH, HEIGHT)), PIXELS)
    older = read_answer(encoded(older_answer(WIDTH, HEIGHT)), PIXELS)
    assert older.analysis.classes == current.analysis.classes
    assert older.analysis.processing_time_seconds == 0.6743
    assert older.engine.reference == "20260225_103045_ab12"


@pytest.mark.parametrize(("reference", "kept"), [("a1", "a1"), (17, "17"), (None, None)])
def test_an_id_of_the_services_own_is_kept(reference: object, kept: str | None) -> None:
    assert read_answer(answer_with("img_unique_id", reference), PIXELS).engine.reference == kept


def test_the_area_of_a_class_is_what_the_service_says() -> None:
    analysis = read_answer(answer_with(f"{CLASS}.total_area_pixels", 999), PIXELS).analysis
    assert analysis.classes[0].total_area_pixels == 999


def test_unknown_fields_and_the_order_of_regions_do_not_matter() -> None:
    answer = current_answer(WIDTH, HEIGHT)
    expected = read_answer(encoded(answer), PIXELS)
    answer["analysis_results"]["classes"]["1_PI_Particle"]["regions"].reverse()
    answer["gpu"] = answer["analysis_results"]["classes"]["1_PI_Particle"]["regions"][0]["mask"] = {"any": [None]}
    assert read_answer(encoded(answer), PIXELS) == expected


def test_a_name_keeps_every_underscore_but_the_first() -> None:
    answer = current_answer(WIDTH, HEIGHT)
    classes = answer["analysis_results"]["classes"]
    classes["12_7_铜瘤"] = {"class_id": 12, "total_regions": 0, "total_area_pixels": 0, "regions": []}
    found = read_answer(encoded(answer), PIXELS).analysis.classes[-1]
    assert (found.class_id, found.name) == (12, "7_铜瘤")


NUMBERS = [
    *(f"{REGION}.bounding_box.{name}" for name in ("x", "y", "width", "height")),
    *(f"{REGION}.{name}" for name in ("region_id", "area_pixels", "perimeter", "major_axis", "minor_axis")),
    *(f"{REGION}.{name}" for name in ("circularity", "aspect_ratio", "centroid.x", "centroid.y")),
    *(f"{CLASS}.{name}" for name in ("class_id", "total_regions", "total_area_pixels")),
    *(f"analysis_results.{name}" for name in ("image_shape.height", "image_shape.width")),
    "analysis_results.performance.processing_time_seconds",
    "processing_time",
    "total_defects",
]
OTHERS = [
    *("success", "filename", "timestamp", "overlay_image", "combined_image", "mask_image", "analysis_results"),
    *(f"analysis_results.{name}" for name in ("classes", "image_shape", "performance", "performance.timestamp")),
    *(f"{CLASS}.regions", f"{REGION}.bounding_box", f"{REGION}.centroid"),
]


@pytest.mark.parametrize("path", [*NUMBERS, *OTHERS])
def test_a_missing_field_is_named(path: str) -> None:
    assert_invalid(answer_with(path, ABSENT), path)


@pytest.mark.parametrize("path", [*NUMBERS, *OTHERS])
@pytest.mark.parametrize("value", [None, "some", [[]]])
def test_a_field_of_the_wrong_type_is_named(path: str, value: object) -> None:
    if not (isinstance(value, str) and path.rpartition(".")[2] in {"filename", "timestamp"}):
        assert_invalid(answer_with(path, value), path)


@pytest.mark.parametrize("path", NUMBERS)
@pytest.mark.parametrize("value", [-1, Raw(b"NaN"), Raw(b"-Infinity"), Raw(b"1e999"), Raw(b"9" * 400)])
def test_an_impossible_number_is_named(path: str, value: object) -> None:
    assert_invalid(answer_with(path, value), path)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (f"{CLASS}.total_regions", 4, "`total_regions` of 'PI_Particle' is 4, but it lists 5"),
        ("total_defects", 8, "`total_defects` is 8"),
        (f"{CLASS}.class_id", 9, "'1_PI_Particle'"),
        (f"{REGION}.region_id", 2, "Region 1 of the engine's class 'PI_Particle'"),
        (f"{REGION}.bounding_box.width", 64, "Region 1 of the engine's class 'PI_Particle'"),
        (f"{REGION}.centroid.x", 64.0, "Region 1 of the engine's class 'PI_Particle'"),
        (f"{REGION}.area_pixels", 3.0, "area_pixels"),
        (f"{CLASS}.total_area_pixels", 2**31, "total_area_pixels"),
        ("analysis_results.classes.PI", {"class_id": 5}, "total_regions"),
        ("analysis_results.image_shape.width", 65, "65 × 48"),
        ("analysis_results.performance.timestamp", "\0", "timestamp"),
        ("analysis_results.performance.timestamp", "9" * 256, "timestamp"),
        ("img_unique_id", "a\nb", "img_unique_id"),
        ("overlay_image", base64.b64encode(b"\xff\xd8\xff\xe0 a JPEG").decode(), "overlay"),
        ("mask_image", "", "mask"),
        ("combined_image", "iVBORw0KGgo", "combined_image"),
        ("combined_image", "data:image/png;base64,iVBORw0KGgo=", "combined_image"),
    ],
)
def test_what_contradicts_itself_is_named(path: str, value: object, named: str) -> None:
    with pytest.raises(InvalidEngineAnswer, match=named.replace("`", ".")):
        read_answer(answer_with(path, value), PIXELS)


@pytest.mark.parametrize("key", ["PI", "05_PR_Peeling", "4_PR_Peeling", "5_", f"5_{'x' * 101}", "5_a\nb"])
def test_a_class_that_cannot_be_kept_by_its_name_is_invalid(key: str) -> None:
    new: Json = {"class_id": 5, "total_regions": 0, "total_area_pixels": 0, "regions": []}
    with pytest.raises(InvalidEngineAnswer, match="class"):
        read_answer(answer_with(f"analysis_results.classes.{key}", new), PIXELS)


@pytest.mark.parametrize(
    ("path", "named"),
    [("images", "images"), ("images.mask", "mask"), ("img_unique_id", "img_unique_id"), ("image_shape", "image_shape")],
)
def test_the_older_form_must_be_whole_too(path: str, named: str) -> None:
    with pytest.raises(InvalidEngineAnswer, match=named):
        read_answer(answer_with(path, ABSENT, older_answer), PIXELS)


def test_the_older_form_is_counted_where_it_counts() -> None:
    assert read_answer(answer_with("total_defects", 7, older_answer), PIXELS).analysis.total_defects == 7
    with pytest.raises(InvalidEngineAnswer, match="total_defects"):
        read_answer(answer_with("total_defects", 8, older_answer), PIXELS)


def test_the_older_forms_classes_must_not_share_a_number() -> None:
    with pytest.raises(InvalidEngineAnswer, match="two classes of one name or one number"):
        read_answer(answer_with("classes.PI_Particle.class_id", 2, older_answer), PIXELS)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"success": true', "only the beginning"),
        (encoded(current_answer(WIDTH, HEIGHT))[:-40], "only the beginning"),
        (b"  <html>502</html>", "HTML"),
        (b"null", "Expected"),
        (b"[]", "Expected"),
        (b"{}", "neither `analysis_results` nor `classes`"),
        (b'{"deep": ' + b"[" * 500_000, "not JSON"),
    ],
)
def test_what_is_no_answer_at_all_is_told_in_a_sentence(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidEngineAnswer, match=reason):
        read_answer(body, PIXELS)


@pytest.mark.parametrize("body", [b'{"success": false, "error": "CUDA"}', b'{"success": false, "message": "CUDA"}'])
def test_a_failure_with_status_200_is_a_failure(body: bytes) -> None:
    with pytest.raises(EngineFailed, match="CUDA"):
        read_answer(body, PIXELS)


def assert_invalid(answer: bytes, path: str) -> None:
    """The sentence names the field at `path`."""
    name = path.rpartition(".")[2]
    known_as = {
        "height": "×|height",
        "width": "×|width",
        "region_id": "Region 1|region_id",
        "class_id": "1_PI|class_id",
    }
    with pytest.raises(InvalidEngineAnswer, match=known_as.get(name, name.removesuffix("_image"))):
        read_answer(answer, PIXELS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def read_or_refused(answer: bytes) -> None:
    """Any other exception fails the test."""
    try:
        detection = read_answer(answer, PIXELS)
    except (InvalidEngineAnswer, EngineFailed):
        return
    check_detection(detection, PIXELS, sys.maxsize)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_a_sentence(answer: bytes) -> None:
    read_or_refused(answer)


@given(st.dictionaries(st.sampled_from([*current_answer(1, 1), *older_answer(1, 1)]) | st.text(), json_values))
def test_any_json_is_refused_in_a_sentence(answer: Json) -> None:
    read_or_refused(encoded(answer))


def all_paths(value: object, before: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    steps: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        steps = list(value.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - it is JSON
    elif isinstance(value, list):
        steps = list(enumerate(value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - likewise
    return [path for step, inner in steps for path in [(*before, step), *all_paths(inner, (*before, step))]]


FORMS = [current_answer(WIDTH, HEIGHT), older_answer(WIDTH, HEIGHT)]


@given(st.data())
def test_an_answer_with_anything_anywhere_is_valid_or_refused(data: st.DataObject) -> None:
    answer = copy.deepcopy(data.draw(st.sampled_from(FORMS)))
    *steps, last = data.draw(st.sampled_from(all_paths(answer)))
    place = answer
    for step in steps:
        place = place[step]  # pyright: ignore[reportArgumentType] - a path may lead through a list
    place[last] = data.draw(json_values)  # pyright: ignore[reportArgumentType] - likewise
    read_or_refused(encoded(answer))


@given(st.data())
def test_an_answer_with_damaged_bytes_is_valid_or_refused(data: st.DataObject) -> None:
    answer = bytearray(encoded(data.draw(st.sampled_from(FORMS))))
    start = data.draw(st.integers(0, len(answer)))
    end = data.draw(st.integers(start, min(len(answer), start + 20)))
    answer[start:end] = data.draw(st.binary(max_size=20))
    read_or_refused(bytes(answer))
