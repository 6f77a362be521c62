"""What clients read about an inspection: the answers of the API, built from the domain's objects."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from aoi.domain.defects import EngineInfo, Findings, PictureKind
from aoi.domain.inspection import Inspection
from aoi.entrypoints.problem import Problem, problem_of
from aoi.entrypoints.result_json import ResultJson, result_of

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"}, examples=["2026-02-25T10:30:45.120Z"])]
"""RFC 3339, in UTC, to the millisecond."""


class EngineAnswer(Struct, omit_defaults=True):
    """What made the result."""

    name: Annotated[str, Meta(description="The kind of engine", examples=["segformer-http"])]
    model: Annotated[str | None, Meta(description="The model, where the engine says it")] = None
    version: Annotated[str | None, Meta(description="The version of the model or the engine")] = None
    digest: Annotated[str | None, Meta(description="The digest of the model")] = None
    device: Annotated[str | None, Meta(description="What it runs on", examples=["cuda:0", "cpu"])] = None
    reference: Annotated[str | None, Meta(description="The engine's own id for this result")] = None
    parameters: Annotated[
        dict[str, str | float] | UnsetType, Meta(description="Thresholds and whatever else decided")
    ] = UNSET
    aoi_version: Annotated[str | None, Meta(description="The version of aoi that recorded the result")] = None


class MetadataAnswer(Struct, omit_defaults=True):
    """What is known of the image and of how its result came to be."""

    labels: Annotated[dict[str, str], Meta(description="The labels that were sent with it")]
    attempts: Annotated[int, Meta(description="How often an engine was set on it")]
    size_bytes: Annotated[int | UnsetType, Meta(description="Its size as sent")] = UNSET
    sha256: Annotated[str | UnsetType, Meta(description="Its SHA-256 as sent, in hex")] = UNSET
    media_type: Annotated[str | UnsetType, Meta(description="By its content", examples=["image/jpeg"])] = UNSET
    width: Annotated[int | UnsetType, Meta(description="Pixels of the upright image")] = UNSET
    height: Annotated[int | UnsetType, Meta(description="Pixels of the upright image")] = UNSET
    channels: Annotated[int | UnsetType, Meta(description="As stored in the file")] = UNSET
    bit_depth: Annotated[int | UnsetType, Meta(description="Bits per channel")] = UNSET
    engine: EngineAnswer | UnsetType = UNSET


class ImagesAnswer(Struct, omit_defaults=True):
    """The input as sent and the result's PNGs: URLs, or base64 where that was asked for."""

    input: str
    combined: str | UnsetType = UNSET
    mask: str | UnsetType = UNSET
    overlay: str | UnsetType = UNSET


class UploadAnswer(Struct):
    """An image that was inspected."""

    success: Annotated[bool, Meta(description="Always true here; a failure is answered as a problem")]
    img_unique_id: Annotated[str, Meta(description="Ask for the image by it")]
    filename: Annotated[str, Meta(description="The name that was sent, without folders")]
    timestamp: Annotated[Time, Meta(description="When the upload began, in UTC")]
    processing_time: Annotated[float, Meta(description="Seconds for the whole request")]
    total_defects: Annotated[int, Meta(description="Regions of all classes together")]
    defect_classes: Annotated[dict[str, int], Meta(description="Regions by class, for classes that have any")]
    result: ResultJson
    images: ImagesAnswer
    json_url: Annotated[str, Meta(description="Where to download `result` by itself")]
    metadata: MetadataAnswer


class ImageAnswer(Struct, omit_defaults=True):
    """An image that was received, and what has become of it."""

    img_unique_id: Annotated[str, Meta(description="The image's id")]
    state: Annotated[str, Meta(description="`received`, `inspecting`, `inspected` or `failed`")]
    filename: Annotated[str, Meta(description="The name that was sent, without folders")]
    timestamp: Annotated[Time, Meta(description="When the upload began, in UTC")]
    changed_at: Annotated[Time, Meta(description="When its state changed last, in UTC")]
    images: ImagesAnswer
    metadata: MetadataAnswer
    total_defects: int | UnsetType = UNSET
    defect_classes: dict[str, int] | UnsetType = UNSET
    result: ResultJson | UnsetType = UNSET
    json_url: str | UnsetType = UNSET
    error: Annotated[Problem | UnsetType, Meta(description="Why it failed")] = UNSET
    retry_url: Annotated[str | UnsetType, Meta(description="POST here to try it again")] = UNSET


def upload_answer(
    inspection: Inspection, findings: Findings, images: ImagesAnswer, base_url: str, seconds: float
) -> UploadAnswer:
    """The answer to an upload that was inspected; `seconds` is what the whole request took."""
    return UploadAnswer(
        success=True,
        img_unique_id=inspection.id,
        filename=inspection.filename,
        timestamp=rfc3339(inspection.created_at),
        processing_time=round(seconds, 4),
        total_defects=findings.total_defects,
        defect_classes=defect_classes(findings),
        result=result_of(findings.analysis),
        images=images,
        json_url=json_url(base_url, inspection.id),
        metadata=metadata_of(inspection),
    )


def image_answer(inspection: Inspection, base_url: str) -> ImageAnswer:
    """What is known of an inspection, whatever its state."""
    answer = ImageAnswer(
        img_unique_id=inspection.id,
        state=inspection.state.value,
        filename=inspection.filename,
        timestamp=rfc3339(inspection.created_at),
        changed_at=rfc3339(inspection.changed_at),
        images=image_urls(inspection, base_url),
        metadata=metadata_of(inspection),
    )
    if inspection.findings is not None:
        answer.total_defects = inspection.findings.total_defects
        answer.defect_classes = defect_classes(inspection.findings)
        answer.result = result_of(inspection.findings.analysis)
        answer.json_url = json_url(base_url, inspection.id)
    if inspection.failure is not None:
        answer.error = problem_of(inspection.failure.code, inspection.failure.detail)
        answer.retry_url = f"{base_url}/images/{inspection.id}/retry"
    return answer


def image_urls(inspection: Inspection, base_url: str) -> ImagesAnswer:
    """Where the pictures can be downloaded."""
    kinds: Mapping[PictureKind, object] = inspection.findings.pictures if inspection.findings else {}
    folder = f"{base_url}/download/image/{inspection.id}"
    return ImagesAnswer(f"{folder}/input", **{kind.value: f"{folder}/{kind}" for kind in kinds})


def json_url(base_url: str, inspection_id: str) -> str:
    """Where the analysis can be downloaded."""
    return f"{base_url}/download/json/{inspection_id}"


def rfc3339(time: datetime) -> Time:
    """`time` as clients get it."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def defect_classes(findings: Findings) -> dict[str, int]:
    """How many regions each class has, where it has any."""
    return {found.name: found.total_regions for found in findings.analysis.classes if found.total_regions}


def metadata_of(inspection: Inspection) -> MetadataAnswer:
    """What is known of the image and of how its result came to be."""
    labels = {name: value for name, value in asdict(inspection.labels).items() if value is not None}
    metadata = MetadataAnswer(labels=labels, attempts=inspection.attempt)
    if inspection.facts is not None:
        pixels = inspection.facts.pixels
        metadata.size_bytes, metadata.sha256 = inspection.facts.size_bytes, inspection.facts.sha256
        metadata.media_type = pixels.format.media_type
        metadata.width, metadata.height = pixels.width, pixels.height
        metadata.channels, metadata.bit_depth = pixels.channels, pixels.bit_depth
    if inspection.findings is not None:
        metadata.engine = _engine(inspection.findings.engine)
    return metadata


def _engine(info: EngineInfo) -> EngineAnswer:
    return EngineAnswer(
        name=info.name,
        model=info.model,
        version=info.version,
        digest=info.digest,
        device=info.device,
        reference=info.reference,
        parameters=dict(info.parameters) or UNSET,
        aoi_version=info.aoi_version,
    )
