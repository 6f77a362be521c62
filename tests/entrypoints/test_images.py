"""Asking what has become of an image, in each of its states."""

import dataclasses
from collections.abc import Generator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from aoi.adapters.image_reader import DecodingImageReader
from aoi.adapters.memory import MemoryDatabase, MemoryEngine, MemoryFileStore
from aoi.bootstrap import Application, assemble
from aoi.domain.image import Labels
from aoi.domain.inspection import Inspection, State
from aoi.testing.examples import an_inspection
from sample_images import png
from servers import Server, opened, serving


@pytest.fixture(scope="module")
def database() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture(scope="module")
def application(database: MemoryDatabase) -> Application:
    return assemble(
        engine=MemoryEngine(),
        files=MemoryFileStore(),
        image_reader=DecodingImageReader(),
        unit_of_work=database.unit_of_work,
        database=database,
    )


@pytest.fixture(scope="module")
def server(application: Application) -> Generator[Server]:
    with serving(opened(application)) as running:
        yield running


def added(server: Server, database: MemoryDatabase, inspection: Inspection) -> Inspection:
    async def add() -> None:
        async with database.unit_of_work() as unit:
            await unit.inspections.add(inspection)
            await unit.commit()

    server.run(add)
    return inspection


def asked(server: Server, inspection: Inspection) -> dict[str, Any]:
    answer = server.client.get(f"/images/{inspection.id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_inspected_image_is_told_whole(server: Server, database: MemoryDatabase) -> None:
    inspection = added(server, database, an_inspection(State.INSPECTED))
    image = asked(server, inspection)
    folder = f"{server.url}/download/image/{inspection.id}"
    result = image.pop("result")
    assert list(result["classes"]) == ["scratch", "void", "lötbrücke"]
    assert result == server.client.get(image["json_url"]).json()
    assert image == {
        "img_unique_id": inspection.id,
        "state": "inspected",
        "filename": "panel 7 übersicht.png",
        "timestamp": "2026-11-22T09:30:15.123Z",
        "changed_at": "2026-11-22T09:30:15.123Z",
        "images": {kind: f"{folder}/{kind}" for kind in ("input", "combined", "mask", "overlay")},
        "metadata": {
            "labels": {
                "lot_id": "LOT-42",
                "panel_id": "P 7",
                "serial_number": "SN0001",
                "recipe": "Grün/2",
                "station": "AOI-1",
                "operator": "検査員",
            },
            "attempts": 2,
            "size_bytes": 5_000_000_000,
            "sha256": "ab" * 32,
            "media_type": "image/tiff",
            "width": 640,
            "height": 480,
            "channels": 4,
            "bit_depth": 16,
            "engine": {
                "name": "segformer",
                "model": "b0",
                "version": "1.2.3",
                "digest": "sha256:" + "cd" * 32,
                "device": "cpu",
                "reference": "answer-17",
                "parameters": {"threshold": 0.5, "tiling": "512"},
                "aoi_version": "0.1.0",
            },
        },
        "total_defects": 4,
        "defect_classes": {"scratch": 1, "void": 3},
        "json_url": f"{server.url}/download/json/{inspection.id}",
    }


@pytest.mark.parametrize("state", [State.RECEIVED, State.INSPECTING])
def test_an_image_on_its_way_tells_how_far_it_is(server: Server, database: MemoryDatabase, state: State) -> None:
    image = asked(server, added(server, database, an_inspection(state)))
    assert image["state"] == state
    assert list(image["images"]) == ["input"]
    assert image["metadata"]["attempts"] == (2 if state is State.INSPECTING else 0)
    assert not {"result", "error", "retry_url", "json_url", "total_defects", "defect_classes"} & image.keys()


def test_a_failed_image_tells_why_and_where_to_retry(server: Server, database: MemoryDatabase) -> None:
    inspection = added(server, database, an_inspection(State.FAILED))
    image = asked(server, inspection)
    assert image["error"]["type"] == "/problems/engine-timed-out"
    assert image["error"]["status"] == 504
    assert image["retry_url"] == f"{server.url}/images/{inspection.id}/retry"


@pytest.mark.parametrize("state", [State.RECEIVING, State.DELETING])
@pytest.mark.parametrize("path", ["/images/{}", "/download/image/{}/input", "/download/json/{}"])
def test_what_is_not_acknowledged_or_on_its_way_out_is_not_told(
    server: Server, database: MemoryDatabase, state: State, path: str
) -> None:
    inspection = added(server, database, an_inspection(state))
    answer = server.client.get(path.format(inspection.id))
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/inspection-not-found")


def test_an_image_that_was_not_acknowledged_cannot_be_retried(server: Server, database: MemoryDatabase) -> None:
    inspection = added(server, database, an_inspection(State.RECEIVING))
    answer = server.client.post(f"/images/{inspection.id}/retry")
    assert answer.status_code == 409


@pytest.mark.parametrize("state", [State.RECEIVED, State.INSPECTING, State.INSPECTED])
def test_only_a_failed_image_is_retried(server: Server, database: MemoryDatabase, state: State) -> None:
    inspection = added(server, database, an_inspection(state))
    answer = server.client.post(f"/images/{inspection.id}/retry")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/inspection-not-failed")
    assert answer.json()["instance"] == f"/images/{inspection.id}/retry"


def test_an_unknown_image_is_not_found(server: Server) -> None:
    for path in ("/images/20260101_000000_00", "/images/..%2Fetc", "/images/%00", "/images/" + "9" * 3000):
        answer = server.client.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_an_adopted_record_tells_what_is_known_of_it(server: Server, database: MemoryDatabase) -> None:
    inspection = dataclasses.replace(an_inspection(), id="20250101_000000_adopted", facts=None, labels=Labels())
    metadata = asked(server, added(server, database, inspection))["metadata"]
    assert metadata["labels"] == {}
    assert "sha256" not in metadata


def test_times_are_told_in_utc(server: Server, database: MemoryDatabase) -> None:
    inspection = an_inspection(
        now=datetime(2026, 2, 25, 10, 30, 45, 120_000, tzinfo=UTC).astimezone(timezone(timedelta(hours=8)))
    )
    assert asked(server, added(server, database, inspection))["timestamp"] == "2026-02-25T10:30:45.120Z"


def test_an_inspection_that_somebody_else_took_over_is_a_conflict(server: Server, database: MemoryDatabase) -> None:
    class Overtaken(MemoryEngine):
        async def inspect(self, image: Any) -> Any:
            records = dict(await database.begin(read_only=True))
            inspecting = records[image.id]
            records[image.id] = inspecting.claimed(inspecting.changed_at, inspecting.changed_at)
            database.commit(records)
            return await super().inspect(image)

    overtaken = assemble(
        engine=Overtaken(),
        files=MemoryFileStore(),
        image_reader=DecodingImageReader(),
        unit_of_work=database.unit_of_work,
        database=database,
    )
    with serving(opened(overtaken)) as other:
        answer = other.upload(png())
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/inspection-changed")
    assert answer.json()["status_url"].endswith(answer.json()["img_unique_id"])
