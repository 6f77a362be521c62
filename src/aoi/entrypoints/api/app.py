"""The Litestar application, around whatever use cases it is given."""

from dataclasses import fields
from typing import Any

from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import HTTPException

from aoi.bootstrap import Application
from aoi.domain.errors import AoiError
from aoi.entrypoints.api.documentation import documentation_routes, openapi_config
from aoi.entrypoints.api.downloads import DownloadController
from aoi.entrypoints.api.health import HealthController
from aoi.entrypoints.api.images import ImageController
from aoi.entrypoints.api.problems import answer_domain_error, answer_http_error, answer_unforeseen
from aoi.entrypoints.api.unread_bodies import Lingering
from aoi.entrypoints.api.uploading import UploadController
from aoi.entrypoints.web.page import page_routes


def create_app(application: Application) -> Litestar:
    """The HTTP API on `application`; a test gives one with adapters of its own."""
    app = Litestar(
        route_handlers=[
            UploadController,
            ImageController,
            DownloadController,
            HealthController,
            *documentation_routes(),
            *page_routes(),
        ],
        dependencies={field.name: _constant(getattr(application, field.name)) for field in fields(application)},
        exception_handlers={
            AoiError: answer_domain_error,
            HTTPException: answer_http_error,
            Exception: answer_unforeseen,
        },
        openapi_config=openapi_config(),
        logging_config=None,
        pdb_on_exception=False,
    )
    app.asgi_handler = Lingering(app.asgi_handler)  # around the answers to unknown paths too
    return app


def _constant(value: Any) -> Provide:  # Litestar injects objects of any type by their name
    def provide() -> Any:
        return value

    return Provide(provide, sync_to_thread=False, use_cache=True)
