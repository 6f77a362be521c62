"""`aoi regions`: measuring a class mask."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from PIL import Image

from commands.running import CommandLine
from sample_images import jpeg, png

NAMES = ["PI_Particle", "PR_Peeling", "Copper_Nodule", "Env_Particle"]


def drawn_mask() -> Image.Image:
    """A square of class 1, a bar of class 2, and a pixel of class 3."""
    ids = np.zeros((40, 60), np.uint8)
    ids[5:15, 5:15], ids[20:23, 10:50], ids[30, 30] = 1, 2, 3
    return Image.fromarray(ids)


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    path = tmp_path / "mask.png"
    path.write_bytes(png(drawn_mask()))
    return path


def counts(printed: str) -> dict[str, int]:
    classes: dict[str, Any] = msgspec.json.decode(printed)["classes"]
    return {name: found["total_regions"] for name, found in classes.items()}


VECTORS = sorted((Path(__file__).parents[3] / "shared" / "vectors" / "regions").glob("*.png"))


@pytest.mark.skipif(not VECTORS, reason="the folder of test vectors does not stand beside this checkout")
@pytest.mark.parametrize("vector", VECTORS, ids=lambda path: path.stem)
def test_the_vectors_are_measured_as_they_must_be(aoi: CommandLine, vector: Path) -> None:
    outcome = aoi("regions", vector)
    measured, expected = msgspec.json.decode(outcome.out), msgspec.json.decode(vector.with_suffix(".json").read_bytes())
    assert outcome.status == 0
    assert measured["image_shape"] == expected["image_shape"]
    assert list(measured["classes"]) == list(expected["classes"])
    assert dict(leaves(measured["classes"])) == pytest.approx(dict(leaves(expected["classes"])), rel=1e-6)


def leaves(found: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number of what JSON holds, by its path."""
    if isinstance(found, dict):
        for key, value in cast("dict[str, Any]", found).items():
            yield from leaves(value, f"{path}.{key}")
    elif isinstance(found, list):
        for number, value in enumerate(cast("list[Any]", found)):
            yield from leaves(value, f"{path}.{number}")
    else:
        yield path, found


def test_grey_ids_are_classes(aoi: CommandLine, mask: Path) -> None:
    assert counts(aoi("regions", mask).out) == dict(zip(NAMES, (1, 1, 1, 0), strict=True))


def test_the_colours_of_a_mask_picture_are_classes(aoi: CommandLine, tmp_path: Path) -> None:
    colours = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8)
    path = tmp_path / "coloured.png"
    path.write_bytes(png(Image.fromarray(colours[np.asarray(drawn_mask())])))
    assert counts(aoi("regions", path).out) == dict(zip(NAMES, (1, 1, 1, 0), strict=True))


def test_our_own_mask_pictures_can_be_measured(aoi: CommandLine, tmp_path: Path) -> None:
    """What an inspection calls its regions is measured again from its mask, to the same figures."""
    board = np.full((256, 256), 120, np.uint8)
    board[40:216:24, :] = 200
    board[100:106, 100:106] = 20
    path = tmp_path / "board.png"
    path.write_bytes(png(Image.fromarray(board)))
    (line,) = aoi("inspect", "--json", path, "--out", tmp_path / "out").lines
    outcome = aoi("regions", line["images"]["mask"], "--names", "Anomaly")
    assert line["total_defects"] > 0
    assert msgspec.json.decode(outcome.out)["classes"] == line["result"]["classes"]


def test_classes_bear_the_names_that_are_given(aoi: CommandLine, mask: Path) -> None:
    assert counts(aoi("regions", mask, "--names", "Particle,Scratch,Löt stelle").out) == {
        "Particle": 1,
        "Scratch": 1,
        "Löt stelle": 1,
    }


@pytest.mark.parametrize("names", ["Particle", "Particle,Scratch"])
def test_a_class_without_a_name_is_refused(aoi: CommandLine, mask: Path, names: str) -> None:
    outcome = aoi("regions", mask, "--names", names)
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.complaint.startswith(f"aoi: {mask}: ")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"nothing of the kind", "The mask is not a PNG."),
        (jpeg(), "The mask is not a PNG."),
        (b"", "The mask is not a PNG."),
        (png(drawn_mask())[:60], "The mask is corrupt or truncated."),
        (png(), "has the colour"),
    ],
)
def test_what_is_no_class_mask_is_refused(aoi: CommandLine, tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(content)
    outcome = aoi("regions", path)
    assert (outcome.status, outcome.out) == (1, "")
    assert reason in outcome.complaint


def test_a_mask_that_cannot_be_read_is_refused(aoi: CommandLine, tmp_path: Path) -> None:
    outcome = aoi("regions", tmp_path / "missing.png")
    assert outcome.status == 1
    assert "missing.png cannot be read: No such file or directory." in outcome.complaint
    assert "Is a directory" in aoi("regions", tmp_path).complaint
