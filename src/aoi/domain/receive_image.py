"""The first half of an upload: from a stream of bytes to a whole, durable, acknowledged image."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

import anyio

from aoi.domain.delete_inspection import DeleteInspection
from aoi.domain.errors import AoiError, InspectionChanged, InspectionNotFound, UploadInterrupted
from aoi.domain.image import ImageFacts, ImageFormat, IncomingImage, Labels
from aoi.domain.inspection import Inspection, State
from aoi.domain.leases import Leases
from aoi.domain.ports import FileStore, ImageReader, InferenceEngine
from aoi.domain.streams import Measured, closing, peeked

logger = logging.getLogger(__name__)

HEAD_BYTES = 64
CLEAN_UP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class ReceiveImage:
    """Records an image, stores it, and proves that it is whole and of a kind that the engine takes.

    Raises an `UploadRejected`, `StorageUnavailable`, `StorageFull` or `DatabaseUnavailable`; neither row nor file is
    left then, nor where it is cancelled.
    """

    engine: InferenceEngine
    files: FileStore
    reader: ImageReader
    leases: Leases
    max_image_bytes: int

    async def __call__(self, image: IncomingImage) -> Inspection:
        async with closing(image.content):
            measured = Measured(image.content, self.max_image_bytes)
            head, content = await peeked(measured.chunks(), HEAD_BYTES)
            inspection = await self._record(image.filename, self.reader.format_of(head))
            try:
                return await self._receive(inspection, image, measured, content)
            except BaseException as error:  # cancellation too: what was not acknowledged leaves nothing
                await self._discard(inspection)
                if isinstance(error, InspectionChanged):  # its lease was lost, and it was cleaned away
                    raise UploadInterrupted("The upload was interrupted, and cleaned away. Send it again.") from error
                raise

    async def _record(self, filename: str, image_format: ImageFormat) -> Inspection:
        now = self.leases.clock()
        inspection = Inspection.receiving(filename, image_format, now, self.leases.end())
        async with self.leases.unit_of_work() as unit:
            await unit.inspections.add(inspection)
            await unit.commit()
        return inspection

    async def _receive(
        self, inspection: Inspection, image: IncomingImage, measured: Measured, content: AsyncIterator[bytes]
    ) -> Inspection:
        async def store() -> tuple[ImageFacts, Labels]:
            await self.files.write(inspection.file_key, content)
            labels = await image.read_labels()
            pixels = await self.reader.read(lambda: self.files.read(inspection.file_key))
            facts = ImageFacts(pixels, measured.size_bytes, measured.sha256)
            self.engine.accept(facts)
            return facts, labels

        facts, labels = await self.leases.hold(inspection, store)
        received = inspection.received(facts, labels, self.leases.clock(), self.leases.end())
        await self.leases.replace(inspection, received)
        return received

    async def _discard(self, inspection: Inspection) -> None:
        with anyio.move_on_after(CLEAN_UP_SECONDS, shield=True):
            try:
                await self._delete(inspection)
            except AoiError as error:
                logger.warning("What is left of %s is cleaned up when its lease ends: %s", inspection.id, error.detail)

    async def _delete(self, inspection: Inspection) -> None:
        try:
            await DeleteInspection(self.files, self.leases)(inspection)
        except InspectionChanged:
            # Who took it over may have looked for the file before it was written; nobody but this upload writes it.
            if await self._is_gone(inspection):
                await self.files.delete([inspection.file_key])

    async def _is_gone(self, inspection: Inspection) -> bool:
        """Whether it is deleted, or about to be; otherwise the commit that acknowledged it was made after all."""
        try:
            async with self.leases.unit_of_work(read_only=True) as unit:
                recorded = await unit.inspections.get(inspection.id)
        except InspectionNotFound:
            return True
        return recorded.state is State.DELETING
