"""The service's two operations, each tried once."""

import ssl
from http import HTTPStatus

import httpx

from aoi.adapters.inference.segformer_http.address import Address
from aoi.adapters.inference.segformer_http.failures import failure
from aoi.adapters.inference.segformer_http.upload import Upload
from aoi.domain.errors import EngineUnavailable, InvalidEngineAnswer
from aoi.domain.streams import closing

SMALL_ANSWER_BYTES = 1 << 16


class Service:
    """One kept client. It does not bound time: its caller does, by cancelling."""

    def __init__(self, address: Address, *, max_answer_bytes: int, connections: int) -> None:
        self._address = address
        self._max_answer_bytes = max_answer_bytes
        # The environment is not asked for a proxy or a password: a factory PC's proxy variable would send loopback
        # and the machine hall's addresses outside. Certificates are those that the operating system trusts, where a
        # factory's own authority is installed.
        self._client = httpx.AsyncClient(
            auth=address.auth,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            timeout=None,  # noqa: S113 - each try as a whole is bounded, which no phase's timeout would do
            trust_env=False,
            verify=ssl.create_default_context(),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def upload(self, upload: Upload) -> bytes:
        """The body of a 200. Raises an `InferenceFailed`, or what `content()` raises."""
        async with closing(upload.content()) as content, closing(upload.framed(content)) as body:
            request = self._client.build_request(
                "POST", self._address.path("upload"), headers=upload.headers, content=body
            )
            return await self._answer(request, self._max_answer_bytes)

    async def health(self) -> bytes:
        """The body of a 200. Raises an `InferenceFailed`."""
        request = self._client.build_request("GET", self._address.path("health"))
        return await self._answer(request, SMALL_ANSWER_BYTES)

    async def _answer(self, request: httpx.Request, max_bytes: int) -> bytes:
        try:
            response = await self._client.send(request, stream=True)
            try:
                return await _successful(response, max_bytes)
            finally:
                await response.aclose()
        except httpx.ConnectError as error:
            raise EngineUnavailable(
                f"The engine cannot be reached ({error}). Check AOI_INFERENCE_URL and that the service runs."
            ) from error
        except httpx.DecodingError as error:
            raise InvalidEngineAnswer("The engine's answer is compressed in a way that it is not.") from error
        except httpx.TransportError as error:
            raise EngineUnavailable(
                "The engine dropped the connection before its answer was complete. Look at its log, then retry."
            ) from error


async def _successful(response: httpx.Response, max_bytes: int) -> bytes:
    if response.status_code != HTTPStatus.OK:
        raise failure(response, await _beginning(response, SMALL_ANSWER_BYTES))
    body = await _beginning(response, max_bytes)
    if len(body) > max_bytes:
        raise InvalidEngineAnswer(
            f"The engine's answer is larger than {max_bytes:,} bytes, which is no answer to one image."
        )
    return body


async def _beginning(response: httpx.Response, max_bytes: int) -> bytes:
    """The body, or a little more than `max_bytes` of it where it is longer."""
    pieces: list[bytes] = []
    size = 0
    async with closing(response.aiter_bytes()) as chunks:
        async for chunk in chunks:
            pieces.append(chunk)
            size += len(chunk)
            if size > max_bytes:
                break
    return b"".join(pieces)
