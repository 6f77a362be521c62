"""What an upload is answered, field by field."""

import base64
import hashlib
import re
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aoi.adapters.image_reader import DecodingImageReader
from aoi.adapters.memory import MemoryDatabase, MemoryFileStore
from aoi.bootstrap import assemble
from aoi.domain.ports import InferenceEngine
from aoi.domain.version import aoi_version
from raw_http import file_part, text_part, upload
from sample_images import board, jpeg, png
from servers import Home, Server, opened, serving

LABELS = {
    "lot_id": "LOT-42",
    "panel_id": "P 7",
    "serial_number": "SN0001",
    "recipe": "Grün/2",
    "station": "AOI-1",
    "operator": "検査員",
}
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module", params=["files", "memory"])
def server(request: pytest.FixtureRequest, home: Home, engine: InferenceEngine) -> Generator[Server]:
    database = MemoryDatabase()
    in_memory = assemble(
        engine=engine,
        files=MemoryFileStore(),
        image_reader=DecodingImageReader(),
        unit_of_work=database.unit_of_work,
        database=database,
    )
    with serving(home.application(engine) if request.param == "files" else opened(in_memory)) as running:
        yield running


def answered(server: Server, content: bytes, filename: str = "board.png", **query: str) -> dict[str, Any]:
    answer = server.upload(content, filename, **query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_the_answer_has_the_fields_of_the_contract_and_no_other(server: Server) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    answer = answered(server, png())
    identity = answer["img_unique_id"]
    folder = f"{server.url}/download/image/{identity}"
    assert re.fullmatch(r"\d{8}_\d{6}_[0-9a-f]{20}", identity)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer["timestamp"])
    assert before <= datetime.fromisoformat(answer["timestamp"]) <= datetime.now(UTC)
    assert 0 < answer["processing_time"] < 30
    del answer["timestamp"], answer["processing_time"], answer["result"]
    assert answer == {
        "success": True,
        "img_unique_id": identity,
        "filename": "board.png",
        "total_defects": 2,
        "defect_classes": {"PI_Particle": 2},
        "images": {kind: f"{folder}/{kind}" for kind in ("input", "combined", "mask", "overlay")},
        "json_url": f"{server.url}/download/json/{identity}",
        "metadata": {
            "size_bytes": len(png()),
            "sha256": hashlib.sha256(png()).hexdigest(),
            "media_type": "image/png",
            "width": 48,
            "height": 32,
            "channels": 3,
            "bit_depth": 8,
            "labels": {},
            "engine": {"name": "memory", "aoi_version": aoi_version()},
            "attempts": 1,
        },
    }


def test_the_result_lists_every_class_and_the_count_only_those_with_regions(server: Server) -> None:
    answer = answered(server, png())
    result = answer["result"]
    assert result["image_shape"] == {"height": 32, "width": 48}
    assert result["performance"] == {"processing_time_seconds": 0.0, "timestamp": ""}
    assert list(result["classes"]) == ["PI_Particle", "PR_Peeling"]
    assert result["classes"]["PR_Peeling"] == {
        "class_id": 2,
        "total_regions": 0,
        "total_area_pixels": 0,
        "regions": [],
    }
    assert list(answer["defect_classes"]) == ["PI_Particle"]
    particles = result["classes"]["PI_Particle"]
    assert (particles["class_id"], particles["total_regions"], particles["total_area_pixels"]) == (1, 2, 23)
    assert particles["regions"][1] == {
        "region_id": 2,
        "centroid": {"x": 2.1, "y": 2.2},
        "bounding_box": {"x": 2, "y": 3, "width": 3, "height": 4},
        "area_pixels": 13,
        "perimeter": 2 + 1 / 3,
        "major_axis": 4.7,
        "minor_axis": 2.3,
        "circularity": 0.9,
        "aspect_ratio": 4.7 / 2.3,
    }


def test_every_url_in_the_answer_works(server: Server) -> None:
    answer = answered(server, png())
    assert server.client.get(answer["images"]["input"]).content == png()
    for kind in ("combined", "mask", "overlay"):
        picture = server.client.get(answer["images"][kind])
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
        assert picture.content.startswith(PNG)
    assert server.client.get(answer["json_url"]).json() == answer["result"]


def test_base64_holds_the_very_bytes_that_the_urls_give(server: Server) -> None:
    answer = answered(server, jpeg(), "board.jpg", images="base64")
    shown = {kind: base64.b64decode(text, validate=True) for kind, text in answer["images"].items()}
    assert shown["input"] == jpeg()
    folder = f"/download/image/{answer['img_unique_id']}"
    assert shown == {kind: server.client.get(f"{folder}/{kind}").content for kind in shown}
    assert set(shown) == {"input", "combined", "mask", "overlay"}


def test_the_media_type_is_that_of_the_content_whatever_the_name(server: Server) -> None:
    answer = answered(server, jpeg(), "board.png")
    assert answer["metadata"]["media_type"] == "image/jpeg"
    assert server.client.get(answer["images"]["input"]).headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("placed", ["before", "after", "around"])
def test_labels_may_stand_before_and_after_the_file(server: Server, placed: str) -> None:
    labels = [text_part(name, value) for name, value in LABELS.items()]
    position = {"before": 6, "after": 0, "around": 3}[placed]
    answer = upload(server.address, *labels[:position], file_part(png()), *labels[position:])
    assert answer.status == 200, answer.content
    identity = answer.json()["img_unique_id"]
    assert answer.json()["metadata"]["labels"] == LABELS
    assert server.client.get(f"/images/{identity}").json()["metadata"]["labels"] == LABELS


def test_a_name_in_any_script_is_kept(server: Server) -> None:
    assert answered(server, png(), "基板 übersicht №7.png")["filename"] == "基板 übersicht №7.png"


def test_unknown_query_parameters_are_passed_over(server: Server) -> None:
    assert answered(server, png(), page="7", images="url")["success"] is True


def test_twenty_uploads_at_once_are_twenty_right_answers(server: Server) -> None:
    contents = [png(board(40 + number, 32)) for number in range(20)]
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(server.upload, contents))
    assert [answer.status_code for answer in answers] == [200] * 20
    found = [answer.json() for answer in answers]
    assert [answer["metadata"]["sha256"] for answer in found] == [
        hashlib.sha256(content).hexdigest() for content in contents
    ]
    assert [answer["metadata"]["width"] for answer in found] == [40 + number for number in range(20)]
    assert len({answer["img_unique_id"] for answer in found}) == 20
    assert all(server.client.get(answer["images"]["input"]).content == contents[i] for i, answer in enumerate(found))


def test_unknown_values_of_images_are_refused_before_the_body_is_read(server: Server) -> None:
    answer = server.upload(png(), images="links")
    assert answer.status_code == 400
    assert answer.json() == {
        "type": "/problems/invalid-query",
        "title": "Invalid query",
        "status": 400,
        "detail": "images='links' is unknown; ask for images=url or images=base64.",
        "instance": "/upload",
    }
