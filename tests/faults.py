"""Ports that pass every call on, each a moment at which something can go wrong.

`Moments` counts them across all ports of one world; `Faulty…` wraps a real port. What can happen: the work is
cancelled, the call raises, or the process dies, after which no port does anything any more.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from datetime import datetime
from types import TracebackType
from typing import Self

import anyio.lowlevel

from aoi.domain.defects import Detection, EngineInfo
from aoi.domain.image import ImageFacts, ImageFormat, PixelFacts, StoredImage
from aoi.domain.inspection import Inspection
from aoi.domain.ports import (
    FileStore,
    ImageReader,
    InferenceEngine,
    InspectionRepository,
    UnitOfWork,
    UnitOfWorkFactory,
)

Happening = Callable[[], Awaitable[None]]


class Killed(BaseException):
    """The process is gone: nobody may catch this and go on."""


class Moments:
    """The moments that have come, by name. At the one numbered `at`, `happening` takes place."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.open_units = 0
        self.held_across: list[str] = []
        """What began while a unit of work was open: there must be nothing."""
        self._at: int | None = None
        self._happening: Happening | None = None
        self._dead = False

    def arm(self, at: int | None, happening: Happening | None) -> None:
        """Count from zero again; at the moment `at`, let it happen."""
        self.names, self._at, self._happening = [], at, happening
        self._dead = False

    def disarm(self) -> None:
        self.arm(None, None)

    async def die(self) -> None:
        self._dead = True
        raise Killed

    async def reach(self, name: str, *, in_unit: bool = False) -> None:
        if self._dead:
            raise Killed
        if self.open_units and not in_unit:
            self.held_across.append(name)
        self.names.append(name)
        if len(self.names) - 1 == self._at and self._happening is not None:
            await self._happening()


def raising(error: Exception) -> Happening:
    async def happening() -> None:
        raise error

    return happening


def cancelling(scope: anyio.CancelScope) -> Happening:
    async def happening() -> None:
        scope.cancel()
        await anyio.lowlevel.checkpoint()

    return happening


async def momentous(name: str, moments: Moments, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The stream, with a moment before every chunk and at its end."""
    await moments.reach(name)
    async for chunk in stream:
        yield chunk
        await moments.reach(name)


class FaultyFiles:
    """A `FileStore` with a moment before and after everything it does."""

    def __init__(self, files: FileStore, moments: Moments) -> None:
        self._files = files
        self._moments = moments

    async def write(self, key: str, content: AsyncIterator[bytes]) -> None:
        await self._moments.reach("files.write")
        await self._files.write(key, content)
        await self._moments.reach("files.written")

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        return momentous("files.read", self._moments, self._files.read(key, start, end))

    async def size(self, key: str) -> int:
        await self._moments.reach("files.size")
        return await self._files.size(key)

    async def delete(self, keys: Collection[str]) -> None:
        await self._moments.reach("files.delete")
        await self._files.delete(keys)
        await self._moments.reach("files.deleted")

    async def list(self, prefix: str) -> AsyncIterator[str]:
        await self._moments.reach("files.list")
        async for key in self._files.list(prefix):
            yield key
            await self._moments.reach("files.list")

    async def check(self) -> None:
        await self._moments.reach("files.check")
        await self._files.check()


class FaultyReader:
    """An `ImageReader` with a moment before and after an image is read."""

    def __init__(self, reader: ImageReader, moments: Moments) -> None:
        self._reader = reader
        self._moments = moments

    def format_of(self, head: bytes) -> ImageFormat:
        return self._reader.format_of(head)

    async def read(self, content: Callable[[], AsyncIterator[bytes]]) -> PixelFacts:
        await self._moments.reach("reader.read")
        facts = await self._reader.read(content)
        await self._moments.reach("reader.done")
        return facts


class FaultyEngine:
    """An `InferenceEngine` with a moment before and after an image is inspected."""

    def __init__(self, engine: InferenceEngine, moments: Moments) -> None:
        self._engine = engine
        self._moments = moments

    def accept(self, facts: ImageFacts) -> None:
        self._engine.accept(facts)

    async def inspect(self, image: StoredImage) -> Detection:
        await self._moments.reach("engine.inspect")
        detection = await self._engine.inspect(image)
        await self._moments.reach("engine.done")
        return detection

    async def describe(self) -> EngineInfo:
        await self._moments.reach("engine.describe")
        return await self._engine.describe()


class FaultyUnits:
    """A `UnitOfWorkFactory` with a moment before and after everything; it knows which units are open."""

    def __init__(self, begin: UnitOfWorkFactory, moments: Moments) -> None:
        self._begin = begin
        self._moments = moments

    def __call__(self, *, read_only: bool = False) -> UnitOfWork:
        return FaultyUnit(self._begin(read_only=read_only), self._moments)


class FaultyUnit:
    """A `UnitOfWork` whose commit can fail before it took effect (`unit.commit`), or after (`unit.committed`)."""

    def __init__(self, unit: UnitOfWork, moments: Moments) -> None:
        self._unit = unit
        self._moments = moments

    @property
    def inspections(self) -> InspectionRepository:
        return FaultyRepository(self._unit.inspections, self._moments)

    async def __aenter__(self) -> Self:
        await self._moments.reach("unit.begin")
        await self._unit.__aenter__()
        self._moments.open_units += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._unit.__aexit__(kind, error, traceback)
        self._moments.open_units -= 1
        await self._moments.reach("unit.ended")

    async def commit(self) -> None:
        await self._moments.reach("unit.commit", in_unit=True)
        await self._unit.commit()
        await self._moments.reach("unit.committed", in_unit=True)


class FaultyRepository:
    """An `InspectionRepository` with a moment before everything it does."""

    def __init__(self, inspections: InspectionRepository, moments: Moments) -> None:
        self._inspections = inspections
        self._moments = moments

    async def add(self, inspection: Inspection) -> None:
        await self._moments.reach("rows.add", in_unit=True)
        await self._inspections.add(inspection)

    async def get(self, inspection_id: str) -> Inspection:
        await self._moments.reach("rows.get", in_unit=True)
        return await self._inspections.get(inspection_id)

    async def replace(self, old: Inspection, new: Inspection) -> None:
        await self._moments.reach("rows.replace", in_unit=True)
        await self._inspections.replace(old, new)

    async def renew(self, inspection: Inspection, lease_until: datetime) -> None:
        await self._moments.reach("rows.renew", in_unit=True)
        await self._inspections.renew(inspection, lease_until)

    async def next_expired(self, now: datetime) -> Inspection | None:
        await self._moments.reach("rows.next_expired", in_unit=True)
        return await self._inspections.next_expired(now)

    async def remove(self, inspection: Inspection) -> None:
        await self._moments.reach("rows.remove", in_unit=True)
        await self._inspections.remove(inspection)
