"""Errors as RFC 9457 problems: one table from what went wrong to what a client is told."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from aoi.domain import errors
from aoi.domain.errors import AoiError


class MalformedUpload(errors.UploadRejected):
    """The body is not the multipart/form-data that this operation takes. See /docs for an example."""

    code = "malformed-upload"


class InvalidQuery(AoiError):
    """A value in the query is not one that this operation takes. See /docs for those it takes."""

    code = "invalid-query"


STATUS_OF: dict[type[AoiError], int] = {
    AoiError: 500,
    errors.UploadRejected: 422,
    MalformedUpload: 400,
    InvalidQuery: 400,
    errors.InvalidFilename: 400,
    errors.InvalidLabels: 422,
    errors.UploadInterrupted: 400,
    errors.ImageRejected: 422,
    errors.EmptyImage: 422,
    errors.UnsupportedMediaType: 415,
    errors.ImageTooLarge: 413,
    errors.TooManyPixels: 422,
    errors.CorruptImage: 422,
    errors.SeveralFrames: 422,
    errors.UnsupportedPixels: 422,
    errors.InferenceFailed: 502,
    errors.EngineUnavailable: 503,
    errors.EngineTimedOut: 504,
    errors.EngineRefused: 502,
    errors.EngineFailed: 502,
    errors.InvalidEngineAnswer: 502,
    errors.TooManyRegions: 502,
    errors.RepeatedlyInterrupted: 502,
    errors.StorageUnavailable: 503,
    errors.StorageFull: 507,
    errors.StoredFileMissing: 404,
    errors.DatabaseUnavailable: 503,
    errors.InspectionNotFound: 404,
    errors.InspectionNotFailed: 409,
    errors.InspectionChanged: 409,
}
"""The status of every error that can reach a client; a test holds it complete."""

STATUS_OF_CODE = {kind.code: status for kind, status in STATUS_OF.items()}


class Problem(Struct, omit_defaults=True):
    """What went wrong, after RFC 9457."""

    type: Annotated[str, Meta(description="A stable relative URI that names the kind of problem")]
    title: Annotated[str, Meta(description="The kind of problem in a few words")]
    status: Annotated[int, Meta(description="The HTTP status")]
    detail: Annotated[str, Meta(description="What happened and what to do")]
    instance: Annotated[str | UnsetType, Meta(description="The path that was asked for")] = UNSET
    img_unique_id: Annotated[str | UnsetType, Meta(description="The upload that was kept")] = UNSET
    status_url: Annotated[str | UnsetType, Meta(description="Where to ask for the state of the kept upload")] = UNSET
    retry_url: Annotated[str | UnsetType, Meta(description="POST here to try the kept upload again")] = UNSET


def problem_of(code: str, detail: str, instance: str | UnsetType = UNSET) -> Problem:
    """The problem of an error by its stable code; an unknown one counts as the server's own fault."""
    return Problem(
        type=f"/problems/{code}",
        title=code.replace("-", " ").capitalize(),
        status=STATUS_OF_CODE.get(code, 500),
        detail=detail,
        instance=instance,
    )
