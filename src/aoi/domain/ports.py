"""What aoi needs of the world outside. `aoi.testing` holds the tests that every implementation must pass."""

from collections.abc import AsyncIterator, Callable, Collection
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from aoi.domain.defects import Detection, EngineInfo
from aoi.domain.image import ImageFacts, ImageFormat, PixelFacts, StoredImage
from aoi.domain.inspection import Inspection

Clock = Callable[[], datetime]
"""The time now, with its zone."""


@runtime_checkable
class ImageReader(Protocol):
    """Tells what an image is, by its content alone."""

    def format_of(self, head: bytes) -> ImageFormat:
        """The format of a file that begins with `head` (its first 64 bytes, or all of it).

        MUST raise `UnsupportedMediaType` for anything else, `EmptyImage` for nothing. MUST NOT block.
        """
        ...

    async def read(self, content: Callable[[], AsyncIterator[bytes]]) -> PixelFacts:
        """Decode the whole image once and say what it is; `content()` streams its bytes.

        MUST check the header's claims before it decodes; MUST raise `TooManyPixels`, `SeveralFrames`, `CorruptImage`
        (a truncated file too) or `UnsupportedMediaType`; MUST hold no more images in memory than its limit says.
        """
        ...


@runtime_checkable
class InferenceEngine(Protocol):
    """Finds the defects in an image."""

    def accept(self, facts: ImageFacts) -> None:
        """MUST raise `UnsupportedPixels`, with the reason, for an image that `inspect` would have to alter silently.

        Asked before an upload is acknowledged; MUST NOT block.
        """
        ...

    async def inspect(self, image: StoredImage) -> Detection:
        """The defects, in coordinates of the upright image, and one PNG of each kind.

        MUST raise an `InferenceFailed` where there is no whole and valid result; MUST retry by itself what can pass;
        MUST stop when cancelled. MAY be called several times at once, and again for the same image.
        """
        ...

    async def describe(self) -> EngineInfo:
        """What the engine is, as it stands now. MUST raise `EngineUnavailable` where it cannot serve."""
        ...


@runtime_checkable
class FileStore(Protocol):
    """Keeps files by their keys (`folder/folder/name.extension`, ASCII). Whatever it raises is a domain error:
    `StorageUnavailable`, `StorageFull` or `StoredFileMissing`.
    """

    async def write(self, key: str, content: AsyncIterator[bytes]) -> None:
        """Store the whole stream under `key`.

        On return the file MUST be durable. Where `content` raises, or the write is cancelled, that error passes
        unchanged and no file MUST be left; a reader MUST never see half a file. An existing file is replaced. MUST
        hold no more than a few chunks in memory.
        """
        ...

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Stream the bytes `start` to `end` (exclusive; `None`: to the last), in chunks of bounded size.

        MUST raise `StoredFileMissing` at the first step where there is none; `start` MUST lie within the file.
        """
        ...

    async def size(self, key: str) -> int:
        """Its size in bytes. MUST raise `StoredFileMissing` where there is none."""
        ...

    async def delete(self, keys: Collection[str]) -> None:
        """Delete these files. A key that has no file MUST be passed over."""
        ...

    def list(self, prefix: str) -> AsyncIterator[str]:
        """The keys of all files below the folder `prefix` (which ends in `/`; empty: all), in any order."""
        ...

    async def check(self) -> None:
        """MUST raise where files cannot be written, read and deleted."""
        ...


@runtime_checkable
class InspectionRepository(Protocol):
    """The inspections, within one unit of work. Raises `DatabaseUnavailable`."""

    async def add(self, inspection: Inspection) -> None:
        """Record a new inspection."""
        ...

    async def get(self, inspection_id: str) -> Inspection:
        """The inspection, with its findings. MUST raise `InspectionNotFound`."""
        ...

    async def replace(self, old: Inspection, new: Inspection) -> None:
        """Put `new` in the place of `old`.

        MUST raise `InspectionChanged`, and change nothing, unless what is recorded has the `id`, `state` and `attempt`
        of `old`. Findings MUST become visible whole or not at all, and MUST vanish with a state that has none.
        """
        ...

    async def renew(self, inspection: Inspection, lease_until: datetime) -> None:
        """Move the lease. MUST raise `InspectionChanged` on the same terms as `replace`."""
        ...

    async def next_expired(self, now: datetime) -> Inspection | None:
        """The inspection whose lease ended first, at `now` or before.

        MUST be safe from every other unit of work until this one ends: two never get the same one.
        """
        ...

    async def remove(self, inspection: Inspection) -> None:
        """Forget it. MUST raise `InspectionChanged` on the same terms as `replace`; a missing one is passed over."""
        ...


@runtime_checkable
class UnitOfWork(Protocol):
    """One transaction: `async with` begins it; it MUST be rolled back unless `commit` returned."""

    @property
    def inspections(self) -> InspectionRepository: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    async def commit(self) -> None:
        """Make everything durable. MUST raise `DatabaseUnavailable` where that is not certain."""
        ...


@runtime_checkable
class UnitOfWorkFactory(Protocol):
    """Begins units of work. One that only reads MUST NOT wait for those that write."""

    def __call__(self, *, read_only: bool = False) -> UnitOfWork: ...


@runtime_checkable
class Checkable(Protocol):
    """A part that can say whether it is well."""

    async def check(self) -> None:
        """MUST raise a domain error where the part cannot serve."""
        ...
