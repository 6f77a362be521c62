"""An answer that comes before the whole request was read, and yet reaches the client."""

import anyio
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPResponseStartEvent

LINGER_SECONDS = 30.0
LINGER_BYTES = 1 << 28


class Lingering:
    """An ASGI application around `app` that reads on, for a while, when `app` has answered a request it has not read.

    A connection that is closed with something unread is reset, and a client that sends all before it reads never sees
    the answer. So the answer is sent at once and whole, saying that the connection ends with it, and what still comes
    is thrown away: at most `size` bytes, for at most `seconds`. Source: RFC 9112, 9.6.
    """

    def __init__(self, app: ASGIApp, *, seconds: float = LINGER_SECONDS, size: int = LINGER_BYTES) -> None:
        self._app = app
        self._seconds = seconds
        self._size = size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, unread=_announces_body(scope))

        async def send_and_linger(message: Message) -> None:
            if message["type"] == "http.response.start" and body.unread:
                message = _closing(message)
            elif message["type"] == "http.response.body" and body.unread and not message["more_body"]:
                await send({**message, "more_body": True})
                await body.read_on(self._seconds, self._size)
                message["body"] = b""
            await send(message)

        await self._app(scope, body.receive, send_and_linger)


class _Body:
    """The body of a request: whether some of it is `unread`."""

    def __init__(self, receive: Receive, *, unread: bool) -> None:
        self._receive = receive
        self.unread = unread

    async def receive(self) -> HTTPReceiveMessage:
        message: HTTPReceiveMessage = await self._receive()  # pyright: ignore[reportAssignmentType]  # of a request
        self.unread = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def read_on(self, seconds: float, size: int) -> None:
        with anyio.move_on_after(seconds):
            while self.unread and size > 0:
                message = await self.receive()
                size -= len(message["body"]) if message["type"] == "http.request" else 0


def _announces_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def _closing(message: HTTPResponseStartEvent) -> HTTPResponseStartEvent:
    return {**message, "headers": [*message["headers"], (b"connection", b"close")]}
