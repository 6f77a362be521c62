"""Inspections in every state, with every field filled, for tests to begin with."""

from datetime import UTC, datetime, timedelta

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
from aoi.domain.image import ImageFacts, ImageFormat, Labels, Orientation, PixelFacts
from aoi.domain.inspection import Failure, Inspection, State

NOW = datetime(2026, 11, 22, 9, 30, 15, 123456, tzinfo=UTC)
"""When the examples came in."""

LEASE = timedelta(seconds=30)


def an_inspection(
    state: State = State.INSPECTED, *, now: datetime = NOW, filename: str = "panel 7 übersicht.png"
) -> Inspection:
    """A new one each time, come by its state the regular way; its lease, where it has one, ends at `now + LEASE`."""
    receiving = Inspection.receiving(filename, ImageFormat.PNG, now, now + LEASE)
    received = receiving.received(some_facts(), some_labels(), now, now + LEASE)
    inspecting = received.claimed(now, now + LEASE).claimed(now, now + LEASE)
    failed = inspecting.failed(a_failure(), now)
    return {
        State.RECEIVING: receiving,
        State.RECEIVED: received,
        State.INSPECTING: inspecting,
        State.INSPECTED: inspecting.inspected(some_findings(inspecting), now),
        State.FAILED: failed,
        State.DELETING: failed.deleting(now, now + LEASE),
    }[state]


def some_labels() -> Labels:
    """All of them, no two alike."""
    return Labels(
        lot_id="LOT-42",
        panel_id="P 7",
        serial_number="SN0001",
        recipe="Grün/2",
        station="AOI-1",
        operator="検査員",
    )


def some_facts() -> ImageFacts:
    """No value is the default one."""
    pixels = PixelFacts(
        format=ImageFormat.TIFF,
        width=640,
        height=480,
        channels=4,
        bit_depth=16,
        color="rgb",
        has_alpha=True,
        is_opaque=False,
        orientation=Orientation.TURNED,
    )
    return ImageFacts(pixels, size_bytes=5_000_000_000, sha256="ab" * 32)


def some_findings(inspection: Inspection, *, regions: int = 3) -> Findings:
    """Three classes, in no order of their ids: one with `regions` regions, one with one, one with none."""
    classes = (
        DefectClass(2, "scratch", 17, some_regions(1)),
        DefectClass(0, "void", 4242, some_regions(regions)),
        DefectClass(1, "lötbrücke", 0),
    )
    pictures = {
        kind: StoredPicture(inspection.picture_key(kind), 1000 + number, f"{number:02x}" * 32)
        for number, kind in enumerate(PictureKind)
    }
    return Findings(Analysis(480, 640, classes, 0.125, "2026-11-22T10:30:15.5"), pictures, an_engine())


def some_regions(count: int) -> tuple[Region, ...]:
    """Numbered from 1, no two alike; their decimals have no exact binary form."""
    return tuple(
        Region(
            region_id=number,
            centroid_x=number + 0.1,
            centroid_y=number + 0.2,
            bounding_box=BoundingBox(number, number + 1, 3, 4),
            area_pixels=number + 11,
            perimeter=number + 1 / 3,
            major_axis=4.7,
            minor_axis=2.3,
            circularity=0.9,
            aspect_ratio=4.7 / 2.3,
        )
        for number in range(1, count + 1)
    )


def an_engine() -> EngineInfo:
    """One that tells everything of itself."""
    return EngineInfo(
        name="segformer",
        model="b0",
        version="1.2.3",
        digest="sha256:" + "cd" * 32,
        device="cpu",
        reference="answer-17",
        parameters={"threshold": 0.5, "tiling": "512"},
        aoi_version="0.1.0",
    )


def a_failure() -> Failure:
    """One that a retry can mend."""
    return Failure("engine-timed-out", "The engine did not answer in time. Retry.", retryable=True)
