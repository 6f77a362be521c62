"""Too many requests at once."""

import anyio
import httpx
import pytest
from litestar import Litestar, get

from aoi.entrypoints.api.crowd import Limited

pytestmark = pytest.mark.anyio


async def test_more_requests_than_allowed_are_told_to_come_back_and_health_stays_open() -> None:
    began, end = anyio.Event(), anyio.Event()

    @get("/slow")
    async def slow() -> str:
        began.set()
        await end.wait()
        return "done"

    @get("/health")
    async def health() -> str:
        return "ok"

    app = Limited(Litestar([slow, health], openapi_config=None), most=1)
    transport = httpx.ASGITransport(app=app)  # pyright: ignore[reportArgumentType]  # its ASGI types differ in name alone
    answers: list[httpx.Response] = []

    async def ask(client: httpx.AsyncClient) -> None:
        answers.append(await client.get("/slow"))

    async with httpx.AsyncClient(transport=transport, base_url="http://aoi") as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, client)
            await began.wait()
            answers += [await client.get("/slow"), await client.get("/health")]
            end.set()
        answers.append(await client.get("/slow"))
    refused, healthy, first, again = answers
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert refused.headers["content-type"] == "application/problem+json"
    assert "AOI_MAX_REQUESTS" in refused.json()["detail"]
    assert healthy.text == "ok"
    assert [first.text, again.text] == ["done", "done"]
