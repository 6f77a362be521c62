"""Images and names of unusual kinds that are taken all the same, by the engine that runs in this process."""

import base64
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from aoi.adapters.inference.embedded import EmbeddedEngine
from aoi.domain.ports import InferenceEngine
from raw_http import file_part, part, upload
from sample_images import bmp, board, grey_board, jpeg, png, tiff, translucent
from servers import Home, Server


@pytest.fixture(scope="module")
def engine() -> InferenceEngine:
    return EmbeddedEngine()


def answered(server: Server, *parts: bytes) -> dict[str, Any]:
    answer = upload(server.address, *parts)
    assert answer.status == 200, answer.content
    return answer.json()


IMAGES = {
    "palette": (png(board().convert("P")), "image/png", 1),
    "grey": (png(grey_board()), "image/png", 1),
    "grey JPEG": (jpeg(grey_board()), "image/jpeg", 1),
    "an alpha channel that hides nothing": (png(translucent(board(), 255)), "image/png", 4),
    "TIFF": (tiff(), "image/tiff", 3),
    "BMP": (bmp(), "image/bmp", 3),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_images_of_every_common_kind_are_inspected(server: Server, kind: str) -> None:
    content, media_type, channels = IMAGES[kind]
    answer = answered(server, file_part(content))
    assert answer["metadata"]["media_type"] == media_type
    assert answer["metadata"]["channels"] == channels
    assert server.client.get(f"/download/image/{answer['img_unique_id']}/input").content == content


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_photographs_are_inspected_upright(server: Server, orientation: int) -> None:
    content = jpeg(board(), orientation)
    answer = server.upload(content, "board.jpg", images="base64").json()
    assert answer["result"]["image_shape"] == {"height": 32, "width": 48}
    assert (answer["metadata"]["width"], answer["metadata"]["height"]) == (48, 32)
    shown = {kind: base64.b64decode(text) for kind, text in answer["images"].items()}
    assert shown["input"] == content
    assert [Image.open(BytesIO(shown[kind])).size for kind in ("mask", "overlay", "combined")] == [
        (48, 32),
        (48, 32),
        (96, 32),
    ]


NAMES = {
    "a path": ("../../etc/passwd", "passwd"),
    "a Windows path": ("C:\\boards\\7.png", "7.png"),
    "a path on Windows": ("..\\..\\boot.ini", "boot.ini"),
    "quotes": ("7%22 board.png", '7" board.png'),
    "Chinese": ("基板.png", "基板.png"),
    "no extension": ("board", "board"),
    "markup": ("<script>.png", "<script>.png"),
    "255 characters": ("a" * 251 + ".png", "a" * 251 + ".png"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_is_kept_without_folders_and_reaches_no_key(server: Server, home: Home, kind: str) -> None:
    sent, kept = NAMES[kind]
    answer = answered(server, file_part(png(), sent))
    identity = answer["img_unique_id"]
    assert answer["filename"] == kept
    assert f"uploads/{identity[:8]}/{identity}/original.png" in home.files()
    assert not any(word in key for key in home.files() for word in ("passwd", "boot", "基板", "script"))
    assert all(key.startswith(("uploads/", "results/")) for key in home.files())
    [row] = [row for row in home.rows("inspections") if row["id"] == identity]
    assert (row["filename"], row["file_key"]) == (kept, f"uploads/{identity[:8]}/{identity}/original.png")


@pytest.mark.parametrize(
    "disposition",
    [
        'name="image"; filename="=?utf-8?B?5Z+65p2/LnBuZw==?="; filename*=utf-8\'\'%E5%9F%BA%E6%9D%BF.png',
        "name=image; filename*=UTF-8''%E5%9F%BA%E6%9D%BF.png; filename=x.png",
        "name=image; filename=x.png; filename*=utf-8'zh'%E5%9F%BA%E6%9D%BF.png",
        "name=image; filename*=utf-8''%E5%9F%BA%E6%9D%BF.png",
    ],
)
def test_a_name_after_rfc_5987_goes_before_the_mangled_one(server: Server, disposition: str) -> None:
    assert answered(server, part(disposition, png()))["filename"] == "基板.png"


def test_a_folder_in_a_name_after_rfc_5987_is_cut_off_too(server: Server) -> None:
    answer = answered(server, part("name=image; filename=x; filename*=utf-8''..%2F..%2Fetc%2Fpasswd", png()))
    assert answer["filename"] == "passwd"
