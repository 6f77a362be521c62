"""The table of inspections. Every image that is recorded already becomes an inspected one."""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Document = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
CHUNK_ROWS = 1000
LABELS = ("lot_id", "panel_id", "serial_number", "recipe", "station", "operator")
PICTURES = ("combined", "mask", "overlay")


def upgrade() -> None:
    inspections = op.create_table(
        "inspections",
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("filename", sa.String(255), nullable=False),
        sa.Column("file_key", sa.String(500), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("changed_at", sa.DateTime, nullable=False),
        sa.Column("lease_until", sa.DateTime),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("interruptions", sa.Integer, nullable=False),
        *(sa.Column(label, sa.String(128)) for label in LABELS),
        *_facts(),
        sa.Column("failure_code", sa.String(64)),
        sa.Column("failure_detail", sa.Text),
        sa.Column("failure_retryable", sa.Boolean),
        sa.Column("engine", Document),
        sa.Column("engine_timestamp", sa.Text),
        sa.Column("class_order", Document),
        *(column for picture in PICTURES for column in _stored(picture)),
        sa.PrimaryKeyConstraint("id", name="pk_inspections"),
    )
    op.create_index("ix_inspections_lease_until", "inspections", ["lease_until"])
    _adopt(inspections)


def downgrade() -> None:
    op.drop_table("inspections")


def _facts() -> list[sa.Column[object]]:
    return [
        sa.Column("format", sa.String(16)),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("channels", sa.Integer),
        sa.Column("bit_depth", sa.Integer),
        sa.Column("color", sa.String(32)),
        sa.Column("has_alpha", sa.Boolean),
        sa.Column("is_opaque", sa.Boolean),
        sa.Column("orientation", sa.String(16)),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("sha256", sa.String(64)),
    ]


def _stored(picture: str) -> tuple[sa.Column[int], sa.Column[str]]:
    return sa.Column(f"{picture}_size_bytes", sa.BigInteger), sa.Column(f"{picture}_sha256", sa.String(64))


def _adopt(inspections: sa.Table) -> None:
    """Times are copied within the database, as they stand; file names need more than its SQL has."""
    images = sa.table(
        "images", sa.column("img_unique_id"), sa.column("input_image_path"), sa.column("timestamp", sa.DateTime)
    )
    values = {
        "id": images.c.img_unique_id,
        "state": sa.literal("inspected"),
        "filename": sa.literal(""),
        "file_key": images.c.input_image_path,
        "created_at": images.c.timestamp,
        "changed_at": images.c.timestamp,
        "attempt": sa.literal(0),
        "interruptions": sa.literal(0),
        "engine": sa.literal({"name": "adopted"}, Document),
        "engine_timestamp": sa.literal(""),
    }
    connection = op.get_bind()
    connection.execute(sa.insert(inspections).from_select(list(values), sa.select(*values.values())))
    paths = connection.execute(sa.select(images.c.img_unique_id, images.c.input_image_path)).all()
    naming = sa.update(inspections).where(inspections.c.id == sa.bindparam("key")).values(filename=sa.bindparam("name"))
    for start in range(0, len(paths), CHUNK_ROWS):
        names = [{"key": key, "name": _last_part(path) or key} for key, path in paths[start : start + CHUNK_ROWS]]
        connection.execute(naming, names)


def _last_part(path: str) -> str:
    return re.split(r"[\\/]", path)[-1][-255:]
