"""What cannot be inspected is refused with its reason, and leaves nothing."""

from collections.abc import Generator
from typing import Any

import msgspec
import pytest

from aoi.adapters.inference.embedded import EmbeddedEngine
from aoi.domain.ports import InferenceEngine
from raw_http import BOUNDARY, Answer, ask, body, file_part, head, part, text_part, upload
from sample_images import (
    animated_png,
    bmp,
    board,
    bomb_png,
    deep,
    grey_board,
    jpeg,
    multipage_tiff,
    png,
    tiff,
    translucent,
    truncated,
)
from servers import Home, Server


@pytest.fixture(scope="module")
def engine() -> InferenceEngine:
    return EmbeddedEngine()


@pytest.fixture(autouse=True)
def nothing_is_left(home: Home, server: Server) -> Generator[None]:
    yield
    assert home.counts() == {"images": 0, "classes": 0, "regions": 0, "inspections": 0}
    assert home.files() == {}


def assert_problem(answer: Answer, status: int, code: str, *words: str) -> dict[str, Any]:
    """A whole problem, whose detail has these words in it."""
    assert answer.status == status, answer.content
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    detail = problem.pop("detail")
    assert problem == {
        "type": f"/problems/{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "instance": "/upload",
    }
    assert detail.endswith(".")
    for word in words:
        assert word in detail
    return problem


IMAGES = {
    "a text file named .png": (b"no image at all\n" * 9, 415, "unsupported-media-type", "Convert it"),
    "a GIF": (b"GIF89a" + bytes(100), 415, "unsupported-media-type", "JPEG, PNG, TIFF or BMP"),
    "a PDF": (b"%PDF-1.7\n" + bytes(100), 415, "unsupported-media-type", "its name does not matter"),
    "an empty file": (b"", 422, "empty-image", "Send the file's content"),
    "a truncated JPEG": (truncated(jpeg()), 422, "corrupt-image", "Send the whole file again"),
    "a JPEG without its last bytes": (truncated(jpeg(), 0.9), 422, "corrupt-image", "truncated"),
    "a truncated PNG": (truncated(png()), 422, "corrupt-image", "Send the whole file again"),
    "a PNG without its end": (png()[:-12], 422, "corrupt-image", "truncated"),
    "a PNG's signature alone": (png()[:8], 422, "corrupt-image", "truncated"),
    "a truncated TIFF": (truncated(tiff()), 422, "corrupt-image", "truncated"),
    "a truncated BMP": (truncated(bmp()), 422, "corrupt-image", "truncated"),
    "60,000 × 60,000 pixels": (bomb_png(), 422, "too-many-pixels", "60,000 × 60,000", "AOI_MAX_IMAGE_MEGAPIXELS"),
    "an animated PNG": (animated_png(), 422, "several-frames", "an image of its own"),
    "a TIFF of two pages": (multipage_tiff(), 422, "several-frames", "an image of its own"),
    "16 bits": (deep(), 422, "unsupported-pixels", "16 bits", "Convert it to 8 bits"),
    "16 bits in a TIFF": (deep(".tiff"), 422, "unsupported-pixels", "16 bits", "Convert it"),
    "transparency": (png(translucent(board())), 422, "unsupported-pixels", "transparent", "Flatten"),
    "transparency in grey": (png(translucent(grey_board())), 422, "unsupported-pixels", "transparent", "Flatten"),
    "CMYK": (jpeg(board().convert("CMYK")), 422, "unsupported-pixels", "cmyk", "Convert it to RGB"),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_what_is_no_image_to_inspect_is_refused(server: Server, kind: str) -> None:
    content, status, code, *words = IMAGES[kind]
    assert_problem(upload(server.address, file_part(content)), status, code, *words)


NAMES = {
    "empty": ("", "Send one"),
    "blank": ("   ", "1 to 255 printable"),
    "dots alone": ("..", "1 to 255 printable"),
    "a folder alone": ("boards/", "1 to 255 printable"),
    "with NUL": ("a\0b.png", "1 to 255 printable"),
    "with a line break": ("a%0Ab.png", "1 to 255 printable"),
    "300 characters": ("a" * 300 + ".png", "1 to 255 printable"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_unusable_file_names_are_refused(server: Server, kind: str) -> None:
    name, words = NAMES[kind]
    assert_problem(upload(server.address, file_part(png(), name)), 400, "invalid-filename", words)


def test_a_file_name_of_five_thousand_characters_is_over_the_limit_of_a_header(server: Server) -> None:
    answer = upload(server.address, file_part(png(), "a" * 5000 + ".png"))
    assert_problem(answer, 400, "malformed-upload", "header length", "shorter names")


def test_a_file_name_that_is_not_utf_8_is_refused(server: Server) -> None:
    answer = upload(server.address, part(b'name="image"; filename="\xb0\xe5.png"', png()))
    assert_problem(answer, 400, "malformed-upload", "failed to decode")


FORMS = {
    "no file": ([text_part("lot_id", "7")], "no file part 'image'"),
    "nothing": ([b""], "no file part 'image'"),
    "two files": ([file_part(png()), file_part(png())], "several file parts"),
    "another field name": ([file_part(png(), name="file")], "named 'file'; name it 'image'"),
    "no field name": ([part('filename="a.png"', png())], "named ''; name it 'image'"),
    "text in place of a file": ([text_part("image", "board.png")], "send it as a file"),
    "an unknown text": ([text_part("colour", "red"), file_part(png())], "'colour' is unknown", "lot_id, panel_id"),
    "an unknown text after the file": ([file_part(png()), text_part("colour", "red")], "'colour' is unknown"),
    "a label twice": (
        [text_part("lot_id", "1"), file_part(png()), text_part("lot_id", "1")],
        "'lot_id' is there twice",
    ),
    "a thousand parts": ([text_part("lot_id", "x")] * 1000, "'lot_id' is there twice"),
    "a part of many headers": ([part("name=lot_id", b"x", *["X: y"] * 20)], "header count"),
    "no disposition": ([f"--{BOUNDARY}\r\nContent-Type: image/png\r\n\r\n".encode() + png() + b"\r\n"], "malformed"),
    "another disposition": (
        [f"--{BOUNDARY}\r\nContent-Disposition: attachment; name=image\r\n\r\nx\r\n".encode()],
        "Wrong type",
    ),
    "a part that says it is shorter": (
        [part('name="image"; filename="a.png"', png(), "Content-Length: 10")],
        "Content-Length exceeded",
    ),
    "a part that says it is longer": (
        [part('name="image"; filename="a.png"', png(), "Content-Length: 1000000")],
        "does not match",
    ),
}


@pytest.mark.parametrize("kind", FORMS)
def test_malformed_forms_are_refused(server: Server, kind: str) -> None:
    parts, *words = FORMS[kind]
    assert_problem(upload(server.address, *parts), 400, "malformed-upload", *words)


LABELS = {
    "empty": ("", "1 to 128 printable"),
    "129 characters": ("ü" * 129, "1 to 128 printable"),
    "control characters": ("a\tb", "1 to 128 printable"),
    "NUL": ("\0", "1 to 128 printable"),
    "not UTF-8": (b"\xb0\xe5", "not UTF-8"),
    "a megabyte": (bytes(60_000), "longer than 128 characters"),
}


@pytest.mark.parametrize("placed", ["before", "after"])
@pytest.mark.parametrize("kind", LABELS)
def test_bad_labels_are_refused_and_named(server: Server, kind: str, placed: str) -> None:
    value, words = LABELS[kind]
    parts = [text_part("recipe", value), file_part(png())]
    answer = upload(server.address, *(parts if placed == "before" else reversed(parts)))
    assert_problem(answer, 422, "invalid-labels", "recipe", words)


@pytest.mark.parametrize(
    ("content_type", "words"),
    [
        ("application/json", "application/json; send multipart/form-data"),
        ("image/png", "send multipart/form-data with a file part 'image'"),
        ("multipart/mixed; boundary=x", "multipart/mixed"),
        ("multipart/form-data", "no boundary"),
        ('multipart/form-data; boundary=""', "no boundary"),
        (None, "of no declared type"),
    ],
)
def test_other_types_of_body_are_refused(server: Server, content_type: str | None, words: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = server.client.post("/upload", content=png(), headers=headers)
    assert_problem(Answer(answer.status_code, dict(answer.headers), answer.content), 400, "malformed-upload", words)


def test_a_body_without_its_last_boundary_is_incomplete(server: Server) -> None:
    content = body(file_part(png()))[: -len(BOUNDARY) - 6]
    assert_problem(ask(server.address, head(length=len(content)) + content), 400, "malformed-upload", "incomplete")


def test_a_body_of_another_boundary_is_incomplete(server: Server) -> None:
    content = body(file_part(png())).replace(BOUNDARY.encode(), b"another")
    assert_problem(ask(server.address, head(length=len(content)) + content), 400, "malformed-upload", "incomplete")


def test_an_empty_body_is_incomplete(server: Server) -> None:
    assert_problem(ask(server.address, head(length=0)), 400, "malformed-upload", "Send it again")


def test_no_refusal_tells_a_path_or_a_trace(home: Home, server: Server) -> None:
    for kind in IMAGES:
        answer = upload(server.address, file_part(IMAGES[kind][0])).content.decode()
        assert str(home.folder) not in answer
        assert "Traceback" not in answer
        assert msgspec.json.decode(answer)["detail"]
