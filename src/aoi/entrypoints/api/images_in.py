"""The query parameter `images`."""

from enum import StrEnum
from typing import Annotated

from litestar.params import QueryParameter

from aoi.entrypoints.problem import InvalidQuery


class ImagesIn(StrEnum):
    """How pictures are answered."""

    URL = "url"
    BASE64 = "base64"


ImagesParameter = Annotated[
    str,
    QueryParameter(
        description="`url`: where to download the pictures; `base64`: the pictures themselves",
        schema_extra={"enum": tuple(ImagesIn)},
    ),
]


def images_in(value: str) -> ImagesIn:
    """Raises `InvalidQuery`, naming what may be asked for."""
    try:
        return ImagesIn(value)
    except ValueError:
        raise InvalidQuery(f"images={value[:40]!r} is unknown; ask for images=url or images=base64.") from None
