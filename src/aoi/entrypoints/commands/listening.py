"""The address that the server listens on."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import SocketAttribute

from aoi.domain.errors import AoiError

EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # told apart here, not listened on
"""What a browser on this machine opens where the server listens on all of its addresses."""


class AddressUnusable(AoiError):
    """The server cannot listen on its address."""

    code = "address-unusable"


@asynccontextmanager
async def listening(host: str, port: int) -> AsyncGenerator[list[socket.socket]]:
    """Sockets that listen on `host` (it may have several addresses) and `port` (0: any free one).

    Raises `AddressUnusable`.
    """
    try:
        listener = await anyio.create_tcp_listener(local_host=host, local_port=port)
    except OSError as error:
        raise AddressUnusable(
            f"aoi cannot listen on {host}:{port}: {error.strerror}. Set AOI_PORT to a free port and AOI_HOST to an"
            " address of this machine, or stop the program that listens there."
        ) from error
    async with listener:
        yield [one.extra(SocketAttribute.raw_socket) for one in listener.listeners]  # noqa: S610  # no Django here


def address_to_open(host: str, sockets: list[socket.socket]) -> str:
    """The URL for a browser on this machine."""
    name = EVERY_ADDRESS.get(host) or (f"[{host}]" if ":" in host else host)
    return f"http://{name}:{sockets[0].getsockname()[1]}"
