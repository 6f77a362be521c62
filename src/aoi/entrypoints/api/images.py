"""Asking for an image, and trying it again."""

import time
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from aoi.domain.ports import FileStore
from aoi.domain.read_inspection import ReadInspection
from aoi.domain.retry_inspection import RetryInspection
from aoi.entrypoints.answers import ImageAnswer, UploadAnswer, image_answer
from aoi.entrypoints.api.images_in import ImagesIn, ImagesParameter, images_in
from aoi.entrypoints.api.openapi import problem_specs
from aoi.entrypoints.api.problems import base_url_of
from aoi.entrypoints.api.uploading import inspection_response, json_response


class ImageController(Controller):
    path = "/images"
    tags = ("Asking",)

    @get(
        "/{image_id:str}",
        summary="What has become of an image",
        operation_id="get_image",
        responses=problem_specs(400, 404, 500, 503),
    )
    async def get_image(
        self,
        request: Request[Any, Any, Any],
        image_id: FromPath[str],
        read_inspection: NamedDependency[ReadInspection],
    ) -> Response[ImageAnswer]:
        inspection = await read_inspection(image_id)
        answer = image_answer(inspection, base_url_of(request))
        return await json_response(answer)

    @post(
        "/{image_id:str}/retry",
        summary="Inspect a kept image again",
        description="For an image whose inspection failed; its file need not be sent again. Answers as an upload does.",
        operation_id="retry_image",
        status_code=200,
        responses=problem_specs(400, 404, 409, 500, 502, 503, 504, 507),
    )
    async def retry_image(
        self,
        request: Request[Any, Any, Any],
        image_id: FromPath[str],
        retry_inspection: NamedDependency[RetryInspection],
        files: NamedDependency[FileStore],
        images: ImagesParameter = ImagesIn.URL.value,
    ) -> Response[UploadAnswer]:
        started = time.perf_counter()
        shown = images_in(images)
        inspection = await retry_inspection(image_id)
        return await inspection_response(request, inspection, files, shown, started)
