"""How the API is served: uvicorn, as the settings have it."""

import uvicorn
from litestar import Litestar

from aoi.entrypoints.api.crowd import Limited
from aoi.entrypoints.api.forwarded import behind_proxies
from aoi.entrypoints.api.unread_bodies import Lingering
from aoi.settings import Settings

CONNECTIONS_PER_REQUEST = 5
"""Most connections are kept for later and say nothing; beyond this many the server answers a bare 503."""


def server_configuration(settings: Settings, app: Litestar) -> uvicorn.Config:
    """The configuration of a server of `app`."""
    return uvicorn.Config(
        behind_proxies(Lingering(Limited(app, settings.max_requests)), settings.trusted_proxies),  # pyright: ignore[reportArgumentType]  # Litestar's and uvicorn's ASGI types differ in name alone
        host=settings.host,
        port=settings.port,
        log_config=None,
        lifespan="on",
        server_header=False,
        limit_concurrency=settings.max_requests * CONNECTIONS_PER_REQUEST,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        proxy_headers=False,  # `behind_proxies` knows the host too
    )
