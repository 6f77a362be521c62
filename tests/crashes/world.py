"""What lies on the disk, seen with plain eyes: sqlite3 and the file system."""

import hashlib
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aoi.adapters.memory_engine import black_png
from aoi.domain.defects import BoundingBox, DefectClass, Region

Row = dict[str, Any]  # as sqlite3 gives it

FOUND = (
    DefectClass(
        1,
        "Copper_Nodule",
        32,
        (
            Region(1, 4.5, 4.25, BoundingBox(2, 2, 5, 4), 20, 16.5, 6.0, 4.5, 0.92, 1.25),
            Region(2, 20.0, 11.0, BoundingBox(18, 10, 4, 3), 12, 12.0, 4.75, 3.5, 0.97, 1.33),
        ),
    ),
    DefectClass(2, "PI_Particle", 0),
)
"""What every engine here finds."""

TABLES = ("inspections", "images", "classes", "regions")
PICTURES = {"combined": "result_image_1_path", "mask": "result_image_2_path", "overlay": "result_image_3_path"}
IN_PROGRESS = re.compile(r".+#\d+")
"""What the file store documents that a killed process may leave: no listing shows it."""
TIMES = {"created_at", "changed_at", "lease_until", "timestamp"}


def database_url(folder: str | Path) -> str:
    return f"sqlite+aiosqlite:///{folder}/aoi.db"


def files_folder(folder: str | Path) -> Path:
    return Path(folder, "files")


def sent_file(folder: str | Path) -> Path:
    return Path(folder, "sent.png")


def only_id(folder: str | Path) -> str:
    with closing(sqlite3.connect(Path(folder, "aoi.db"))) as connection:
        ((inspection_id,),) = connection.execute("SELECT id FROM inspections")
    return inspection_id


@dataclass(frozen=True)
class World:
    """The rows by table, the files by key, and what uploads in progress left."""

    rows: dict[str, list[Row]]
    files: dict[str, bytes]
    in_progress: list[str]

    @classmethod
    def of(cls, folder: str | Path) -> "World":
        root = files_folder(folder)
        found = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}
        in_progress = [name for name in found if IN_PROGRESS.fullmatch(name)]
        files = {name: path.read_bytes() for name, path in found.items() if name not in in_progress}
        return cls(_rows(Path(folder, "aoi.db")), files, in_progress)

    def fingerprint(self) -> str:
        """The same for two worlds that differ in their times and ids alone."""
        rows = [[sorted((k, v) for k, v in row.items() if k not in TIMES) for row in self.rows[t]] for t in TABLES]
        text = repr((rows, self.files, self.in_progress))
        for row in self.rows["inspections"]:
            text = text.replace(row["id"], "id")
        return text

    def apart(self) -> list["World"]:
        """A world for each inspection; together they are this one."""
        worlds = [self._of_one(row["id"]) for row in self.rows["inspections"]]
        for table in TABLES:
            assert sum(len(world.rows[table]) for world in worlds) == len(self.rows[table])
        assert sum(len(world.files) for world in worlds) == len(self.files)
        return worlds

    def _of_one(self, inspection_id: str) -> "World":
        names = {"inspections": "id"}
        rows = {
            table: [row for row in self.rows[table] if row[names.get(table, "img_unique_id")] == inspection_id]
            for table in TABLES
        }
        return World(rows, {key: file for key, file in self.files.items() if inspection_id in key}, self.in_progress)

    def assert_empty(self) -> None:
        assert self.rows == {table: [] for table in TABLES}
        assert not self.files

    def assert_failed(self, sent: bytes, code: str, attempts: int, interruptions: int) -> None:
        """The reason and the upload are kept, and nothing else."""
        (row,) = self.rows["inspections"]
        assert (row["state"], row["failure_code"], row["lease_until"]) == ("failed", code, None)
        assert (row["attempt"], row["interruptions"]) == (attempts, interruptions)
        assert self.files == {row["file_key"]: sent}
        assert not self.rows["images"] + self.rows["classes"] + self.rows["regions"]

    def assert_inspected(self, sent: bytes, attempts: int, interruptions: int) -> None:
        """One inspection, whole: its row, what the engine found, the upload and three pictures; and nothing else."""
        (row,) = self.rows["inspections"]
        assert (row["state"], row["lease_until"], row["failure_code"]) == ("inspected", None, None)
        assert (row["attempt"], row["interruptions"]) == (attempts, interruptions)
        assert (row["size_bytes"], row["sha256"]) == (len(sent), hashlib.sha256(sent).hexdigest())
        self._assert_findings(row)
        self._assert_files(row, sent)

    def _assert_findings(self, row: Row) -> None:
        (image,) = self.rows["images"]
        assert image["img_unique_id"] == row["id"]
        assert (image["image_height"], image["image_width"]) == (row["height"], row["width"])
        assert _stripped(self.rows["classes"]) == _stripped([_class_row(row["id"], each) for each in FOUND])
        regions = [_region_row(row["id"], each, region) for each in FOUND for region in each.regions]
        assert _stripped(self.rows["regions"]) == _stripped(regions)

    def _assert_files(self, row: Row, sent: bytes) -> None:
        (image,) = self.rows["images"]
        named = {image[column] for column in PICTURES.values()} | {row["file_key"]}
        assert set(self.files) == named
        assert image["input_image_path"] == row["file_key"]
        assert self.files[row["file_key"]] == sent
        for kind, column in PICTURES.items():
            picture = self.files[image[column]]
            assert picture == black_png(row["width"], row["height"])
            assert (row[f"{kind}_size_bytes"], row[f"{kind}_sha256"]) == (
                len(picture),
                hashlib.sha256(picture).hexdigest(),
            )


def _rows(path: Path) -> dict[str, list[Row]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        assert [row[0] for row in connection.execute("PRAGMA integrity_check")] == ["ok"]
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
        return {table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")] for table in TABLES}


def _class_row(inspection_id: str, each: DefectClass) -> Row:
    return {
        "class_unique_id": f"{inspection_id}_{each.class_id}",
        "img_unique_id": inspection_id,
        "class_id": each.class_id,
        "class_name": each.name,
        "total_regions": each.total_regions,
        "total_area_pixels": each.total_area_pixels,
    }


def _region_row(inspection_id: str, each: DefectClass, region: Region) -> Row:
    box = region.bounding_box
    return {
        "region_unique_id": f"{inspection_id}_{each.class_id}_{region.region_id}",
        "class_unique_id": f"{inspection_id}_{each.class_id}",
        "img_unique_id": inspection_id,
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
    }


def _stripped(rows: list[Row]) -> list[list[tuple[str, Any]]]:
    """Comparable, without the times."""
    return sorted(sorted((name, value) for name, value in row.items() if name not in TIMES) for row in rows)
