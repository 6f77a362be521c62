"""The composition root: settings become adapters, adapters become use cases. Nothing else names an adapter."""

import os
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from aoi.domain.check_readiness import CheckReadiness
from aoi.domain.defects import Analysis
from aoi.domain.guarded_engine import GuardedEngine
from aoi.domain.leases import utc_now
from aoi.domain.limits import Limits
from aoi.domain.ports import Checkable, FileStore, ImageReader, InferenceEngine, UnitOfWorkFactory
from aoi.domain.read_inspection import ReadInspection
from aoi.domain.resume_interrupted import ResumeInterrupted
from aoi.domain.retry_inspection import RetryInspection
from aoi.domain.upload_image import UploadImage
from aoi.settings import MEGABYTE, InvalidSetting, Settings

if TYPE_CHECKING:
    from aoi.adapters.sql.database import SqlDatabase

REFERENCE_CLASSES = ("PI_Particle", "PR_Peeling", "Copper_Nodule", "Env_Particle")
"""The classes of the reference model, from 1."""
SHARE_OF_THE_DEADLINE = 0.98
"""An engine that gives up by itself says why; the guard around it can only say that it took too long."""


@dataclass(frozen=True, slots=True)
class Application:
    """The use cases, sharing one engine, one file store and one database."""

    limits: Limits
    files: FileStore
    upload_image: UploadImage
    retry_inspection: RetryInspection
    resume_interrupted: ResumeInterrupted
    read_inspection: ReadInspection
    check_readiness: CheckReadiness


def assemble(
    *,
    engine: InferenceEngine,
    files: FileStore,
    image_reader: ImageReader,
    unit_of_work: UnitOfWorkFactory,
    database: Checkable,
    limits: Limits = Limits(),
) -> Application:
    """An application on adapters of your own choice."""
    guarded = GuardedEngine.around(engine, limits)
    return Application(
        limits=limits,
        files=files,
        upload_image=UploadImage(
            engine=guarded, files=files, image_reader=image_reader, unit_of_work=unit_of_work, limits=limits
        ),
        retry_inspection=RetryInspection(engine=guarded, files=files, unit_of_work=unit_of_work, limits=limits),
        resume_interrupted=ResumeInterrupted(engine=guarded, files=files, unit_of_work=unit_of_work, limits=limits),
        read_inspection=ReadInspection(unit_of_work),
        check_readiness=CheckReadiness(database, files, guarded),
    )


@asynccontextmanager
async def open_application(settings: Settings) -> AsyncGenerator[Application]:
    """The application that the settings describe, its database upgraded; everything is closed on leaving.

    Raises `InvalidSetting`, or `DatabaseUnavailable` where the database cannot be opened or upgraded.
    """
    from aoi.adapters.image_reader import DecodingImageReader

    async with AsyncExitStack() as resources:
        limits = _limits(settings)
        engine = await resources.enter_async_context(_open_engine(settings))
        database = await resources.enter_async_context(open_database(settings))
        await database.upgrade()
        files = await open_file_store(settings)
        yield assemble(
            engine=engine,
            files=files,
            image_reader=DecodingImageReader(
                max_megapixels=settings.max_image_megapixels, concurrency=settings.decode_concurrency
            ),
            unit_of_work=database.unit_of_work,
            database=database,
            limits=limits,
        )


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncGenerator["SqlDatabase"]:
    """The database of AOI_DATABASE_URL, as it is found: not upgraded."""
    from aoi.adapters.sql.database import SqlDatabase

    database = SqlDatabase(settings.effective_database_url)
    try:
        yield database
    finally:
        await database.close()


async def open_file_store(settings: Settings) -> FileStore:
    """The file store of AOI_STORAGE_URL, without what a killed process may have left half written in it."""
    from aoi.adapters.storage.local import open_local_store

    url = settings.effective_storage_url
    if not url.startswith("file:"):
        raise InvalidSetting("AOI_STORAGE_URL must begin with file: and name a folder, like file:./aoi-data/files.")
    try:
        files = open_local_store(url)
    except ValueError as error:
        raise InvalidSetting(f"AOI_STORAGE_URL is {url!r}: {error}") from error
    await files.remove_leftovers()
    return files


def _limits(settings: Settings) -> Limits:
    """The bounds of the use cases; an embedded engine gains nothing from more images at once than processors."""
    if not settings.inference_url.startswith("embedded:"):
        return settings.limits
    concurrency = min(settings.inference_concurrency, os.cpu_count() or 1)
    return replace(settings.limits, inference_concurrency=concurrency)


@asynccontextmanager
async def _open_engine(settings: Settings) -> AsyncGenerator[InferenceEngine]:
    scheme = settings.inference_url.partition(":")[0]
    if scheme == "embedded":
        yield _embedded_engine(settings)
    elif scheme in {"segformer+http", "segformer+https"}:
        async with _segformer_engine(settings) as engine:
            yield engine
    else:
        raise InvalidSetting(
            "AOI_INFERENCE_URL must be embedded: or embedded:?sensitivity=low|normal|high,"
            " or segformer+http:// (or segformer+https://) and the address of the service."
        )


def _embedded_engine(settings: Settings) -> InferenceEngine:
    from aoi.adapters.inference.embedded import EmbeddedEngine
    from aoi.adapters.inference.path_opening import Sensitivity

    name, _, query = settings.inference_url.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    sensitivity = options.pop("sensitivity", Sensitivity.NORMAL.value)
    if options or name != "embedded:" or sensitivity not in set(Sensitivity):
        raise InvalidSetting(
            "AOI_INFERENCE_URL must be embedded: or embedded:?sensitivity=low, normal or high; the embedded engine"
            " takes nothing else."
        )
    return EmbeddedEngine(
        sensitivity=Sensitivity(sensitivity),
        max_regions=settings.max_regions,
        concurrency=_limits(settings).inference_concurrency,
    )


@asynccontextmanager
async def _segformer_engine(settings: Settings) -> AsyncGenerator[InferenceEngine]:
    from aoi.adapters.inference.segformer_http import SegFormerHttp

    try:
        engine = SegFormerHttp(
            settings.inference_url,
            timeout=settings.inference_timeout,
            attempts=settings.inference_attempts,
            deadline=settings.inference_deadline * SHARE_OF_THE_DEADLINE,
            max_answer_bytes=int(settings.max_answer_mb * MEGABYTE),
            connections=settings.inference_concurrency + 1,  # readiness is asked for beside the images
        )
    except ValueError as error:
        raise InvalidSetting(f"AOI_INFERENCE_URL cannot be used. {error}") from error
    try:
        yield engine
    finally:
        await engine.close()


def analyse_mask(content: bytes, names: Sequence[str] | None = None) -> Analysis:
    """The regions in a class mask (a PNG); the classes are named from 1 on, by default as in the reference model.

    Raises `ValueError` where the file is no class mask or holds a class without a name.
    """
    from aoi.adapters.inference.class_masks import read_class_mask
    from aoi.adapters.inference.regions import analyse

    started = time.perf_counter()
    analysis = analyse(read_class_mask(content), dict(enumerate(names or REFERENCE_CLASSES, start=1)))
    seconds = time.perf_counter() - started
    return replace(
        analysis, processing_time_seconds=round(seconds, 4), engine_timestamp=f"{utc_now():%Y-%m-%d %H:%M:%S}"
    )
