"""What `aoi inspect` says of a file: a line of JSON, or a row of a table."""

from collections.abc import Sequence

from msgspec import UNSET, Struct, UnsetType
from rich.markup import escape
from rich.table import Table

from aoi.domain.inspection import Failure, Inspection
from aoi.entrypoints.answers import MetadataAnswer, defect_classes, metadata_of, rfc3339
from aoi.entrypoints.result_json import ResultJson, result_of

LENGTH_OF_AN_ID = len("YYYYMMDD_HHMMSS_") + 20


class InspectedFile(Struct, omit_defaults=True):
    """One file's outcome; the fields are those of the API's answer to an upload."""

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


def table_of(files: Sequence[InspectedFile]) -> Table:
    """All files, a row each."""
    table = Table("File", "Defects", "Classes", "Seconds")
    for column in table.columns:
        column.overflow = "fold"
    table.add_column("Id", no_wrap=True, min_width=LENGTH_OF_AN_ID)
    for file in files:
        if file.error:
            table.add_row(
                escape(file.file), "[red]failed[/red]", escape(file.error.detail), "", file.img_unique_id or ""
            )
            continue
        classes = ", ".join(f"{name} {regions}" for name, regions in (file.defect_classes or {}).items())
        seconds = f"{file.processing_time or 0:.1f}"
        table.add_row(escape(file.file), str(file.total_defects), escape(classes), seconds, file.img_unique_id or "")
    return table
