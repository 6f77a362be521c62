"""Every port, each of its calls a step: before it, after it, and within every stream."""

from collections.abc import AsyncIterator, Callable, Collection
from datetime import datetime
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self

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
from crashes.steps import Steps


async def counted(content: AsyncIterator[bytes], steps: Steps, name: str) -> AsyncIterator[bytes]:
    """The stream, with a step after each of its chunks."""
    async for chunk in content:
        yield chunk
        steps.take(f"within {name}")


class CountedFiles:
    def __init__(self, files: FileStore, steps: Steps) -> None:
        self._files = files
        self._steps = steps

    async def write(self, key: str, content: AsyncIterator[bytes]) -> None:
        name = f"write {PurePosixPath(key).name}"
        with self._steps.around(name):
            await self._files.write(key, counted(content, self._steps, name))

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        with self._steps.around("read"):
            async for chunk in counted(self._files.read(key, start, end), self._steps, "read"):
                yield chunk

    async def size(self, key: str) -> int:
        with self._steps.around("size"):
            return await self._files.size(key)

    async def delete(self, keys: Collection[str]) -> None:
        """One by one, so that a deletion can end half way."""
        for key in keys:
            with self._steps.around("delete"):
                await self._files.delete([key])

    async def list(self, prefix: str) -> AsyncIterator[str]:
        with self._steps.around("list"):
            async for key in self._files.list(prefix):
                yield key

    async def check(self) -> None:
        await self._files.check()


class CountedReader:
    def __init__(self, reader: ImageReader, steps: Steps) -> None:
        self._reader = reader
        self._steps = steps

    def format_of(self, head: bytes) -> ImageFormat:
        with self._steps.around("format_of"):
            return self._reader.format_of(head)

    async def read(self, content: Callable[[], AsyncIterator[bytes]]) -> PixelFacts:
        with self._steps.around("decode"):
            return await self._reader.read(content)


class CountedEngine:
    def __init__(self, engine: InferenceEngine, steps: Steps) -> None:
        self._engine = engine
        self._steps = steps

    def accept(self, facts: ImageFacts) -> None:
        with self._steps.around("accept"):
            self._engine.accept(facts)

    async def inspect(self, image: StoredImage) -> Detection:
        with self._steps.around("inspect"):
            return await self._engine.inspect(image)

    async def describe(self) -> EngineInfo:
        return await self._engine.describe()


class CountedRepository:
    def __init__(self, inspections: InspectionRepository, steps: Steps) -> None:
        self._inspections = inspections
        self._steps = steps
        self.changes: list[str] = []

    async def add(self, inspection: Inspection) -> None:
        with self._steps.around("add"):
            await self._inspections.add(inspection)
        self.changes.append(inspection.state)

    async def get(self, inspection_id: str) -> Inspection:
        with self._steps.around("get"):
            return await self._inspections.get(inspection_id)

    async def replace(self, old: Inspection, new: Inspection) -> None:
        with self._steps.around("replace"):
            await self._inspections.replace(old, new)
        self.changes.append(new.state)

    async def renew(self, inspection: Inspection, lease_until: datetime) -> None:
        with self._steps.around("renew"):
            await self._inspections.renew(inspection, lease_until)

    async def next_expired(self, now: datetime) -> Inspection | None:
        with self._steps.around("next_expired"):
            return await self._inspections.next_expired(now)

    async def remove(self, inspection: Inspection) -> None:
        with self._steps.around("remove"):
            await self._inspections.remove(inspection)
        self.changes.append("gone")


class CountedUnitOfWork:
    inspections: CountedRepository

    def __init__(self, unit: UnitOfWork, steps: Steps) -> None:
        self._unit = unit
        self._steps = steps

    async def __aenter__(self) -> Self:
        with self._steps.around("begin"):
            await self._unit.__aenter__()
        self.inspections = CountedRepository(self._unit.inspections, self._steps)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._steps.around("end"):
            await self._unit.__aexit__(kind, error, traceback)

    async def commit(self) -> None:
        with self._steps.around("commit"):
            await self._unit.commit()
            for state in self.inspections.changes:
                self._steps.committed(state)


def counted_units(unit_of_work: UnitOfWorkFactory, steps: Steps) -> UnitOfWorkFactory:
    def begin(*, read_only: bool = False) -> CountedUnitOfWork:
        return CountedUnitOfWork(unit_of_work(read_only=read_only), steps)

    return begin
