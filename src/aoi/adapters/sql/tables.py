"""The tables. Reports are written against `images`, `classes` and `regions`: names, types and cascades are fixed.

They hold the inspections that are `inspected`, and nothing of any other; `inspections` holds everything else that an
inspection is.
"""

from datetime import datetime
from typing import Any

from advanced_alchemy.base import create_registry
from sqlalchemy import JSON, BigInteger, Float, ForeignKey, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from aoi.adapters.sql.utc import UtcDateTime, utc_now

DoublePrecision = Float(53)
Document = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Table(DeclarativeBase):
    """A registry of its own: a program that embeds aoi and uses the same libraries keeps its tables apart."""

    registry = create_registry(
        {datetime: UtcDateTime(), float: DoublePrecision, dict[str, Any]: Document, list[int]: Document}
    )


class ImageRow(Table):
    """One inspected image; paths are keys in the file store."""

    __tablename__ = "images"

    img_unique_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    image_height: Mapped[int]
    image_width: Mapped[int]
    processing_time_seconds: Mapped[float]
    timestamp: Mapped[datetime] = mapped_column(index=True)
    input_image_path: Mapped[str] = mapped_column(String(500))
    result_image_1_path: Mapped[str | None] = mapped_column(String(500))
    """The combined picture."""
    result_image_2_path: Mapped[str | None] = mapped_column(String(500))
    """The mask."""
    result_image_3_path: Mapped[str | None] = mapped_column(String(500))
    """The overlay."""
    created_at: Mapped[datetime | None] = mapped_column(server_default=utc_now())


class ClassRow(Table):
    """One class of an inspected image, also where it has no region."""

    __tablename__ = "classes"

    class_unique_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    img_unique_id: Mapped[str] = mapped_column(ForeignKey("images.img_unique_id", ondelete="CASCADE"), index=True)
    class_id: Mapped[int] = mapped_column(index=True)
    class_name: Mapped[str] = mapped_column(String(100))
    total_regions: Mapped[int]
    total_area_pixels: Mapped[int]
    created_at: Mapped[datetime | None] = mapped_column(server_default=utc_now())


class RegionRow(Table):
    """One region; `region_id` counts from 1 within its class."""

    __tablename__ = "regions"

    region_unique_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    class_unique_id: Mapped[str] = mapped_column(ForeignKey("classes.class_unique_id", ondelete="CASCADE"), index=True)
    img_unique_id: Mapped[str] = mapped_column(ForeignKey("images.img_unique_id", ondelete="CASCADE"), index=True)
    region_id: Mapped[int] = mapped_column(index=True)
    centroid_x: Mapped[float]
    centroid_y: Mapped[float]
    bbox_x: Mapped[int]
    bbox_y: Mapped[int]
    bbox_width: Mapped[int]
    bbox_height: Mapped[int]
    area_pixels: Mapped[int]
    perimeter: Mapped[float]
    major_axis: Mapped[float]
    minor_axis: Mapped[float]
    circularity: Mapped[float]
    aspect_ratio: Mapped[float]
    created_at: Mapped[datetime | None] = mapped_column(server_default=utc_now())


class InspectionRow(Table):
    """An inspection in any state; with `images`, `classes` and `regions` it is the whole of it."""

    __tablename__ = "inspections"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    filename: Mapped[str] = mapped_column(String(255))
    file_key: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    lease_until: Mapped[datetime | None] = mapped_column(index=True)
    attempt: Mapped[int]
    interruptions: Mapped[int]

    lot_id: Mapped[str | None] = mapped_column(String(128))
    panel_id: Mapped[str | None] = mapped_column(String(128))
    serial_number: Mapped[str | None] = mapped_column(String(128))
    recipe: Mapped[str | None] = mapped_column(String(128))
    station: Mapped[str | None] = mapped_column(String(128))
    operator: Mapped[str | None] = mapped_column(String(128))

    format: Mapped[str | None] = mapped_column(String(16))
    """This and what follows are the image's facts: all NULL, or none."""
    width: Mapped[int | None]
    height: Mapped[int | None]
    channels: Mapped[int | None]
    bit_depth: Mapped[int | None]
    color: Mapped[str | None] = mapped_column(String(32))
    has_alpha: Mapped[bool | None]
    is_opaque: Mapped[bool | None]
    orientation: Mapped[str | None] = mapped_column(String(16))
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))

    failure_code: Mapped[str | None] = mapped_column(String(64))
    failure_detail: Mapped[str | None] = mapped_column(Text)
    failure_retryable: Mapped[bool | None]

    engine: Mapped[dict[str, Any] | None]
    """What made the findings; NULL where there are none."""
    engine_timestamp: Mapped[str | None] = mapped_column(Text)
    class_order: Mapped[list[int] | None]
    """The class ids in the engine's order; NULL for adopted records, whose order is that of the ids."""
    combined_size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    combined_sha256: Mapped[str | None] = mapped_column(String(64))
    mask_size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    mask_sha256: Mapped[str | None] = mapped_column(String(64))
    overlay_size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    overlay_sha256: Mapped[str | None] = mapped_column(String(64))
