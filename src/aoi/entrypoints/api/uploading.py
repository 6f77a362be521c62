"""Sending an image in."""

import base64
import time
from typing import Any

import anyio
import msgspec
from litestar import Controller, MediaType, Request, Response, post
from litestar.di import NamedDependency
from msgspec import Struct

from aoi.domain.defects import Findings
from aoi.domain.errors import ImageTooLarge
from aoi.domain.inspection import Inspection
from aoi.domain.limits import Limits
from aoi.domain.ports import FileStore
from aoi.domain.upload_image import UploadImage
from aoi.entrypoints.answers import ImagesAnswer, UploadAnswer, image_urls, upload_answer
from aoi.entrypoints.api.images_in import ImagesIn, ImagesParameter, images_in
from aoi.entrypoints.api.multipart import FRAMING_BYTES, ImageForm
from aoi.entrypoints.api.openapi import UploadOperation, problem_specs
from aoi.entrypoints.api.problems import base_url_of, failure_response


class UploadController(Controller):
    tags = ("Uploading",)

    @post(
        "/upload",
        summary="Inspect one image",
        description="Stores the image, sets the engine on it, and answers with its defects and its pictures.",
        operation_id="upload_image",
        operation_class=UploadOperation,
        status_code=200,
        request_max_body_size=None,
        responses=problem_specs(400, 409, 413, 415, 422, 500, 502, 503, 504, 507),
    )
    async def upload(
        self,
        request: Request[Any, Any, Any],
        upload_image: NamedDependency[UploadImage],
        files: NamedDependency[FileStore],
        limits: NamedDependency[Limits],
        images: ImagesParameter = ImagesIn.URL.value,
    ) -> Response[UploadAnswer]:
        started = time.perf_counter()
        shown = images_in(images)
        form = ImageForm(request.stream(), request.headers.get("content-type", ""), _body_limit(request, limits))
        try:
            inspection = await upload_image(await form.incoming())
        finally:
            await form.close()
        return await inspection_response(request, inspection, files, shown, started)


def _body_limit(request: Request[Any, Any, Any], limits: Limits) -> int:
    """What the body may hold, in bytes; raises `ImageTooLarge` where it says beforehand that it is larger."""
    limit = limits.max_image_bytes + FRAMING_BYTES
    if (request.content_length or 0) > limit:
        raise ImageTooLarge
    return limit


async def inspection_response(
    request: Request[Any, Any, Any], inspection: Inspection, files: FileStore, images: ImagesIn, started: float
) -> Response[Any]:
    """The answer to an upload or a retry that began at `started` (of `time.perf_counter`)."""
    if inspection.findings is None:
        return failure_response(request, inspection)
    base_url = base_url_of(request)
    shown = image_urls(inspection, base_url)
    if images is ImagesIn.BASE64:
        shown = await _in_base64(inspection, inspection.findings, files)
    seconds = time.perf_counter() - started
    answer = upload_answer(inspection, inspection.findings, shown, base_url, seconds)
    return await json_response(answer)


async def json_response(answer: Struct) -> Response[Any]:
    """The answer, encoded off the event loop: it may hold pictures or a hundred thousand regions."""
    return Response(await anyio.to_thread.run_sync(msgspec.json.encode, answer), media_type=MediaType.JSON)


async def _in_base64(inspection: Inspection, findings: Findings, files: FileStore) -> ImagesAnswer:
    keys = {"input": inspection.file_key} | {kind.value: kept.key for kind, kept in findings.pictures.items()}
    return ImagesAnswer(**{name: await _file_in_base64(files, key) for name, key in keys.items()})


async def _file_in_base64(files: FileStore, key: str) -> str:
    content = b"".join([chunk async for chunk in files.read(key)])
    return (await anyio.to_thread.run_sync(base64.b64encode, content)).decode()
