"""Between the domain and the rows, in both directions; pure functions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import RowMapping

from aoi.adapters.sql.tables import RegionRow
from aoi.domain.defects import (
    Analysis,
    BoundingBox,
    DefectClass,
    EngineInfo,
    Findings,
    PictureKind,
    Region,
    StoredPicture,
)
from aoi.domain.image import LABEL_NAMES, ImageFacts, ImageFormat, Labels, Orientation, PixelFacts
from aoi.domain.inspection import Failure, Inspection, State

PICTURE_COLUMNS = {
    PictureKind.COMBINED: "result_image_1_path",
    PictureKind.MASK: "result_image_2_path",
    PictureKind.OVERLAY: "result_image_3_path",
}

REGION_COLUMNS = (
    RegionRow.class_unique_id,
    RegionRow.region_id,
    RegionRow.centroid_x,
    RegionRow.centroid_y,
    RegionRow.bbox_x,
    RegionRow.bbox_y,
    RegionRow.bbox_width,
    RegionRow.bbox_height,
    RegionRow.area_pixels,
    RegionRow.perimeter,
    RegionRow.major_axis,
    RegionRow.minor_axis,
    RegionRow.circularity,
    RegionRow.aspect_ratio,
)
"""What is read of a region, in the order of `Region`; the key of its class comes first."""


def inspection_row(inspection: Inspection) -> dict[str, Any]:
    """The row of `inspections`."""
    return {
        "id": inspection.id,
        "state": inspection.state.value,
        "filename": inspection.filename,
        "file_key": inspection.file_key,
        "created_at": inspection.created_at,
        "changed_at": inspection.changed_at,
        "lease_until": inspection.lease_until,
        "attempt": inspection.attempt,
        "interruptions": inspection.interruptions,
        **asdict(inspection.labels),
        **_facts_columns(inspection.facts),
        **_failure_columns(inspection.failure),
        **_provenance_columns(inspection.findings),
    }


def image_row(inspection: Inspection, findings: Findings) -> dict[str, Any]:
    """The row of `images`."""
    analysis = findings.analysis
    return {
        "img_unique_id": inspection.id,
        "image_height": analysis.height,
        "image_width": analysis.width,
        "processing_time_seconds": analysis.processing_time_seconds,
        "timestamp": inspection.created_at,
        "input_image_path": inspection.file_key,
        "created_at": inspection.changed_at,
    } | {
        column: findings.pictures[kind].key if kind in findings.pictures else None
        for kind, column in PICTURE_COLUMNS.items()
    }


def class_rows(inspection: Inspection, findings: Findings) -> list[dict[str, Any]]:
    """The rows of `classes`."""
    return [
        {
            "class_unique_id": class_unique_id(inspection.id, defect_class.class_id),
            "img_unique_id": inspection.id,
            "class_id": defect_class.class_id,
            "class_name": defect_class.name,
            "total_regions": defect_class.total_regions,
            "total_area_pixels": defect_class.total_area_pixels,
            "created_at": inspection.changed_at,
        }
        for defect_class in findings.analysis.classes
    ]


def region_rows(inspection: Inspection, findings: Findings) -> Iterator[dict[str, Any]]:
    """The rows of `regions`, one at a time: there may be many."""
    for defect_class in findings.analysis.classes:
        class_key = class_unique_id(inspection.id, defect_class.class_id)
        for region in defect_class.regions:
            box = region.bounding_box
            yield {
                "region_unique_id": f"{class_key}_{region.region_id}",
                "class_unique_id": class_key,
                "img_unique_id": inspection.id,
                "region_id": region.region_id,
                "centroid_x": region.centroid_x,
                "centroid_y": region.centroid_y,
                "bbox_x": box.x,
                "bbox_y": box.y,
                "bbox_width": box.width,
                "bbox_height": box.height,
                "area_pixels": region.area_pixels,
                "perimeter": region.perimeter,
                "major_axis": region.major_axis,
                "minor_axis": region.minor_axis,
                "circularity": region.circularity,
                "aspect_ratio": region.aspect_ratio,
                "created_at": inspection.changed_at,
            }


def class_unique_id(inspection_id: str, class_id: int) -> str:
    """The key of a class, made of the keys above it."""
    return f"{inspection_id}_{class_id}"


def inspection_of(row: RowMapping, findings: Findings | None) -> Inspection:
    """The inspection that a row of `inspections` is, with its findings."""
    return Inspection(
        id=row["id"],
        state=State(row["state"]),
        filename=row["filename"],
        file_key=row["file_key"],
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        lease_until=row["lease_until"],
        labels=Labels(**{name: row[name] for name in LABEL_NAMES}),
        facts=_facts_of(row),
        attempt=row["attempt"],
        interruptions=row["interruptions"],
        findings=findings,
        failure=_failure_of(row),
    )


def findings_of(row: RowMapping, image: RowMapping, classes: Sequence[DefectClass]) -> Findings:
    """What an inspection's row and its row of `images` say of its classes; these come in the order of their ids."""
    analysis = Analysis(
        height=image["image_height"],
        width=image["image_width"],
        classes=_in_order(classes, row["class_order"]),
        processing_time_seconds=image["processing_time_seconds"],
        engine_timestamp=row["engine_timestamp"],
    )
    pictures = {
        kind: StoredPicture(image[column], row[f"{kind}_size_bytes"], row[f"{kind}_sha256"])
        for kind, column in PICTURE_COLUMNS.items()
        if image[column] is not None
    }
    return Findings(analysis, pictures, EngineInfo(**row["engine"]))


def class_of(row: RowMapping, regions: Iterable[Region]) -> DefectClass:
    """The class that a row of `classes` is."""
    return DefectClass(row["class_id"], row["class_name"], row["total_area_pixels"], tuple(regions))


def region_of(values: Sequence[Any]) -> Region:
    """The region with these values of `REGION_COLUMNS`, the first left out."""
    region_id, centroid_x, centroid_y, x, y, width, height, *measures = values
    return Region(region_id, centroid_x, centroid_y, BoundingBox(x, y, width, height), *measures)


_PIXEL_FACTS = (
    "format",
    "width",
    "height",
    "channels",
    "bit_depth",
    "color",
    "has_alpha",
    "is_opaque",
    "orientation",
)


def _facts_columns(facts: ImageFacts | None) -> dict[str, Any]:
    if facts is None:
        return dict.fromkeys((*_PIXEL_FACTS, "size_bytes", "sha256"))
    return asdict(facts.pixels) | {"size_bytes": facts.size_bytes, "sha256": facts.sha256}


def _facts_of(row: RowMapping) -> ImageFacts | None:
    if row["sha256"] is None:
        return None
    values = {name: row[name] for name in _PIXEL_FACTS}
    values |= {"format": ImageFormat(row["format"]), "orientation": Orientation(row["orientation"])}
    return ImageFacts(PixelFacts(**values), row["size_bytes"], row["sha256"])


def _failure_columns(failure: Failure | None) -> dict[str, Any]:
    return {
        "failure_code": failure and failure.code,
        "failure_detail": failure and failure.detail,
        "failure_retryable": failure and failure.retryable,
    }


def _failure_of(row: RowMapping) -> Failure | None:
    if row["failure_code"] is None:
        return None
    return Failure(row["failure_code"], row["failure_detail"], row["failure_retryable"])


def _provenance_columns(findings: Findings | None) -> dict[str, Any]:
    columns: dict[str, Any] = {"engine": None, "engine_timestamp": None, "class_order": None}
    if findings is not None:
        columns["engine"] = _engine_document(findings.engine)
        columns["engine_timestamp"] = findings.analysis.engine_timestamp
        columns["class_order"] = [defect_class.class_id for defect_class in findings.analysis.classes]
    for kind in PictureKind:
        picture = findings.pictures.get(kind) if findings else None
        columns[f"{kind}_size_bytes"] = picture and picture.size_bytes
        columns[f"{kind}_sha256"] = picture and picture.sha256
    return columns


def _engine_document(engine: EngineInfo) -> dict[str, Any]:
    document = {field.name: getattr(engine, field.name) for field in fields(engine)}
    return document | {"parameters": dict(engine.parameters)}


def _in_order(classes: Sequence[DefectClass], class_order: list[int] | None) -> tuple[DefectClass, ...]:
    if class_order is None:
        return tuple(classes)
    by_id = {defect_class.class_id: defect_class for defect_class in classes}
    return tuple(by_id[class_id] for class_id in class_order)
