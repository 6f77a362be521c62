"""Steps on a connection, which no cancellation breaks off."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio

from aoi.adapters.sql.failures import domain_errors

Result = TypeVar("Result")


async def step(work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` returns; what it raises is a domain error. A cancellation, of whatever kind, is heard after it.

    Broken off half way, a connection to SQLite is closed only when nobody remembers it any more, and keeps its locks
    until then. A task of its own is what neither anyio's cancellation reaches nor asyncio's.
    """
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
    with domain_errors():
        result = task.result()
    if cancelled is not None:
        raise cancelled
    return result
