"""The page at `/`, and the files that it and the API document need."""

from functools import cache
from pathlib import Path

from litestar import MediaType, get
from litestar.router import Router
from litestar.static_files import (
    create_static_files_router,  # pyright: ignore[reportUnknownVariableType]  # Litestar leaves PathLike open
)
from litestar.types import ControllerRouterHandler

FOLDER = Path(__file__).parent


@cache
def web_file(name: str) -> bytes:
    """A page by its name."""
    return (FOLDER / name).read_bytes()


@get("/", include_in_schema=False, media_type=MediaType.HTML, sync_to_thread=False)
def start_page() -> bytes:
    """Upload one image, see its result."""
    return web_file("index.html")


def page_routes() -> list[ControllerRouterHandler]:
    """The page and its assets."""
    assets: Router = create_static_files_router(
        path="/assets", directories=[FOLDER / "assets"], include_in_schema=False, name="assets"
    )
    return [start_page, assets]
