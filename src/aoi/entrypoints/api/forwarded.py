"""Behind a proxy: what clients asked for, in the words of those proxies that are trusted."""

import re

from litestar.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

HOST = re.compile(rb"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
"""A name or an address, and a port: it goes into the URLs of answers."""


def behind_proxies(app: ASGIApp, trusted: str) -> ASGIApp:
    """`app`, which learns scheme, host and client of a request from X-Forwarded-Proto, -Host and -For.

    They count only where the request comes from an address in `trusted`: addresses and networks with commas between.
    """
    if not trusted:
        return app
    with_scheme_and_client = ProxyHeadersMiddleware(app, trusted)  # pyright: ignore[reportArgumentType]  # Litestar's and uvicorn's ASGI types differ in name alone

    async def with_host(scope: Scope, receive: Receive, send: Send) -> None:
        # First the host: afterwards the client is no longer the proxy.
        client: tuple[str, int] | None = scope.get("client")  # pyright: ignore[reportUnknownMemberType]  # of a session
        if client is not None and client[0] in with_scheme_and_client.trusted_hosts:
            _take_host(scope)
        await with_scheme_and_client(scope, receive, send)  # pyright: ignore[reportArgumentType]  # as above

    return with_host


def _take_host(scope: Scope) -> None:
    headers = scope["headers"]
    said = [value.strip() for name, values in headers if name == b"x-forwarded-host" for value in values.split(b",")]
    # The last one is the trusted proxy's own; what stands before it may come from anybody.
    if said and HOST.fullmatch(said[-1]):
        scope["headers"] = [(b"host", said[-1]), *((name, value) for name, value in headers if name != b"host")]
