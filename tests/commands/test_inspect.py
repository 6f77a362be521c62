"""`aoi inspect`: what it says of each file."""

import os
import sqlite3
from pathlib import Path

import msgspec
import pytest

from aoi.domain.inspection import State
from commands.running import CommandLine, run
from sample_images import png
from segformer_stub import Reply, SegformerStub
from servers import Home


@pytest.fixture
def found(aoi: CommandLine, service: SegformerStub) -> CommandLine:
    """The command line with an engine that finds something."""
    aoi.environment.setenv("AOI_INFERENCE_URL", f"segformer+{service.url}")
    aoi.environment.setenv("AOI_INFERENCE_ATTEMPTS", "1")
    return aoi


def test_a_file_is_a_row_of_a_table(found: CommandLine, board: Path) -> None:
    outcome = found("inspect", board)
    assert outcome.status == 0
    (row,) = found.home.rows("inspections")
    lines = outcome.out.splitlines()
    head, first = (next(line for line in lines if word in line).split() for word in ("Defects", str(board)))
    assert head == ["File", "and", "id", "Defects", "Classes", "Seconds"]
    assert first[:4] == [str(board), "7", "PI_Particle", "5"]
    assert "Copper_Nodule 1" in outcome.out
    assert row["id"] in outcome.out


def test_the_id_is_whole_on_80_columns(home: Home, board: Path) -> None:
    outcome = run(home, "inspect", board)
    assert outcome.status == 0
    (row,) = home.rows("inspections")
    assert any(line.strip() == row["id"] for line in outcome.out.splitlines())
    assert str(board) in outcome.out


def test_several_files_are_inspected_though_some_cannot_be(
    aoi: CommandLine, board: Path, other_board: Path, text_file: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.png"
    outcome = aoi("inspect", board, text_file, missing, tmp_path, other_board)
    assert outcome.status == 1
    assert outcome.out.count("failed") == 3
    assert f"{text_file}: The content is not a JPEG, PNG, TIFF or BMP image." in outcome.out
    assert f"{missing}: The file cannot be read: No such file or directory." in outcome.out
    assert f"{tmp_path}: This is a folder." in outcome.out
    assert [row["state"] for row in aoi.home.rows("inspections")] == [State.INSPECTED, State.INSPECTED]


def test_a_file_name_is_not_read_as_markup(aoi: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "[red]board.png"
    path.write_bytes(png())
    assert "[red]board.png" in aoi("inspect", path).out


def test_json_is_one_object_a_line_in_the_shape_of_the_api(found: CommandLine, board: Path, text_file: Path) -> None:
    outcome = found("inspect", "--json", board, text_file)
    inspected, refused = outcome.lines
    assert outcome.status == 1
    (row,) = found.home.rows("inspections")
    assert inspected["file"] == str(board)
    assert inspected["success"] is True
    assert inspected["img_unique_id"] == row["id"]
    assert inspected["total_defects"] == 7
    assert inspected["defect_classes"] == {"PI_Particle": 5, "PR_Peeling": 1, "Copper_Nodule": 1}
    assert inspected["metadata"]["engine"]["name"] == "segformer-http"
    assert inspected["result"]["image_shape"] == {"height": 32, "width": 48}
    assert list(inspected["result"]) == ["image_shape", "classes", "performance"]
    assert len(inspected["result"]["classes"]["PI_Particle"]["regions"]) == 5
    assert "error" not in inspected
    assert refused["success"] is False
    assert refused["error"]["code"] == "unsupported-media-type"
    assert refused["error"]["detail"].startswith("The content is not")
    assert "img_unique_id" not in refused


def test_a_failed_inspection_keeps_its_id_and_says_why(found: CommandLine, service: SegformerStub, board: Path) -> None:
    service.answer = Reply.failure(500, "out of memory")
    (line,) = found("inspect", "--json", board).lines
    (row,) = found.home.rows("inspections")
    assert (line["success"], line["img_unique_id"], line["error"]["retryable"]) == (False, row["id"], True)
    outcome = found("inspect", board)
    assert outcome.status == 1
    assert f"{board}: {line['error']['detail']}" in outcome.out


def test_json_is_utf_8_whatever_the_terminal_takes(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "übersicht 検査.png"
    path.write_bytes(png())
    outcome = run(home, "inspect", "--json", path, PYTHONIOENCODING="ascii")
    assert outcome.lines[0]["file"] == str(path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_that_is_not_unicode_costs_only_its_own_file(aoi: CommandLine, board: Path, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"b\xffard.png")
    path.write_bytes(png())
    first, second = aoi("inspect", "--json", path, board).lines
    assert (first["success"], first["error"]["code"], second["success"]) == (False, "invalid-filename", True)
    assert "b�ard.png" in aoi("inspect", path).out


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_the_right_to_read_it_says_so(aoi: CommandLine, board: Path) -> None:
    board.chmod(0)
    assert "Permission denied" in aoi("inspect", board).out


def test_an_image_that_somebody_else_took_over_keeps_its_id(
    found: CommandLine, service: SegformerStub, board: Path
) -> None:
    def take_over(_: object) -> Reply:
        with sqlite3.connect(found.home.database) as connection:
            connection.execute("UPDATE inspections SET attempt = attempt + 1")
        connection.close()
        return Reply.failure(400, "whatever")

    service.answer = take_over
    (line,) = found("inspect", "--json", board).lines
    (row,) = found.home.rows("inspections")
    assert (line["error"]["code"], line["img_unique_id"]) == ("inspection-changed", row["id"])


def test_a_database_that_cannot_be_opened_ends_the_command(aoi: CommandLine, board: Path) -> None:
    aoi.home.folder.mkdir()
    aoi.home.database.write_text("This is not a database, but a letter to whoever opens it. " * 40)
    outcome = aoi("inspect", board)
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.complaint == "aoi: The file is not a SQLite database. Check AOI_DATABASE_URL."


def test_the_analysis_is_that_of_the_api(found: CommandLine, board: Path, tmp_path: Path) -> None:
    (line,) = found("inspect", "--json", board, "--out", tmp_path / "out").lines
    assert msgspec.json.decode(Path(line["images"]["json"]).read_bytes()) == line["result"]
