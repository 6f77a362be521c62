"""The SegFormer service as an inference engine."""

import dataclasses
import logging
from functools import partial

import anyio
from anyio import to_thread

from aoi.adapters.inference.segformer_http.address import Address
from aoi.adapters.inference.segformer_http.answer import NAME, read_answer
from aoi.adapters.inference.segformer_http.health import read_health
from aoi.adapters.inference.segformer_http.retries import Retries
from aoi.adapters.inference.segformer_http.service import Service
from aoi.adapters.inference.segformer_http.upload import Upload
from aoi.domain.defects import Detection, EngineInfo
from aoi.domain.errors import EngineFailed, EngineUnavailable, InferenceFailed, UnsupportedPixels
from aoi.domain.image import ImageFacts, Orientation, PixelFacts, StoredImage
from aoi.domain.streams import closing

logger = logging.getLogger(__name__)

HEALTH_SECONDS = 2.0
WORKER_THREADS = 4


class SegFormerHttp:
    """Sends each image to the SegFormer service at `base_url` and reads its answer, in both forms of its contract.

    `base_url` is `http://host:8080` or `https://user:password@host/base`, with `segformer+` before it or not. `timeout`
    bounds one try and `deadline` all `attempts` together, in seconds; the waits between them begin with `backoff`
    seconds and double. An answer of more than `max_answer_bytes` is refused. With more images at once than
    `connections`, an image waits for its connection within its own try. `takes_any_pixels` says that this service can
    inspect more than 8 bits, CMYK and alpha without altering them. Raises `ValueError` for a URL that is none.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout: float = 30.0,
        attempts: int = 4,
        deadline: float = 120.0,
        backoff: float = 1.0,
        max_answer_bytes: int = 256 * 1024 * 1024,
        connections: int = 64,
        takes_any_pixels: bool = False,
    ) -> None:
        self._service = Service(Address.from_url(base_url), max_answer_bytes=max_answer_bytes, connections=connections)
        self._retries = Retries(timeout, attempts, deadline, backoff)
        self._takes_any_pixels = takes_any_pixels
        self._threads = anyio.CapacityLimiter(WORKER_THREADS)
        self._info: EngineInfo | None = None
        self._first_use = anyio.Lock()

    async def close(self) -> None:
        """Close the kept connections; the engine cannot be used any more."""
        await self._service.close()

    def accept(self, facts: ImageFacts) -> None:
        """Raises `UnsupportedPixels` for what the service would reduce to 8-bit colour without a word."""
        reason = _alteration(facts.pixels)
        # Whoever takes any pixels takes them as they are stored: what has to be turned first is turned as 8 bits.
        if reason is not None and not (self._takes_any_pixels and facts.pixels.orientation is Orientation.UPRIGHT):
            raise UnsupportedPixels(
                f"The image has {reason}, and would be inspected as 8-bit grey or RGB without a word."
                " Convert it yourself, so that you see what is inspected."
            )

    async def inspect(self, image: StoredImage) -> Detection:
        """As the port says. What `image.content()` raises passes through, and is not tried again."""
        upload = await self._upload(image)
        answer = await self._retries.run(partial(self._service.upload, upload))
        detection = await to_thread.run_sync(read_answer, answer, image.facts.pixels, limiter=self._threads)
        info = await self._known_info()
        return dataclasses.replace(detection, engine=dataclasses.replace(info, reference=detection.engine.reference))

    async def describe(self) -> EngineInfo:
        """What `/health` says now. Raises `EngineUnavailable`, with the reason."""
        with anyio.move_on_after(self._retries.timeout):
            try:
                self._info = read_health(await self._service.health())
            except EngineUnavailable:
                raise
            except InferenceFailed as error:
                raise EngineUnavailable(f"The engine is not well: {error.detail}") from error
            return self._info
        raise EngineUnavailable(f"The engine's /health did not answer within {self._retries.timeout:g} seconds.")

    async def _upload(self, image: StoredImage) -> Upload:
        if image.facts.pixels.orientation is Orientation.UPRIGHT:
            return Upload.of_stored(image)
        # Some services apply the EXIF orientation and some do not, and none says which. A PNG that is upright already
        # leaves no choice, so that coordinates and pictures are those of the upright image.
        return Upload.of_png(image.id, await self._upright_png(image))

    async def _upright_png(self, image: StoredImage) -> bytes:
        # Imported here: only a turned image needs the decoders, which are slow to load.
        from aoi.adapters.pixels.upright import encode_upright_png

        async with closing(image.content()) as chunks:
            content = b"".join([chunk async for chunk in chunks])
        try:
            return await to_thread.run_sync(encode_upright_png, content, limiter=self._threads)
        except Exception as error:  # a decoder raises anything for a damaged file
            raise EngineFailed(
                "The stored image could not be turned upright for the engine. Check the file store; send it again."
            ) from error

    async def _known_info(self) -> EngineInfo:
        """What is known of the service, asked once; an inspection that has its answer does not fail for it."""
        async with self._first_use:
            if self._info is None:
                self._info = await self._asked_info()
            return self._info

    async def _asked_info(self) -> EngineInfo:
        with anyio.move_on_after(HEALTH_SECONDS):
            try:
                return await self.describe()
            except EngineUnavailable as error:
                logger.info("The results do not name their model: %s", error.detail)
        return EngineInfo(NAME)


def _alteration(pixels: PixelFacts) -> str | None:
    """What the service would alter, or `None`."""
    if pixels.bit_depth > 8:
        return f"{pixels.bit_depth} bits per channel"
    if pixels.color == "cmyk":
        return "CMYK colour"
    return "an alpha channel" if pixels.has_alpha else None
