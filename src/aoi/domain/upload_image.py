"""An image goes in; its defects, its pictures and a durable record come out."""

from aoi.domain.errors import AoiError
from aoi.domain.guarded_engine import GuardedEngine
from aoi.domain.image import IncomingImage
from aoi.domain.inspect_received import InspectReceived
from aoi.domain.inspection import Inspection
from aoi.domain.leases import Leases, utc_now
from aoi.domain.limits import Limits
from aoi.domain.ports import Clock, FileStore, ImageReader, InferenceEngine, UnitOfWorkFactory
from aoi.domain.receive_image import ReceiveImage
from aoi.domain.version import aoi_version


class UploadImage:
    """Receives one image and inspects it.

    Returns the inspection: `inspected` with its findings, or `failed` with its reason, the upload kept for a retry.
    Raises an `UploadRejected` for an image that cannot be inspected (nothing of it is left), and `StorageUnavailable`,
    `StorageFull` or `DatabaseUnavailable`; their `inspection_id` is set where the upload was acknowledged before.
    """

    def __init__(
        self,
        *,
        engine: InferenceEngine,
        files: FileStore,
        image_reader: ImageReader,
        unit_of_work: UnitOfWorkFactory,
        limits: Limits = Limits(),
        clock: Clock = utc_now,
    ) -> None:
        engine = GuardedEngine.around(engine, limits)
        leases = Leases(unit_of_work, limits.lease_seconds, clock)
        self._receive = ReceiveImage(engine, files, image_reader, leases, limits.max_image_bytes)
        self._inspect = InspectReceived(engine, files, leases, aoi_version())

    async def __call__(self, image: IncomingImage) -> Inspection:
        received = await self._receive(image)
        try:
            return await self._inspect(received)
        except AoiError as error:
            error.inspection_id = received.id
            raise
