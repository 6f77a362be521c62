"""The pages and the API document: whole, true, and from this machine alone."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from aoi.domain import errors
from aoi.domain.errors import AoiError, UploadRejected
from aoi.domain.image import LABEL_NAMES
from aoi.entrypoints.api.images_in import ImagesIn
from aoi.entrypoints.problem import STATUS_OF, STATUS_OF_CODE, InvalidQuery, problem_of
from aoi.entrypoints.web import page
from servers import Server

LOADING = {"src", "href", "action", "data", "poster", "srcset", "formaction"}
OPERATIONS = {"get", "head", "post"}


class Links(HTMLParser):
    """What a browser would load for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # the base class's
        self.found += [value for name, value in attrs if name in LOADING and value]

    def handle_data(self, data: str) -> None:
        self.inline.append(data)


def is_outside(address: str) -> bool:
    return bool(re.match(r"([a-z][a-z0-9+.-]*:|//)", address.strip("'\" "), re.IGNORECASE)) and not address.strip(
        "'\" "
    ).startswith("data:")


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_loads_everything_from_this_machine(server: Server, path: str) -> None:
    answer = server.client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    links = Links()
    links.feed(answer.text)
    assert "/assets/favicon.svg" in links.found
    assert not any(map(is_outside, links.found))
    assert "url(" not in "".join(links.inline)
    for link in links.found:
        linked = server.client.get(link)
        assert linked.status_code == 200, link
        expected = {".js": "javascript", ".css": "text/css", ".svg": "image/svg+xml"}.get(
            Path(link).suffix, "text/html"
        )
        assert expected in linked.headers["content-type"]


def test_every_asset_is_served(server: Server) -> None:
    folder = page.FOLDER / "assets"
    for path in folder.rglob("*"):
        if path.is_file():
            answer = server.client.get(f"/assets/{path.relative_to(folder).as_posix()}")
            assert (answer.status_code, answer.content) == (200, path.read_bytes())


def test_no_asset_names_an_address_outside_that_a_browser_would_load() -> None:
    for path in page.FOLDER.rglob("*"):
        if path.suffix not in {".css", ".js", ".html", ".svg"}:
            continue
        text = path.read_text(encoding="utf-8")
        loaded = re.findall(r"url\(\s*([^)]{1,200})\)|@import\s+([^;]{1,200});", text) if path.suffix != ".js" else []
        if path.parent.name != "swagger-ui":
            loaded += re.findall(r"(?:src|href|import|fetch|from)\s*[=(]?\s*[\"']([^\"']*)[\"']()", text)
        assert not [address for pair in loaded for address in pair if is_outside(address)], path


def test_no_file_outside_the_assets_is_served(server: Server) -> None:
    for path in ("/assets/../page.py", "/assets/%2e%2e/page.py", "/assets/..%2fpage.py", "/assets//etc/passwd"):
        assert server.client.get(path).status_code == 404


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    answer = server.client.get("/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    return answer.json()


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in OPERATIONS
    }


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert {"title", "version", "description", "license"} <= document["info"].keys()
    assert not any(url["url"] != "/" for url in document.get("servers", []))
    identities = [operation["operationId"] for operation in operations(document).values()]
    assert len(identities) == len(set(identities))
    for name, operation in operations(document).items():
        assert operation["summary"], name
        assert all(re.fullmatch(r"[1-5]\d\d", status) for status in operation["responses"])
        assert all(response["description"] for response in operation["responses"].values())
        in_path = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", name))


def test_every_reference_in_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]  # JSON
            return own + [found for value in node.values() for found in references(value)]  # pyright: ignore[reportUnknownVariableType]  # JSON
        return [found for value in node for found in references(value)] if isinstance(node, list) else []  # pyright: ignore[reportUnknownVariableType]  # JSON

    found = references(document)
    assert found
    for reference in found:
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_every_failure_in_the_document_is_a_problem(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        for status, response in operation["responses"].items():
            if status >= "400" and name != "GET /health/ready":
                assert list(response["content"]) == ["application/problem+json"], (name, status)
                assert response["content"]["application/problem+json"]["schema"] == {
                    "$ref": "#/components/schemas/Problem"
                }


def subclasses(kind: type[AoiError]) -> set[type[AoiError]]:
    return {kind}.union(*map(subclasses, kind.__subclasses__()))


def of_the_api(kind: type[AoiError]) -> bool:
    return kind.__module__ in {errors.__name__, "aoi.entrypoints.problem"}


def test_every_error_has_its_status_and_its_own_code() -> None:
    known = set(filter(of_the_api, subclasses(AoiError)))
    assert known == set(STATUS_OF)
    assert len(STATUS_OF_CODE) == len(STATUS_OF)
    for kind, status in STATUS_OF.items():
        problem = problem_of(kind.code, kind().detail)
        assert (problem.type, problem.status) == (f"/problems/{kind.code}", status)
        assert problem.detail.endswith(".")
    assert problem_of("of-a-newer-version", "").status == 500


AFTER_AN_UPLOAD = {errors.InspectionNotFound, errors.InspectionNotFailed, errors.StoredFileMissing}


def test_the_document_names_every_status_that_an_upload_can_have(document: dict[str, Any]) -> None:
    said = set(operations(document)["POST /upload"]["responses"])
    assert {str(status) for kind, status in STATUS_OF.items() if kind not in AFTER_AN_UPLOAD} <= said


def test_the_document_names_every_status_that_a_retry_can_have(document: dict[str, Any]) -> None:
    said = set(operations(document)["POST /images/{image_id}/retry"]["responses"])
    before = {kind for kind in STATUS_OF if issubclass(kind, UploadRejected)} - {InvalidQuery}
    assert {str(status) for kind, status in STATUS_OF.items() if kind not in before} <= said


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        ("GET /images/{image_id}", {"200", "404", "500", "503"}),
        ("GET /download/image/{image_id}/{kind}", {"200", "206", "304", "404", "416", "500", "503"}),
        ("GET /download/json/{image_id}", {"200", "206", "304", "404", "416", "500", "503"}),
        ("GET /health/ready", {"200", "503", "500"}),
        ("GET /health", {"200"}),
    ],
)
def test_the_document_names_the_statuses_of_a_question(
    document: dict[str, Any], operation: str, statuses: set[str]
) -> None:
    assert statuses <= set(operations(document)[operation]["responses"])


def test_the_document_tells_what_an_upload_takes(document: dict[str, Any]) -> None:
    upload = operations(document)["POST /upload"]
    schema = upload["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert list(schema["properties"]) == ["image", *LABEL_NAMES]
    assert schema["required"] == ["image"]
    [images] = upload["parameters"]
    assert (images["name"], images["in"], images["schema"]["enum"]) == ("images", "query", list(ImagesIn))
    assert images["schema"]["default"] == "url"
    assert images["required"] is False


def test_other_methods_and_paths_are_problems(server: Server) -> None:
    for method, path, status, words in (
        ("GET", "/upload", 405, "does not take GET; it takes OPTIONS, POST."),
        ("DELETE", "/images/1", 405, "does not take DELETE; it takes GET, OPTIONS."),
        ("GET", "/nowhere", 404, "There is nothing at this path."),
        ("GET", "/docs/nowhere", 404, "There is nothing at this path."),
    ):
        answer = server.client.request(method, path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert words in answer.json()["detail"]
        assert answer.json()["instance"] == path
        assert ("allow" in answer.headers) is (status == 405)
