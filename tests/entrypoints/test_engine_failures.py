"""The engine's service fails in every way: the upload is kept, and the answer says how to go on."""

import shutil
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from aoi.adapters.inference.segformer_http import SegFormerHttp
from aoi.bootstrap import Application
from aoi.domain.limits import Limits
from sample_images import png
from segformer_answers import current_answer
from segformer_stub import Reply, SegformerStub, refused_port
from servers import Home, Server, eventually, serving


@pytest.fixture(scope="module")
def stub() -> Generator[SegformerStub]:
    with SegformerStub() as running:
        yield running


@asynccontextmanager
async def on_service(home: Home, url: str, *, seconds_a_try: float = 5.0) -> AsyncGenerator[Application]:
    service = SegFormerHttp(url, timeout=seconds_a_try, attempts=2, deadline=20, backoff=0.01)
    try:
        async with home.application(service, limits=Limits(inference_deadline=30)) as application:
            yield application
    finally:
        await service.close()


@pytest.fixture(scope="module")
def server(home: Home, stub: SegformerStub) -> Generator[Server]:
    with serving(on_service(home, stub.url)) as running:
        yield running


@pytest.fixture
def hasty(tmp_path_factory: pytest.TempPathFactory, stub: SegformerStub) -> Generator[tuple[Server, Home]]:
    """A server that waits for a try of its engine a quarter of a second."""
    home = Home(tmp_path_factory.mktemp("hasty"))
    with serving(on_service(home, stub.url, seconds_a_try=0.25)) as running:
        yield running, home


def tampered(change: Callable[[dict[str, Any]], object]) -> Reply:
    """A valid answer for the test image, after `change`."""
    answer = current_answer(48, 32)
    change(answer)
    return Reply.json(answer)


def results(answer: dict[str, Any]) -> dict[str, Any]:
    return answer["analysis_results"]


FAILURES = {
    "it refuses": (Reply.failure(400, "不支持的文件类型"), 502, "engine-refused", "不支持的文件类型"),
    "it finds it too large": (Reply.failure(413, "too large"), 502, "engine-refused", "status 413"),
    "it fails": (Reply.failure(500, "out of memory"), 502, "engine-failed", "out of memory"),
    "it is not ready": (Reply.failure(503, "model not loaded"), 503, "engine-unavailable", "model not loaded"),
    "its proxy answers HTML": (Reply(502, b"<html>Bad gateway</html>", "text/html"), 503, "engine-unavailable", "502"),
    "its proxy waited too long": (Reply(504, b"<html></html>", "text/html"), 504, "engine-timed-out", "504"),
    "it answers HTML": (Reply(200, b"<html>hello</html>", "text/html"), 502, "invalid-engine-answer", ""),
    "it redirects": (Reply(302, headers={"Location": "/login"}), 502, "invalid-engine-answer", "redirects"),
    "half an answer": (Reply(200, Reply.json(current_answer(48, 32)).body, cut_after=900), 503, "engine-un", ""),
    "half a JSON": (Reply(200, Reply.json(current_answer(48, 32)).body[:900]), 502, "invalid-engine-answer", ""),
    "it resets the connection": (Reply(reset=True), 503, "engine-unavailable", ""),
    "a wrong count": (
        tampered(lambda answer: results(answer)["classes"]["1_PI_Particle"].update(total_regions=4)),
        502,
        "invalid-engine-answer",
        "PI_Particle",
    ),
    "a wrong sum": (tampered(lambda answer: answer.update(total_defects=8)), 502, "invalid-engine-answer", ""),
    "a wrong shape": (
        tampered(lambda answer: results(answer).update(image_shape={"height": 99, "width": 48})),
        502,
        "invalid-engine-answer",
        "99",
    ),
    "not a PNG": (tampered(lambda answer: answer.update(mask_image="R0lGODlh")), 502, "invalid-engine-answer", "PNG"),
    "no picture": (tampered(lambda answer: answer.pop("mask_image")), 502, "invalid-engine-answer", "mask_image"),
}


def assert_kept(server: Server, home: Home, answer: httpx.Response, status: int, code: str) -> str:
    """The upload is there, its results are not; returns the image's id."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("retry-after" in answer.headers) is (status == 503)
    problem = answer.json()
    identity = problem["img_unique_id"]
    assert problem["type"].startswith(f"/problems/{code}")
    assert problem["instance"].startswith(("/upload", "/images/"))
    assert problem["status_url"] == f"{server.url}/images/{identity}"
    assert problem["retry_url"] == f"{server.url}/images/{identity}/retry"
    assert list(home.files()) == [f"uploads/{identity[:8]}/{identity}/original.png"]
    assert home.files()[f"uploads/{identity[:8]}/{identity}/original.png"] == png()
    assert home.counts() == {"images": 0, "classes": 0, "regions": 0, "inspections": 1}
    assert home.rows("inspections")[0]["state"] == "failed"
    return identity


@pytest.fixture(autouse=True)
def clean(server: Server, home: Home, stub: SegformerStub) -> Generator[None]:
    """Each test begins with nothing in its database and its store, and with a service that is well."""
    with sqlite3.connect(home.database) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM images")
        connection.execute("DELETE FROM inspections")
    connection.close()
    for folder in home.store.iterdir():
        shutil.rmtree(folder)
    stub.requests.clear()
    yield
    stub.next_answers.clear()


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_keeps_the_upload_and_a_retry_inspects_it(
    server: Server, home: Home, stub: SegformerStub, kind: str
) -> None:
    reply, status, code, words = FAILURES[kind]
    stub.next_answers.extend([reply] * 2)
    answer = server.upload(png())
    identity = assert_kept(server, home, answer, status, code)
    assert words in answer.json()["detail"]
    stub.next_answers.clear()

    retried = server.client.post(answer.json()["retry_url"])
    assert retried.status_code == 200, retried.text
    assert retried.json()["img_unique_id"] == identity
    assert retried.json()["total_defects"] == 7
    assert retried.json()["metadata"]["attempts"] == 2
    assert home.counts() == {"images": 1, "classes": 4, "regions": 7, "inspections": 1}
    assert server.client.get(retried.json()["images"]["mask"]).status_code == 200


def test_a_service_that_is_down_is_unavailable(home: Home, server: Server) -> None:
    with refused_port() as port, serving(on_service(home, f"http://127.0.0.1:{port}")) as without:
        answer = without.upload(png())
    assert_kept(without, home, answer, 503, "engine-unavailable")
    assert "AOI_INFERENCE_URL" in answer.json()["detail"]
    identity = answer.json()["img_unique_id"]
    assert server.client.post(f"/images/{identity}/retry").status_code == 200


def test_a_slow_service_times_out(hasty: tuple[Server, Home], stub: SegformerStub) -> None:
    server, home = hasty
    stub.next_answers.extend([Reply(delay=2)] * 2)
    began = time.monotonic()
    answer = server.upload(png())
    assert_kept(server, home, answer, 504, "engine-timed-out")
    assert time.monotonic() - began < 2
    stub.next_answers.clear()
    assert server.client.post(answer.json()["retry_url"]).status_code == 200


def test_retry_after_is_what_the_service_says(server: Server, stub: SegformerStub) -> None:
    stub.next_answers.extend([Reply.failure(503, "loading", Retry_After="0")] * 2)
    assert int(server.upload(png()).headers["retry-after"]) >= 1


def test_a_failed_image_tells_its_state_and_its_reason(server: Server, stub: SegformerStub) -> None:
    stub.next_answers.append(Reply.failure(500, "out of memory"))
    stub.next_answers.append(Reply.failure(500, "out of memory"))
    failed = server.upload(png()).json()
    image = server.client.get(failed["status_url"]).json()
    assert image["state"] == "failed"
    assert image["retry_url"] == failed["retry_url"]
    assert image["error"] == {
        "type": failed["type"],
        "title": failed["title"],
        "status": 502,
        "detail": failed["detail"],
    }
    assert list(image["images"]) == ["input"]
    assert "result" not in image
    for path in (f"/download/image/{image['img_unique_id']}/mask", f"/download/json/{image['img_unique_id']}"):
        missing = server.client.get(path)
        assert (missing.status_code, missing.json()["type"]) == (404, "/problems/file-missing")
        assert "failed" in missing.json()["detail"]


def test_a_retry_that_fails_again_keeps_the_upload(server: Server, home: Home, stub: SegformerStub) -> None:
    stub.next_answers.extend([Reply.failure(500, "out of memory")] * 4)
    first = server.upload(png()).json()
    again = server.client.post(first["retry_url"])
    assert_kept(server, home, again, 502, "engine-failed")
    assert server.client.get(first["status_url"]).json()["metadata"]["attempts"] == 2


def test_only_what_failed_is_retried(server: Server) -> None:
    inspected = server.upload(png()).json()["img_unique_id"]
    refused = server.client.post(f"/images/{inspected}/retry")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/inspection-not-failed")
    assert "inspected" in refused.json()["detail"]
    unknown = server.client.post("/images/20260101_000000_00/retry")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/inspection-not-found")


def test_a_retry_may_ask_for_base64_and_refuses_what_is_unknown(server: Server, stub: SegformerStub) -> None:
    stub.next_answers.extend([Reply.failure(500, "no")] * 2)
    failed = server.upload(png()).json()
    assert server.client.post(failed["retry_url"], params={"images": "links"}).status_code == 400
    assert server.client.get(failed["status_url"]).json()["state"] == "failed"
    retried = server.client.post(failed["retry_url"], params={"images": "base64"})
    assert not retried.json()["images"]["mask"].startswith("http")


def test_the_stored_rows_equal_what_the_service_said_number_for_number(
    server: Server, home: Home, stub: SegformerStub
) -> None:
    said: list[dict[str, Any]] = []

    def odd_numbers(_: object) -> Reply:
        answer = current_answer(48, 32, regions=(9, 0, 3, 1))
        for found in results(answer)["classes"].values():
            for region in found["regions"]:
                region.update(perimeter=1 / 3 * region["region_id"], circularity=0.1 + 0.2, aspect_ratio=4 / 3)
        said.append(answer)
        return Reply.json(answer)

    stub.next_answers.append(odd_numbers)
    identity = server.upload(png()).json()["img_unique_id"]
    [image] = home.rows("images")
    assert (image["img_unique_id"], image["image_height"], image["image_width"]) == (identity, 32, 48)
    assert image["processing_time_seconds"] == results(said[0])["performance"]["processing_time_seconds"]
    classes = {row["class_unique_id"]: row for row in home.rows("classes")}
    assert {
        f"{row['class_id']}_{row['class_name']}": (row["class_id"], row["total_regions"], row["total_area_pixels"])
        for row in classes.values()
    } == {
        name: (found["class_id"], found["total_regions"], found["total_area_pixels"])
        for name, found in results(said[0])["classes"].items()
    }
    stored = [
        (
            classes[row["class_unique_id"]]["class_id"],
            *(row[name] for name in ("region_id", "centroid_x", "centroid_y")),
            *(row[name] for name in ("bbox_x", "bbox_y", "bbox_width", "bbox_height", "area_pixels")),
            *(row[name] for name in ("perimeter", "major_axis", "minor_axis", "circularity", "aspect_ratio")),
        )
        for row in home.rows("regions")
    ]
    assert sorted(stored) == sorted(
        (
            found["class_id"],
            region["region_id"],
            *region["centroid"].values(),
            *region["bounding_box"].values(),
            *(region[name] for name in ("area_pixels", "perimeter", "major_axis", "minor_axis")),
            *(region[name] for name in ("circularity", "aspect_ratio")),
        )
        for found in results(said[0])["classes"].values()
        for region in found["regions"]
    )


def test_the_password_of_the_service_reaches_no_answer(home: Home, server: Server) -> None:
    with refused_port() as port, serving(on_service(home, f"http://aoi:hunter2@127.0.0.1:{port}")) as secret:
        answers = [secret.upload(png()), secret.client.get("/health/ready"), secret.client.get("/openapi.json")]
    assert answers[0].status_code == 503
    assert eventually(lambda: len(home.rows("inspections")) == 1)
    assert "hunter2" not in "".join(answer.text + str(answer.headers) for answer in answers)
    assert "hunter2" not in str(home.rows("inspections"))
