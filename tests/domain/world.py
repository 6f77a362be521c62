"""One aoi in memory, whose ports can go wrong, and whose clock only the test moves."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from aoi.adapters.image_reader import DecodingImageReader
from aoi.adapters.memory_database import MemoryDatabase
from aoi.adapters.memory_engine import MemoryEngine
from aoi.adapters.memory_file_store import MemoryFileStore
from aoi.domain.defects import DefectClass, PictureKind
from aoi.domain.delete_inspection import DeleteInspection
from aoi.domain.image import IncomingImage, Labels
from aoi.domain.inspection import Inspection, State
from aoi.domain.leases import Leases
from aoi.domain.limits import Limits
from aoi.domain.ports import InferenceEngine, UnitOfWorkFactory
from aoi.domain.resume_interrupted import Resumed, ResumeInterrupted
from aoi.domain.retry_inspection import RetryInspection
from aoi.domain.streams import bytes_chunks
from aoi.domain.upload_image import UploadImage
from aoi.testing.examples import NOW, some_regions
from faults import FaultyEngine, FaultyFiles, FaultyReader, FaultyUnits, Moments, momentous
from sample_images import png

IMAGE = png()
"""48 × 32 pixels."""
VOIDS = DefectClass(1, "void", 40, some_regions(2))
NOTHING: frozenset[str] = frozenset()
LONGER_THAN_ANY_LEASE = 1000.0


class MovableClock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def _memory_engine() -> MemoryEngine:
    return MemoryEngine([VOIDS])


@dataclass
class World:
    limits: Limits = field(default_factory=Limits)
    moments: Moments = field(default_factory=Moments)
    clock: MovableClock = field(default_factory=MovableClock)
    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    store: MemoryFileStore = field(default_factory=MemoryFileStore)
    memory_engine: MemoryEngine = field(default_factory=_memory_engine)
    other_engine: InferenceEngine | None = None

    @property
    def units(self) -> UnitOfWorkFactory:
        return FaultyUnits(self.database.unit_of_work, self.moments)

    @property
    def files(self) -> FaultyFiles:
        return FaultyFiles(self.store, self.moments)

    @property
    def engine(self) -> InferenceEngine:
        return FaultyEngine(self.other_engine or self.memory_engine, self.moments)

    @property
    def leases(self) -> Leases:
        return Leases(self.units, self.limits.lease_seconds, self.clock)

    @property
    def upload(self) -> UploadImage:
        return UploadImage(
            engine=self.engine,
            files=self.files,
            image_reader=FaultyReader(DecodingImageReader(), self.moments),
            unit_of_work=self.units,
            limits=self.limits,
            clock=self.clock,
        )

    @property
    def retry(self) -> RetryInspection:
        return RetryInspection(
            engine=self.engine, files=self.files, unit_of_work=self.units, limits=self.limits, clock=self.clock
        )

    @property
    def resume(self) -> ResumeInterrupted:
        return ResumeInterrupted(
            engine=self.engine, files=self.files, unit_of_work=self.units, limits=self.limits, clock=self.clock
        )

    @property
    def delete(self) -> DeleteInspection:
        return DeleteInspection(self.files, self.leases)

    async def resume_later(self) -> Resumed:
        """When every lease has ended."""
        self.clock.advance(LONGER_THAN_ANY_LEASE)
        return await self.resume()

    def image(
        self,
        content: bytes = IMAGE,
        *,
        filename: str = "board.png",
        stream: AsyncIterator[bytes] | None = None,
        labels: Callable[[], Awaitable[Labels]] | None = None,
    ) -> IncomingImage:
        """An upload whose body and labels are moments too."""

        async def read_labels() -> Labels:
            await self.moments.reach("labels")
            return await labels() if labels else Labels(lot_id="LOT-42")

        body = momentous("body", self.moments, stream or in_pieces(content))
        return IncomingImage(filename, body, read_labels)

    async def rows(self) -> Mapping[str, Inspection]:
        return await self.database.begin(read_only=True)

    async def row(self) -> Inspection:
        """The only one."""
        [row] = (await self.rows()).values()
        return row

    async def keys(self) -> frozenset[str]:
        return frozenset([key async for key in self.store.list("")])

    async def record(self, inspection: Inspection, *, replacing: Inspection | None = None) -> Inspection:
        """Put a row there by hand, with its upload in the store."""
        await self.store.write(inspection.file_key, bytes_chunks(IMAGE))
        async with self.database.unit_of_work() as unit:
            if replacing is None:
                await unit.inspections.add(inspection)
            else:
                await unit.inspections.replace(replacing, inspection)
            await unit.commit()
        return inspection

    async def store_pictures(self, inspection: Inspection) -> None:
        """Those of its attempt."""
        for kind in PictureKind:
            await self.store.write(inspection.picture_key(kind), bytes_chunks(b"\x89PNG\r\n\x1a\n"))

    async def taken_over(self, inspection: Inspection) -> Inspection:
        """Somebody else begins the next attempt."""
        row = (await self.rows())[inspection.id]
        later = self.clock() + timedelta(seconds=self.limits.lease_seconds)
        taken = row.deleting(self.clock(), later) if row.state is State.RECEIVING else row.claimed(self.clock(), later)
        return await self.record(taken, replacing=row)

    async def assert_consistent(self, *, older_pictures_may_be_left: bool = False) -> None:
        """Every row has ended; every file lies under a live row; `inspected` has just its three pictures."""
        keys, rows = await self.keys(), await self.rows()
        expected: set[str] = set()
        for row in rows.values():
            assert row.state in {State.INSPECTED, State.FAILED}, row
            assert row.lease_until is None
            assert (row.findings is not None, row.failure is not None) == _has(row.state)
            expected |= {row.file_key, *picture_keys(row)}
        assert expected <= keys
        orphans = {key for key in keys - expected if key.split("/")[2] not in rows}
        assert not orphans
        assert older_pictures_may_be_left or keys == expected
        assert not self.moments.held_across


def _has(state: State) -> tuple[bool, bool]:
    """Whether there are findings; whether there is a failure."""
    return state is State.INSPECTED, state is State.FAILED


def picture_keys(inspection: Inspection) -> set[str]:
    """Those that the row names."""
    if inspection.findings is None:
        return set()
    assert set(inspection.findings.pictures) == set(PictureKind)
    return {picture.key for picture in inspection.findings.pictures.values()}


async def in_pieces(content: bytes, pieces: int = 3) -> AsyncIterator[bytes]:
    size = len(content) // pieces + 1
    for start in range(0, len(content), size):
        yield content[start : start + size]


def expired(inspection: Inspection, lease_until: datetime = NOW) -> Inspection:
    """The same, its lease over."""
    return replace(inspection, lease_until=lease_until)
