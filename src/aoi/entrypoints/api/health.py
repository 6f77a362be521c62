"""Whether the process lives, and whether it can serve."""

from typing import Annotated

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Meta, Struct

from aoi.domain.check_readiness import CheckReadiness
from aoi.domain.version import aoi_version
from aoi.entrypoints.api.openapi import problem_specs


class HealthAnswer(Struct):
    """The process lives."""

    status: Annotated[str, Meta(description="Always `ok`")]
    version: Annotated[str, Meta(description="The version of aoi")]


class PartAnswer(Struct):
    """One part that aoi needs."""

    ready: bool
    milliseconds: Annotated[float, Meta(description="How long it took to answer")]
    detail: Annotated[str, Meta(description="What it is, or why it cannot serve")]


class ReadinessAnswer(Struct):
    """Whether aoi can take images, and each part that it needs for that."""

    ready: bool
    parts: Annotated[dict[str, PartAnswer], Meta(description="`database`, `storage` and `engine`")]


class HealthController(Controller):
    path = "/health"
    tags = ("Operating",)

    @get("/", summary="Whether the process lives", operation_id="health", sync_to_thread=False)
    def health(self) -> HealthAnswer:
        return HealthAnswer("ok", aoi_version())

    @get(
        "/ready",
        summary="Whether aoi can serve",
        operation_id="ready",
        responses={
            503: ResponseSpec(ReadinessAnswer, generate_examples=False, description="A part cannot serve"),
            **problem_specs(500),
        },
    )
    async def ready(self, check_readiness: NamedDependency[CheckReadiness]) -> Response[ReadinessAnswer]:
        parts = await check_readiness()
        ready = all(part.ready for part in parts)
        answer = ReadinessAnswer(
            ready, {part.name: PartAnswer(part.ready, part.milliseconds, part.detail) for part in parts}
        )
        return Response(answer, status_code=200 if ready else 503, headers={"Cache-Control": "no-store"})
