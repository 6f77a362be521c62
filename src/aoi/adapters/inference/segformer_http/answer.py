"""From the bytes of an answer to a detection, or to the reason why there is none. CPU-bound: call it off the loop."""

import re
import sys
from collections.abc import Callable
from typing import TypeVar

import msgspec

from aoi.adapters.inference.segformer_http.answer_schema import (
    ClassAnswer,
    CurrentAnswer,
    Form,
    ImageShape,
    OlderAnswer,
    RegionAnswer,
)
from aoi.adapters.inference.segformer_http.failures import words
from aoi.domain.defects import Analysis, BoundingBox, DefectClass, Detection, EngineInfo, PictureKind, Region
from aoi.domain.errors import EngineFailed, InvalidEngineAnswer
from aoi.domain.guarded_engine import check_detection
from aoi.domain.image import PixelFacts, is_printable

NAME = "segformer-http"
LONGEST_TEXT = 255
ADVICE = "Check that AOI_INFERENCE_URL names the right service and version."

NOT_A_NUMBER = re.compile(rb'"([^"\\]{1,100})"\s*:\s*(-?(?:NaN|Infinity))')
NUMBERED = re.compile(r"(\d{1,10})_(.+)", re.DOTALL)


def read_answer(answer: bytes, pixels: PixelFacts) -> Detection:
    """What a 200 says about an upright image of `pixels`, in either form of the contract.

    Raises `InvalidEngineAnswer`, naming the field that breaks the contract; `EngineFailed` where the service says so.
    """
    form = _decoded(answer, Form)
    if form.success is False:
        said = words(answer)
        raise EngineFailed(f"The engine failed on this image{f': {said}' if said else ''}. Look at its own log.")
    if form.analysis_results is not msgspec.UNSET:
        detection = _current(_decoded(answer, CurrentAnswer))
    elif form.classes is not msgspec.UNSET:
        detection = _older(_decoded(answer, OlderAnswer))
    else:
        raise _broken("it has neither `analysis_results` nor `classes`")
    check_detection(detection, pixels, max_regions=sys.maxsize)  # how many are too many is not for the service to say
    return detection


def _broken(what: str) -> InvalidEngineAnswer:
    return InvalidEngineAnswer(f"The engine's answer breaks its contract: {what}. {ADVICE}")


T = TypeVar("T")


def _decoded(answer: bytes, form: type[T]) -> T:
    try:
        return msgspec.json.decode(answer, type=form)
    except msgspec.ValidationError as error:
        raise _broken(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _broken(_why_not_json(answer)) from error


def _why_not_json(answer: bytes) -> str:
    if answer[:1000].lstrip().startswith(b"<"):
        return "it is a page of HTML, not JSON"
    not_a_number = NOT_A_NUMBER.search(answer)
    if not_a_number is not None:
        name, value = (part.decode("utf-8", "replace") for part in not_a_number.groups())
        return f"`{name}` is {value}, which is not JSON"
    return f"its {len(answer):,} bytes are not JSON, or only the beginning of it"


def _current(answer: CurrentAnswer) -> Detection:
    results = answer.analysis_results
    classes = _classes(results.classes, _name_after_number)
    _check_total("total_defects", answer.total_defects, classes)
    analysis = _analysis(
        results.image_shape, classes, results.performance.processing_time_seconds, results.performance.timestamp
    )
    return _detection(analysis, answer.img_unique_id, answer.combined_image, answer.mask_image, answer.overlay_image)


def _older(answer: OlderAnswer) -> Detection:
    classes = _classes(answer.classes, lambda key, _: key)
    if answer.total_defects is not None:
        _check_total("total_defects", answer.total_defects, classes)
    analysis = _analysis(answer.image_shape, classes, answer.processing_time, answer.timestamp)
    pictures = answer.images
    return _detection(analysis, answer.img_unique_id, pictures.combined, pictures.mask, pictures.overlay)


def _detection(
    analysis: Analysis, reference: str | int | None, combined: bytes, mask: bytes, overlay: bytes
) -> Detection:
    reference = None if reference is None else _text("img_unique_id", str(reference))
    pictures = {PictureKind.COMBINED: combined, PictureKind.MASK: mask, PictureKind.OVERLAY: overlay}
    return Detection(analysis, pictures, EngineInfo(NAME, reference=reference))


def _analysis(shape: ImageShape, classes: tuple[DefectClass, ...], seconds: float, timestamp: str) -> Analysis:
    return Analysis(shape.height, shape.width, classes, seconds, _text("timestamp", timestamp))


def _text(field: str, text: str) -> str:
    if len(text) > LONGEST_TEXT or not is_printable(text):
        raise _broken(f"`{field}` is not a text of at most {LONGEST_TEXT} printable characters")
    return text


def _check_total(field: str, total: int, classes: tuple[DefectClass, ...]) -> None:
    found = sum(defect_class.total_regions for defect_class in classes)
    if total != found:
        raise _broken(f"`{field}` is {total}, but its classes have {found} regions together")


def _classes(answers: dict[str, ClassAnswer], name_of: Callable[[str, ClassAnswer], str]) -> tuple[DefectClass, ...]:
    return tuple(_class(_text("classes", name_of(key, answer)), answer) for key, answer in answers.items())


def _name_after_number(key: str, answer: ClassAnswer) -> str:
    numbered = NUMBERED.fullmatch(key)
    if numbered is None or int(numbered[1]) != answer.class_id:
        raise _broken(f"the key {key[:100]!r} of `classes` is not `{answer.class_id}_{{name}}`, as its `class_id` says")
    return numbered[2]


def _class(name: str, answer: ClassAnswer) -> DefectClass:
    if answer.total_regions != len(answer.regions):
        raise _broken(f"`total_regions` of {name!r} is {answer.total_regions}, but it lists {len(answer.regions)}")
    in_order = sorted(answer.regions, key=lambda region: region.region_id)
    return DefectClass(answer.class_id, name, answer.total_area_pixels, tuple(map(_region, in_order)))


def _region(answer: RegionAnswer) -> Region:
    box = answer.bounding_box
    return Region(
        region_id=answer.region_id,
        centroid_x=answer.centroid.x,
        centroid_y=answer.centroid.y,
        bounding_box=BoundingBox(box.x, box.y, box.width, box.height),
        area_pixels=answer.area_pixels,
        perimeter=answer.perimeter,
        major_axis=answer.major_axis,
        minor_axis=answer.minor_axis,
        circularity=answer.circularity,
        aspect_ratio=answer.aspect_ratio,
    )
