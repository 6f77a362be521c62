"""What the API document says beyond what the handlers' types say already."""

from dataclasses import dataclass

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.openapi.spec.media_type import OpenAPIMediaType

from aoi.domain.image import LABEL_NAMES, LONGEST_LABEL
from aoi.entrypoints.api.problems import PROBLEM_MEDIA_TYPE
from aoi.entrypoints.problem import Problem

WHEN = {
    400: "The request is malformed: no multipart body, a part missing or unnamed, an unknown query value",
    404: "There is no such inspection or file",
    405: "The path does not take this method",
    409: "The inspection is not in a state that allows this, or another worker has taken it over",
    413: "The image is larger than AOI_MAX_IMAGE_MB",
    415: "The content is not a JPEG, PNG, TIFF or BMP image",
    416: "The range lies outside the file",
    422: "The image is corrupt, too many pixels, or of a kind that the engine does not take; or a label is wrong",
    500: "aoi failed; its log says why",
    502: "The engine's answer is invalid, or it refused the image; the upload is kept",
    503: "The engine, the database or the storage is unavailable; Retry-After says when to ask again",
    504: "The engine did not answer in time; the upload is kept",
    507: "No space is left to store the image",
}


def problem_specs(*statuses: int) -> dict[int, ResponseSpec]:
    """The problems that an operation can answer, for the API document."""
    return {
        status: ResponseSpec(Problem, generate_examples=False, description=WHEN[status], media_type=PROBLEM_MEDIA_TYPE)
        for status in statuses
    }


def _upload_schema() -> Schema:
    properties: dict[str, Schema] = {
        "image": Schema(
            type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY, description="A JPEG, PNG, TIFF or BMP image"
        )
    }
    for name in LABEL_NAMES:
        properties[name] = Schema(
            type=OpenAPIType.STRING,
            min_length=1,
            max_length=LONGEST_LABEL,
            description=f"{name.replace('_', ' ').capitalize()}, kept with the image",
        )
    return Schema(type=OpenAPIType.OBJECT, properties=dict(properties), required=["image"], additional_properties=False)


@dataclass
class UploadOperation(Operation):
    """An operation whose multipart body the handler reads itself as it streams in."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            content={"multipart/form-data": OpenAPIMediaType(schema=_upload_schema())},
            description="The image, and labels if you like; they may stand before or after it.",
            required=True,
        )
