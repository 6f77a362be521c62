"""What becomes of a file that `aoi inspect` is given."""

from msgspec import UNSET, Struct, UnsetType

from aoi.domain.errors import AoiError
from aoi.domain.inspection import Failure, Inspection
from aoi.entrypoints.answers import MetadataAnswer, defect_classes, metadata_of, rfc3339
from aoi.entrypoints.result_json import ResultJson, result_of


class InspectedFile(Struct, omit_defaults=True):
    """One file's outcome; the fields are those of the API's answer to an upload.

    `error` says why it was not inspected, or, where `success` is true, why its pictures could not be written.
    """

    file: str
    success: bool
    img_unique_id: str | UnsetType = UNSET
    timestamp: str | UnsetType = UNSET
    processing_time: float | UnsetType = UNSET
    total_defects: int | UnsetType = UNSET
    defect_classes: dict[str, int] | UnsetType = UNSET
    result: ResultJson | UnsetType = UNSET
    images: dict[str, str] | UnsetType = UNSET
    metadata: MetadataAnswer | UnsetType = UNSET
    error: Failure | UnsetType = UNSET


def inspected_file(name: str, inspection: Inspection, seconds: float) -> InspectedFile:
    """What became of the file `name` within `seconds`."""
    answer = InspectedFile(
        file=name,
        success=inspection.findings is not None,
        img_unique_id=inspection.id,
        timestamp=rfc3339(inspection.created_at),
        processing_time=round(seconds, 4),
        metadata=metadata_of(inspection),
        error=inspection.failure or UNSET,
    )
    if inspection.findings is not None:
        answer.total_defects = inspection.findings.total_defects
        answer.defect_classes = defect_classes(inspection.findings)
        answer.result = result_of(inspection.findings.analysis)
    return answer


def refused_file(name: str, error: AoiError) -> InspectedFile:
    """The file `name` has no result; its id is known where it was kept all the same."""
    return InspectedFile(
        name, success=False, img_unique_id=error.inspection_id or UNSET, error=Failure.from_error(error)
    )
