"""`aoi inspect --out`: the pictures and analyses that it writes."""

from io import BytesIO
from pathlib import Path

from PIL import Image

from aoi.domain.inspection import State
from commands.running import CommandLine
from sample_images import png


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(BytesIO(path.read_bytes())) as image:
        return image.size


def test_pictures_and_analysis_are_written_under_the_name_of_the_file(
    aoi: CommandLine, board: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "out"
    (line,) = aoi("inspect", "--json", board, "--out", out).lines
    assert {kind: Path(path).name for kind, path in line["images"].items()} == {
        "combined": "board_combined.png",
        "mask": "board_mask.png",
        "overlay": "board_overlay.png",
        "json": "board.json",
    }
    assert size_of(out / "board_mask.png") == (48, 32)
    stored = {key.rpartition("/")[2]: content for key, content in aoi.home.files().items()}
    assert (out / "board_overlay.png").read_bytes() == stored["overlay.png"]


def test_files_of_one_name_do_not_overwrite_each_other(
    aoi: CommandLine, board: Path, other_board: Path, tmp_path: Path
) -> None:
    louder = tmp_path / "BOARD.png"
    louder.write_bytes(png())
    out = tmp_path / "out"
    lines = aoi("inspect", "--json", board, other_board, louder, "--out", out).lines
    masks = [Path(line["images"]["mask"]) for line in lines]
    assert [size_of(mask) for mask in masks] == [(48, 32), (64, 48), (48, 32)]
    assert masks[1].name == f"board_{lines[1]['img_unique_id']}_mask.png"
    assert len({str(path).casefold() for path in out.iterdir()}) == 12


def test_what_stood_there_from_another_run_is_replaced(aoi: CommandLine, board: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert aoi("inspect", board, "--out", tmp_path / "out").status == 0
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_a_folder_that_cannot_be_made_ends_the_command_before_anything_is_inspected(
    aoi: CommandLine, board: Path, text_file: Path
) -> None:
    for folder, reason in ((text_file, "File exists"), (text_file / "out", "Not a directory")):
        outcome = aoi("inspect", board, "--out", folder)
        assert outcome.status == 1
        assert outcome.complaint == f"aoi: The folder {folder} cannot be made: {reason}. Name another."
    assert not aoi.home.folder.exists()


def test_an_inspection_whose_pictures_cannot_be_written_has_not_failed(
    aoi: CommandLine, board: Path, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "out" / "board_mask.png"
    in_the_way.mkdir(parents=True)
    outcome = aoi("inspect", "--json", board, "--out", in_the_way.parent)
    (line,) = outcome.lines
    assert (outcome.status, line["success"], line["total_defects"]) == (1, True, 0)
    assert line["error"]["code"] == "folder-unwritable"
    assert "images" not in line
    assert aoi.home.rows("inspections")[0]["state"] == State.INSPECTED

    outcome = aoi("inspect", board, "--out", in_the_way.parent)
    assert "failed" not in outcome.out
    assert f"{board}: The image was inspected, but its pictures cannot be written to {in_the_way.parent}" in outcome.out


def test_a_failed_inspection_writes_no_pictures(aoi: CommandLine, board: Path, tmp_path: Path) -> None:
    aoi(
        "inspect",
        board,
        "--out",
        tmp_path / "out",
        AOI_INFERENCE_URL="segformer+http://127.0.0.1:1",
        AOI_INFERENCE_ATTEMPTS="1",
    )
    assert list((tmp_path / "out").iterdir()) == []
