"""Taking files away: validators, ranges, names, and what is not there."""

import hashlib
import sqlite3
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import msgspec
import pytest

from raw_http import file_part, upload
from sample_images import jpeg, noise, png, tiff
from servers import Home, Server

CONTENT = png(noise(400, 400))
ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'
SIZE = len(CONTENT)


@pytest.fixture(scope="module")
def uploaded(server: Server) -> dict[str, Any]:
    return server.upload(CONTENT, "board.png").json()


@pytest.fixture
def path(uploaded: dict[str, Any]) -> str:
    return f"/download/image/{uploaded['img_unique_id']}/input"


def test_a_file_comes_with_all_that_a_cache_needs(server: Server, home: Home, path: str) -> None:
    answer = server.client.get(path)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["etag"] == ETAG
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"
    changed = parsedate_to_datetime(answer.headers["last-modified"])
    assert abs(datetime.now(UTC) - changed) < timedelta(minutes=2)
    assert answer.headers["content-disposition"] == "inline; filename=\"board.png\"; filename*=UTF-8''board.png"


@pytest.mark.parametrize(
    ("content", "media_type"), [(jpeg(), "image/jpeg"), (png(), "image/png"), (tiff(), "image/tiff")]
)
def test_the_input_has_the_media_type_of_its_content(server: Server, content: bytes, media_type: str) -> None:
    identity = server.upload(content, "board.txt").json()["img_unique_id"]
    answer = server.client.get(f"/download/image/{identity}/input")
    assert (answer.headers["content-type"], answer.content) == (media_type, content)


@pytest.mark.parametrize("kind", ["combined", "mask", "overlay"])
def test_the_etag_of_a_picture_is_the_stored_digest(
    server: Server, home: Home, uploaded: dict[str, Any], kind: str
) -> None:
    answer = server.client.get(uploaded["images"][kind])
    [row] = [row for row in home.rows("inspections") if row["id"] == uploaded["img_unique_id"]]
    assert answer.headers["etag"] == f'"{row[f"{kind}_sha256"]}"' == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert answer.headers["content-length"] == str(row[f"{kind}_size_bytes"])
    assert f'filename="board_{kind}.png"' in answer.headers["content-disposition"]


def test_the_analysis_is_the_result_of_the_upload(server: Server, uploaded: dict[str, Any]) -> None:
    answer = server.client.get(uploaded["json_url"])
    assert answer.json() == uploaded["result"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert 'filename="board.json"' in answer.headers["content-disposition"]
    part = server.client.get(uploaded["json_url"], headers={"Range": "bytes=2-9"})
    assert (part.status_code, part.content) == (206, answer.content[2:10])


@pytest.mark.parametrize("tags", [ETAG, f'W/{ETAG}, "other"', f'"other", {ETAG}', "*"])
def test_a_client_that_has_the_file_is_told_so(server: Server, path: str, tags: str) -> None:
    answer = server.client.get(path, headers={"If-None-Match": tags})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == ETAG
    assert "last-modified" in answer.headers


def test_another_version_is_sent_whole(server: Server, path: str) -> None:
    assert server.client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(("hours", "status"), [(0, 304), (1, 304), (-1, 200)])
def test_a_date_tells_whether_the_client_has_the_file(server: Server, path: str, hours: int, status: int) -> None:
    changed = parsedate_to_datetime(server.client.get(path).headers["last-modified"])
    since = format_datetime(changed + timedelta(hours=hours), usegmt=True)
    assert server.client.get(path, headers={"If-Modified-Since": since}).status_code == status


@pytest.mark.parametrize("date", ["yesterday", "", "Sun, 22 Nov 2026 19:01:40 -0000"])
def test_a_date_that_is_none_is_passed_over(server: Server, path: str, date: str) -> None:
    assert server.client.get(path, headers={"If-Modified-Since": date}).status_code == 200


def test_a_tag_goes_before_a_date(server: Server, path: str) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
    answer = server.client.get(path, headers={"If-None-Match": '"other"', "If-Modified-Since": later})
    assert answer.status_code == 200


RANGES = {
    "bytes=0-99": (0, 100),
    "bytes=100-199": (100, 200),
    "bytes=100-": (100, SIZE),
    "bytes=-50": (SIZE - 50, SIZE),
    f"bytes=-{SIZE + 9}": (0, SIZE),
    f"bytes=5-{SIZE + 9}": (5, SIZE),
    "bytes=0-0": (0, 1),
    f"bytes={SIZE - 1}-": (SIZE - 1, SIZE),
    "bytes = 3 - 4": (3, 5),
}


@pytest.mark.parametrize("header", RANGES)
def test_a_range_is_sent_alone(server: Server, path: str, header: str) -> None:
    start, end = RANGES[header]
    answer = server.client.get(path, headers={"Range": header})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == CONTENT[start:end]


@pytest.mark.parametrize("header", [f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}", "bytes=-0"])
def test_a_range_beyond_the_end_cannot_be_sent(server: Server, path: str, header: str) -> None:
    answer = server.client.get(path, headers={"Range": header})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{SIZE}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/range-not-satisfiable"
    assert f"{SIZE:,} bytes" in answer.json()["detail"]


@pytest.mark.parametrize("header", ["bytes=0-1,5-6", "bytes=9-3", "bytes=a-b", "lines=1-2", "bytes=", "bytes=-", ""])
def test_what_is_no_single_range_is_answered_with_the_file(server: Server, path: str, header: str) -> None:
    answer = server.client.get(path, headers={"Range": header})
    assert (answer.status_code, len(answer.content)) == (200, SIZE)


@pytest.mark.parametrize(("condition", "status"), [(ETAG, 206), ('"other"', 200), (f"W/{ETAG}", 200)])
def test_a_range_of_another_version_is_not_sent(server: Server, path: str, condition: str, status: int) -> None:
    answer = server.client.get(path, headers={"Range": "bytes=0-9", "If-Range": condition})
    assert answer.status_code == status


@pytest.mark.parametrize("kind", ["input", "mask"])
def test_head_tells_what_get_would_send(server: Server, uploaded: dict[str, Any], kind: str) -> None:
    got, headed = server.client.get(uploaded["images"][kind]), server.client.head(uploaded["images"][kind])
    assert (headed.status_code, headed.content) == (200, b"")
    del got.headers["date"], headed.headers["date"]
    assert headed.headers == got.headers


def test_head_knows_no_ranges_but_validators(server: Server, path: str, uploaded: dict[str, Any]) -> None:
    assert server.client.head(path, headers={"Range": "bytes=0-9"}).headers["content-length"] == str(SIZE)
    assert server.client.head(path, headers={"If-None-Match": ETAG}).status_code == 304
    assert server.client.head(uploaded["json_url"]).headers["content-type"] == "application/json"
    assert server.client.head(path + "s").status_code == 404


@pytest.mark.parametrize(
    ("sent", "plain", "full"),
    [
        ("基板 7.png", "__ 7.png", "%E5%9F%BA%E6%9D%BF%207.png"),
        ("%22quoted%22; x=y.png", "_quoted_; x=y.png", "%22quoted%22%3B%20x%3Dy.png"),
        ("übersicht.png", "_bersicht.png", "%C3%BCbersicht.png"),
        ("a/b.png", "b.png", "b.png"),
    ],
)
def test_a_name_to_save_by_is_in_ascii_and_in_full(server: Server, sent: str, plain: str, full: str) -> None:
    identity = upload(server.address, file_part(png(), sent)).json()["img_unique_id"]
    answer = server.client.get(f"/download/image/{identity}/input")
    assert answer.headers["content-disposition"] == f"inline; filename=\"{plain}\"; filename*=UTF-8''{full}"


def test_a_name_without_extension_gives_names_to_what_is_made_of_it(server: Server) -> None:
    answer = server.upload(png(), "board").json()
    for url, name in ((answer["images"]["mask"], "board_mask.png"), (answer["json_url"], "board.json")):
        assert f'filename="{name}"' in server.client.get(url).headers["content-disposition"]


def test_what_is_not_there_is_not_found(server: Server, uploaded: dict[str, Any]) -> None:
    identity = uploaded["img_unique_id"]
    for path, code, words in (
        ("/download/image/20260101_000000_00/input", "inspection-not-found", "no inspection"),
        ("/download/json/20260101_000000_00", "inspection-not-found", "no inspection"),
        (f"/download/image/{identity}/thumb", "file-missing", "input, combined, mask, overlay"),
        (f"/download/image/{identity}/{'x' * 2000}", "file-missing", "The pictures are"),
        (f"/download/image/{identity}", "not-found", "/docs"),
    ):
        answer = server.client.get(path)
        assert answer.status_code == 404
        assert answer.json()["type"] == f"/problems/{code}"
        assert words in answer.json()["detail"]
        assert len(answer.json()["detail"]) < 200


def test_a_file_that_is_gone_from_the_store_is_not_found(server: Server, home: Home) -> None:
    answer = server.upload(png()).json()
    identity = answer["img_unique_id"]
    (home.store / f"results/{identity[:8]}/{identity}/1/mask.png").unlink()
    gone = server.client.get(answer["images"]["mask"])
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/file-missing")
    assert server.client.get(answer["images"]["overlay"]).status_code == 200
    whole = server.upload(png(), images="base64")
    assert whole.status_code == 200
    assert msgspec.json.decode(whole.content)["images"]["mask"]


def test_a_picture_of_an_adopted_record_has_no_etag(server: Server, home: Home) -> None:
    answer = server.upload(png()).json()
    with sqlite3.connect(home.database) as connection:
        connection.execute(
            "UPDATE inspections SET mask_sha256 = NULL, mask_size_bytes = NULL WHERE id = ?", (answer["img_unique_id"],)
        )
    connection.close()
    mask = server.client.get(answer["images"]["mask"], headers={"If-None-Match": ETAG})
    assert mask.status_code == 200
    assert "etag" not in mask.headers
