"""Too many requests at once: told so at once, instead of being served badly."""

import msgspec
from litestar.types import ASGIApp, Receive, Scope, Send

from aoi.entrypoints.api.problems import PROBLEM_MEDIA_TYPE, RETRY_AFTER_SECONDS
from aoi.entrypoints.problem import Problem

HEALTH = "/health"


class Limited:
    """An ASGI application that lets `most` requests at once into `app`; `/health` is always let in."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == HEALTH:
            await self._app(scope, receive, send)
            return
        if self._running >= self._most:
            await _refuse(scope["path"], send)
            return
        self._running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1


async def _refuse(path: str, send: Send) -> None:
    problem = Problem(
        type="/problems/too-many-requests-at-once",
        title="Too many requests at once",
        status=503,
        detail="The server works on as many requests as AOI_MAX_REQUESTS allows. Send it again a little later.",
        instance=path,
    )
    body = msgspec.json.encode(problem)
    headers = {
        "content-type": PROBLEM_MEDIA_TYPE,
        "content-length": str(len(body)),
        "retry-after": str(RETRY_AFTER_SECONDS),
        "cache-control": "no-store",
    }
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 503, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": False})
