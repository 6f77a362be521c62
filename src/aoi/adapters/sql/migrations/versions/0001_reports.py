"""The three tables that reports are written against, made or, where a factory has them already, adopted.

An adopted table keeps its rows and gets the indexes that it lacks.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INDEXED_COLUMNS = (
    ("images", "timestamp"),
    ("classes", "img_unique_id"),
    ("classes", "class_id"),
    ("regions", "class_unique_id"),
    ("regions", "img_unique_id"),
    ("regions", "region_id"),
)


def upgrade() -> None:
    existing = set(sa.inspect(op.get_bind()).get_table_names())
    for name, create in (("images", _create_images), ("classes", _create_classes), ("regions", _create_regions)):
        if name not in existing:
            create()
    for table, column in INDEXED_COLUMNS:
        _create_missing_index(table, column)


def downgrade() -> None:
    for table in ("regions", "classes", "images"):
        op.drop_table(table)


def _create_images() -> None:
    op.create_table(
        "images",
        sa.Column("img_unique_id", sa.String(255), nullable=False),
        sa.Column("image_height", sa.Integer, nullable=False),
        sa.Column("image_width", sa.Integer, nullable=False),
        sa.Column("processing_time_seconds", sa.Float(53), nullable=False),
        sa.Column("timestamp", sa.DateTime, nullable=False),
        sa.Column("input_image_path", sa.String(500), nullable=False),
        sa.Column("result_image_1_path", sa.String(500)),
        sa.Column("result_image_2_path", sa.String(500)),
        sa.Column("result_image_3_path", sa.String(500)),
        _created_at(),
        sa.PrimaryKeyConstraint("img_unique_id", name="pk_images"),
    )


def _create_classes() -> None:
    op.create_table(
        "classes",
        sa.Column("class_unique_id", sa.String(255), nullable=False),
        sa.Column("img_unique_id", sa.String(255), nullable=False),
        sa.Column("class_id", sa.Integer, nullable=False),
        sa.Column("class_name", sa.String(100), nullable=False),
        sa.Column("total_regions", sa.Integer, nullable=False),
        sa.Column("total_area_pixels", sa.Integer, nullable=False),
        _created_at(),
        sa.PrimaryKeyConstraint("class_unique_id", name="pk_classes"),
        _parent("classes", "img_unique_id", "images"),
    )


def _create_regions() -> None:
    op.create_table(
        "regions",
        sa.Column("region_unique_id", sa.String(255), nullable=False),
        sa.Column("class_unique_id", sa.String(255), nullable=False),
        sa.Column("img_unique_id", sa.String(255), nullable=False),
        sa.Column("region_id", sa.Integer, nullable=False),
        sa.Column("centroid_x", sa.Float(53), nullable=False),
        sa.Column("centroid_y", sa.Float(53), nullable=False),
        sa.Column("bbox_x", sa.Integer, nullable=False),
        sa.Column("bbox_y", sa.Integer, nullable=False),
        sa.Column("bbox_width", sa.Integer, nullable=False),
        sa.Column("bbox_height", sa.Integer, nullable=False),
        sa.Column("area_pixels", sa.Integer, nullable=False),
        sa.Column("perimeter", sa.Float(53), nullable=False),
        sa.Column("major_axis", sa.Float(53), nullable=False),
        sa.Column("minor_axis", sa.Float(53), nullable=False),
        sa.Column("circularity", sa.Float(53), nullable=False),
        sa.Column("aspect_ratio", sa.Float(53), nullable=False),
        _created_at(),
        sa.PrimaryKeyConstraint("region_unique_id", name="pk_regions"),
        _parent("regions", "class_unique_id", "classes"),
        _parent("regions", "img_unique_id", "images"),
    )


def _created_at() -> sa.Column[datetime]:
    on_postgres = op.get_bind().dialect.name == "postgresql"
    now = "timezone('utc', now())" if on_postgres else "CURRENT_TIMESTAMP"
    return sa.Column("created_at", sa.DateTime, server_default=sa.text(now))


def _parent(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{parent}"
    return sa.ForeignKeyConstraint([column], [f"{parent}.{column}"], name=name, ondelete="CASCADE")


def _create_missing_index(table: str, column: str) -> None:
    indexes = sa.inspect(op.get_bind()).get_indexes(table)
    if [column] not in [index["column_names"] for index in indexes]:
        op.create_index(f"ix_{table}_{column}", table, [column])
