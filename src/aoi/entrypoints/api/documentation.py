"""The API document and the page that shows it, from this machine alone."""

from http import HTTPStatus
from typing import Any

from litestar import MediaType, Request, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import License, Tag

from aoi.domain.version import aoi_version
from aoi.entrypoints.web.page import web_file

DESCRIPTION = """Automated optical inspection: post an image of a board, panel or wafer; its defects, the pictures that
show them and a durable record come back. Errors are `application/problem+json` (RFC 9457) and say what to do."""


class DocumentationPage(OpenAPIRenderPlugin):
    """Swagger UI from vendored files."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002  # the page fetches the document itself
        return web_file("docs.html")


@get("/openapi.json", include_in_schema=False, media_type=MediaType.JSON, sync_to_thread=False)
def api_document(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The API document."""
    return request.app.openapi_schema.to_schema()


def documentation_routes() -> list[HTTPRouteHandler]:
    """What is served besides the page itself."""
    return [api_document]


def _as_problem(response: Response[Any]) -> Response[Any]:
    """Litestar answers a page for what is not there below the document's path."""
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise NotFoundException
    return response


def openapi_config() -> OpenAPIConfig:
    """How the API document is made."""
    return OpenAPIConfig(
        title="aoi",
        version=aoi_version(),
        description=DESCRIPTION,
        license=License(name="MIT", identifier="MIT"),
        openapi_router=Router("/docs", route_handlers=[], include_in_schema=False, after_request=_as_problem),
        render_plugins=[DocumentationPage(path="/"), JsonRenderPlugin()],
        tags=[
            Tag("Uploading", "Send images in"),
            Tag("Asking", "What has become of them"),
            Tag("Taking away", "Pictures and analyses"),
            Tag("Operating", "For those who keep aoi running"),
        ],
        use_handler_docstrings=False,
    )
