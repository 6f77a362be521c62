"""Every AOI_* variable: read once, checked, and explained where it is wrong."""

import difflib
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from aoi.domain.errors import AoiError
from aoi.domain.limits import Limits

PREFIX = "AOI_"
MEGABYTE = 1024 * 1024


class InvalidSetting(AoiError):
    """A setting cannot be used. Correct the variable that the message names."""

    code = "invalid-setting"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator can choose. The variable of a field is its name in capitals after `AOI_`."""

    home: Annotated[str, Meta(min_length=1, description="The folder of everything that is embedded")] = "./aoi-data"
    inference_url: Annotated[
        str, Meta(min_length=1, description="`embedded:?sensitivity=low|normal|high` or `segformer+http://host:8080`")
    ] = "embedded:"
    storage_url: Annotated[str, Meta(description="`file:` and a folder; empty: `files` below AOI_HOME")] = ""
    database_url: Annotated[
        str, Meta(description="`sqlite+aiosqlite:///` and a file; empty: `aoi.db` below AOI_HOME")
    ] = ""
    host: Annotated[str, Meta(min_length=1, description="The address that the server listens on")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="The port that the server listens on; 0: any free one")] = (
        8000
    )
    trusted_proxies: Annotated[
        str, Meta(description="Addresses of proxies whose X-Forwarded-* headers are believed, with commas between")
    ] = ""
    max_requests: Annotated[int, Meta(ge=1, description="Requests at once; more are answered 503 with Retry-After")] = (
        200
    )
    shutdown_seconds: Annotated[
        int, Meta(ge=0, description="How long running requests may go on when the server is stopped")
    ] = 30
    max_image_mb: Annotated[float, Meta(gt=0, description="The largest upload, in MiB")] = 50
    max_image_megapixels: Annotated[float, Meta(gt=0, description="The largest image, in millions of pixels")] = 100
    max_regions: Annotated[int, Meta(ge=1, description="The most regions in one image")] = 100_000
    decode_concurrency: Annotated[int, Meta(ge=1, description="Uploads that are decoded at once")] = 1
    inference_concurrency: Annotated[int, Meta(ge=1, description="Images that the engine works on at once")] = 4
    inference_timeout: Annotated[float, Meta(gt=0, description="Seconds for one try of the engine service")] = 30
    inference_attempts: Annotated[int, Meta(ge=1, le=20, description="Tries of the engine service for one image")] = 4
    inference_deadline: Annotated[float, Meta(gt=0, description="Seconds for all tries of one image together")] = 120
    max_answer_mb: Annotated[float, Meta(gt=0, description="The largest answer of the engine service, in MiB")] = 256
    lease_seconds: Annotated[
        float, Meta(gt=0, description="After how long without a sign of life work is taken over from a process")
    ] = 30
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="The least that is logged")] = (
        "info"
    )

    @property
    def limits(self) -> Limits:
        """The bounds of the use cases."""
        return Limits(
            max_image_bytes=int(self.max_image_mb * MEGABYTE),
            max_regions=self.max_regions,
            inference_concurrency=self.inference_concurrency,
            inference_deadline=self.inference_deadline,
            lease_seconds=self.lease_seconds,
        )

    @property
    def home_folder(self) -> Path:
        """AOI_HOME as an absolute path."""
        return Path(self.home).expanduser().resolve()

    @property
    def effective_storage_url(self) -> str:
        """AOI_STORAGE_URL, or the folder below AOI_HOME."""
        return self.storage_url or f"file:{(self.home_folder / 'files').as_posix()}"

    @property
    def effective_database_url(self) -> str:
        """AOI_DATABASE_URL, or the SQLite file below AOI_HOME."""
        return self.database_url or f"sqlite+aiosqlite:///{(self.home_folder / 'aoi.db').as_posix()}"


def variable_of(field: str) -> str:
    """The environment variable of a field of `Settings`."""
    return PREFIX + field.upper()


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of an environment; an empty variable counts as not set.

    Raises `InvalidSetting`, naming the variable, what it holds and what it may hold.
    """
    given = {name: value for name, value in environment.items() if name.startswith(PREFIX) and value}
    fields = {variable_of(field.name): field for field in msgspec.structs.fields(Settings)}
    for name in given:
        if name not in fields:
            raise InvalidSetting(_unknown(name, list(fields)))
    values = {fields[name].name: _converted(name, value, fields[name].type) for name, value in given.items()}
    return Settings(**values)


def _converted(name: str, value: str, kind: Any) -> Any:
    try:
        converted = msgspec.convert(value.lower() if name == "AOI_LOG_LEVEL" else value, kind, strict=False)
    except msgspec.ValidationError as error:
        shown = "" if name.endswith("_URL") else f" is {value!r}:"  # a URL may hold a password
        raise InvalidSetting(
            f"{name}{shown} {str(error)[:1].lower()}{str(error)[1:]}. Correct it, or unset it."
        ) from error
    if converted == math.inf:
        raise InvalidSetting(f"{name} is {value!r}: expected a number with an end. Correct it, or unset it.")
    return converted


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    hint = f"Did you mean {close[0]}?" if close else f"The settings are: {', '.join(known)}."
    return f"{name} is not a setting of aoi. {hint}"
