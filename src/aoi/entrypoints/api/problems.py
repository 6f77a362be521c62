"""How the API answers what went wrong."""

import logging
import math
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from aoi.domain import errors
from aoi.domain.errors import AoiError
from aoi.domain.inspection import Failure, Inspection
from aoi.entrypoints.problem import Problem, problem_of

logger = logging.getLogger(__name__)

PROBLEM_MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
STATUS_WITH_RETRY_AFTER = {429, 503}


def base_url_of(request: Request[Any, Any, Any]) -> str:
    """Where clients reach this server, by their own words or those of a trusted proxy; no slash at the end."""
    return str(request.base_url).rstrip("/")


def _with_links(request: Request[Any, Any, Any], problem: Problem, inspection_id: str) -> Problem:
    image_url = f"{base_url_of(request)}/images/{inspection_id}"
    return msgspec.structs.replace(
        problem, img_unique_id=inspection_id, status_url=image_url, retry_url=f"{image_url}/retry"
    )


def problem_response(problem: Problem, retry_after: float | None = None) -> Response[Problem]:
    """The answer that carries a problem; `retry_after` is in seconds."""
    headers = {"Cache-Control": "no-store"}
    if problem.status in STATUS_WITH_RETRY_AFTER:
        headers["Retry-After"] = str(math.ceil(retry_after or RETRY_AFTER_SECONDS))
    return Response(problem, status_code=problem.status, media_type=PROBLEM_MEDIA_TYPE, headers=headers)


def failure_response(request: Request[Any, Any, Any], inspection: Inspection) -> Response[Problem]:
    """The answer for an upload that was kept though it has no findings."""
    failure = inspection.failure or Failure.from_error(errors.InspectionChanged())
    problem = problem_of(failure.code, failure.detail, request.url.path)
    return problem_response(_with_links(request, problem, inspection.id), failure.retry_after)


def answer_domain_error(request: Request[Any, Any, Any], error: AoiError) -> Response[Problem]:
    """The answer for an error of the domain."""
    problem = problem_of(error.code, error.detail, request.url.path)
    if error.inspection_id is not None:
        problem = _with_links(request, problem, error.inspection_id)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s %s: %s", request.method, request.url.path, error.detail, exc_info=error)
    return problem_response(problem, error.retry_after)


def answer_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """The answer for an error of the framework: no such path, a method or a query value that is not taken."""
    phrase = HTTPStatus(error.status_code).phrase
    problem = Problem(
        type=f"/problems/{phrase.lower().replace(' ', '-')}",
        title=phrase.capitalize(),
        status=error.status_code,
        detail=_detail(request, error),
        instance=request.url.path,
    )
    response = problem_response(problem)
    response.headers.update(error.headers or {})
    return response


def _detail(request: Request[Any, Any, Any], error: HTTPException) -> str:
    if isinstance(error, NotFoundException):
        return "There is nothing at this path. See /docs for what can be asked."
    if isinstance(error, MethodNotAllowedException):
        allowed = ", ".join(sorted((error.headers or {}).get("allow", "").split(", ")))
        return f"This path does not take {request.method}; it takes {allowed}. See /docs for what can be asked."
    return f"{error.detail.rstrip('.')}. See /docs for what can be asked."


def answer_unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The answer for a fault of aoi itself: the reason goes into the log, never to the client."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem_response(problem_of("error", "aoi failed at this request. Its log says why.", request.url.path))
