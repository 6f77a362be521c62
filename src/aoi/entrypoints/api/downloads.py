"""Taking pictures and results away."""

import hashlib
from functools import partial
from mimetypes import guess_type
from typing import Annotated, Any

import anyio
import msgspec
from litestar import Controller, HttpMethod, MediaType, Request, Response, route
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, PathParameter
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition

from aoi.domain.defects import PictureKind
from aoi.domain.errors import StoredFileMissing
from aoi.domain.inspection import Inspection
from aoi.domain.ports import FileStore
from aoi.domain.read_inspection import ReadInspection
from aoi.domain.streams import bytes_chunks
from aoi.entrypoints.api.file_response import Download, answer_download
from aoi.entrypoints.api.openapi import problem_specs
from aoi.entrypoints.result_json import ResultJson, result_of

INPUT = "input"
KINDS = (INPUT, *PictureKind)
FILE_STATUSES: dict[int, ResponseSpec] = {
    206: ResponseSpec(bytes, description="The range that was asked for", media_type="application/octet-stream"),
    304: ResponseSpec(None, description="The client has it already", media_type=MediaType.TEXT),
}

ImageKind = Annotated[
    str,
    PathParameter(description="The input as it was sent, or a picture of the result", schema_extra={"enum": KINDS}),
]


GET_OR_HEAD = (HttpMethod.GET, HttpMethod.HEAD)


def _operation_id(
    name: str, _handler: HTTPRouteHandler, method: Method, _path: list[str | PathParameterDefinition]
) -> str:
    return name if method == HttpMethod.GET else f"{name}_head"


class DownloadController(Controller):
    path = "/download"
    tags = ("Taking away",)

    @route(
        "/image/{image_id:str}/{kind:str}",
        summary="Download a picture",
        http_method=GET_OR_HEAD,
        operation_id=partial(_operation_id, "download_image"),
        media_type="image/png",
        responses={**FILE_STATUSES, **problem_specs(400, 404, 416, 500, 503)},
    )
    async def download_image(
        self,
        request: Request[Any, Any, Any],
        image_id: FromPath[str],
        kind: ImageKind,
        read_inspection: NamedDependency[ReadInspection],
        files: NamedDependency[FileStore],
    ) -> Response[bytes]:
        inspection = await read_inspection(image_id)
        return answer_download(request, await _picture(inspection, kind, files))

    @route(
        "/json/{image_id:str}",
        summary="Download the analysis",
        description="In the shape of `result` in the answer to an upload.",
        http_method=GET_OR_HEAD,
        operation_id=partial(_operation_id, "download_json"),
        responses={**FILE_STATUSES, **problem_specs(400, 404, 416, 500, 503)},
    )
    async def download_json(
        self,
        request: Request[Any, Any, Any],
        image_id: FromPath[str],
        read_inspection: NamedDependency[ReadInspection],
    ) -> Response[ResultJson]:
        inspection = await read_inspection(image_id)
        download = await anyio.to_thread.run_sync(_analysis, inspection)
        return answer_download(request, download)


async def _picture(inspection: Inspection, kind: str, files: FileStore) -> Download:
    key, digest = _stored(inspection, kind)
    extension = key.rpartition(".")[2]
    return Download(
        filename=f"{_stem(inspection.filename)}_{kind}.{extension}" if kind != INPUT else inspection.filename,
        media_type=guess_type(key)[0] or "application/octet-stream",
        size_bytes=await files.size(key),
        changed_at=inspection.changed_at,
        digest=digest,
        read=lambda start, end: files.read(key, start, end),
    )


def _stored(inspection: Inspection, kind: str) -> tuple[str, str | None]:
    if kind == INPUT:
        return inspection.file_key, inspection.facts.sha256 if inspection.facts else None
    if kind not in KINDS:
        raise StoredFileMissing(f"There is no picture {kind[:40]!r}. The pictures are: {', '.join(KINDS)}.")
    picture = inspection.findings.pictures.get(PictureKind(kind)) if inspection.findings else None
    if picture is None:
        raise StoredFileMissing(f"The image is {inspection.state} and has no {kind} picture.")
    return picture.key, picture.sha256


def _analysis(inspection: Inspection) -> Download:
    if inspection.findings is None:
        raise StoredFileMissing(f"The image is {inspection.state} and has no analysis.")
    content = msgspec.json.format(msgspec.json.encode(result_of(inspection.findings.analysis)), indent=1)
    return Download(
        filename=f"{_stem(inspection.filename)}.json",
        media_type="application/json",
        size_bytes=len(content),
        changed_at=inspection.changed_at,
        digest=hashlib.sha256(content).hexdigest(),
        read=lambda start, end: bytes_chunks(content[start:end]),
    )


def _stem(filename: str) -> str:
    return filename.rpartition(".")[0] or filename
