"""The second half of an upload: from an acknowledged image to its findings, or to the reason why there are none."""

import hashlib
import logging
from dataclasses import dataclass, replace

import anyio

from aoi.domain.defects import Findings, PictureKind, StoredPicture
from aoi.domain.errors import (
    AoiError,
    InferenceFailed,
    InspectionChanged,
    InspectionNotFound,
    RepeatedlyInterrupted,
    StorageFull,
    StorageUnavailable,
    StoredFileMissing,
)
from aoi.domain.image import ImageFacts, StoredImage
from aoi.domain.inspection import Failure, Inspection
from aoi.domain.leases import Leases
from aoi.domain.ports import FileStore, InferenceEngine
from aoi.domain.streams import bytes_chunks

logger = logging.getLogger(__name__)

CLEAN_UP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class InspectReceived:
    """Sets the engine on an acknowledged image and keeps what it finds: rows and pictures, whole or not at all.

    Returns the inspection as `inspected`, or as `failed` with its reason and the upload kept. Raises
    `DatabaseUnavailable`, or `InspectionChanged` where somebody else took it over; cancelled, it gives the image back.
    """

    engine: InferenceEngine
    files: FileStore
    leases: Leases
    aoi_version: str | None = None

    async def __call__(self, inspection: Inspection) -> Inspection:
        claimed = inspection.claimed(self.leases.clock(), self.leases.end())
        await self.leases.replace(inspection, claimed)
        return await self.run(claimed)

    async def run(self, claimed: Inspection) -> Inspection:
        """The rest of the way, for an inspection that is claimed already."""
        try:
            done = await self._attempt(claimed)
            await self.leases.replace(claimed, done)
        except InspectionChanged:
            with anyio.move_on_after(CLEAN_UP_SECONDS, shield=True):
                await self._discard_pictures(claimed)
            raise
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(CLEAN_UP_SECONDS, shield=True):
                await self._give_back(claimed)
            raise
        return done

    async def _attempt(self, claimed: Inspection) -> Inspection:
        try:
            findings = await self.leases.hold(claimed, lambda: self._find(claimed))
        except (InferenceFailed, StorageUnavailable, StorageFull, StoredFileMissing) as error:
            logger.warning("The inspection of %s failed: %s", claimed.id, error.detail)
            await self._discard_pictures(claimed)
            return claimed.failed(Failure.from_error(error), self.leases.clock())
        return claimed.inspected(findings, self.leases.clock())

    async def _find(self, claimed: Inspection) -> Findings:
        if claimed.is_poison:
            raise RepeatedlyInterrupted
        image = StoredImage(claimed.id, _known(claimed.facts), lambda: self.files.read(claimed.file_key))
        detection = await self.engine.inspect(image)
        pictures = {
            kind: await self._store_picture(claimed.picture_key(kind), detection.pictures[kind]) for kind in PictureKind
        }
        if claimed.attempt > 1:  # before the row is `inspected`: whoever came after that would not find them
            await self._discard_pictures(replace(claimed, attempt=claimed.attempt - 1))
        return Findings(detection.analysis, pictures, replace(detection.engine, aoi_version=self.aoi_version))

    async def _store_picture(self, key: str, picture: bytes) -> StoredPicture:
        await self.files.write(key, bytes_chunks(picture))
        digest = await anyio.to_thread.run_sync(hashlib.sha256, picture)
        return StoredPicture(key, len(picture), digest.hexdigest())

    async def _discard_pictures(self, inspection: Inspection) -> None:
        """Delete the pictures of this attempt and of older ones: none of them is named by a row."""
        try:
            keys = [key async for key in self.files.list(inspection.results_prefix)]
            await self.files.delete([key for key in keys if inspection.is_past(key)])
        except AoiError as error:
            logger.warning("Pictures of %s that are not needed are still stored: %s", inspection.id, error.detail)

    async def _give_back(self, claimed: Inspection) -> None:
        try:
            await self.leases.replace(claimed, claimed.given_back(self.leases.clock()))
        except InspectionChanged:
            await self._discard_unless_named(claimed)
        except AoiError as error:
            logger.warning("%s could not be given back: %s", claimed.id, error.detail)
        else:
            await self._discard_pictures(claimed)

    async def _discard_unless_named(self, claimed: Inspection) -> None:
        """It was cancelled, and is no longer at work: either it had won already, or somebody took it over."""
        try:
            async with self.leases.unit_of_work(read_only=True) as unit:
                recorded = await unit.inspections.get(claimed.id)
        except InspectionNotFound:
            recorded = None
        except AoiError as error:
            logger.warning("Pictures of %s may be stored that are not needed: %s", claimed.id, error.detail)
            return
        if recorded is None or recorded.attempt != claimed.attempt:
            await self._discard_pictures(claimed)


def _known(facts: ImageFacts | None) -> ImageFacts:
    if facts is None:
        raise StoredFileMissing("The upload was recorded by another program, without its facts. Send it again.")
    return facts
