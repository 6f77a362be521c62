"""What the service's statuses mean, and what it says about them."""

import re
import unicodedata
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx
import msgspec

from aoi.domain.errors import (
    EngineFailed,
    EngineRefused,
    EngineTimedOut,
    EngineUnavailable,
    InferenceFailed,
    InvalidEngineAnswer,
)

LONGEST_WORDS = 300
INSIDE = re.compile(r"Traceback|(^|[\s'\"(])(/[\w.-]+){2,}|[A-Za-z]:\\\\")
"""A trace or a path of the service's machine, which is no client's business."""
NOT_READY = frozenset({429, 502, 503})


class _Failure(msgspec.Struct):
    error: object = None
    message: object = None


def failure(response: httpx.Response, body: bytes) -> InferenceFailed:
    """The error that a status other than 200 stands for, with the service's own words."""
    status, said = response.status_code, _said(body)
    if status in NOT_READY:
        detail = f"The engine is not ready (status {status}){said}. Check the service, then retry."
        return EngineUnavailable(detail, retry_after=retry_after(response.headers))
    if status == HTTPStatus.GATEWAY_TIMEOUT:
        return EngineTimedOut(f"The engine did not answer its proxy in time (status 504){said}. Check its load.")
    if httpx.codes.is_server_error(status):
        detail = f"The engine failed (status {status}){said}. Look at the engine's own log, then retry."
        return EngineFailed(detail, retry_after=retry_after(response.headers))
    if httpx.codes.is_client_error(status):
        return EngineRefused(
            f"The engine refused what it was sent (status {status}){said}."
            " Check that AOI_INFERENCE_URL names the right service and what it takes, then retry."
        )
    return InvalidEngineAnswer(
        f"The engine answered with status {status} where 200 is due, and redirects are not followed."
        " Set AOI_INFERENCE_URL to the service itself."
    )


def _said(body: bytes) -> str:
    said = words(body)
    return f": {said}" if said else ""


def words(body: bytes) -> str | None:
    """What a JSON answer says in `error` or `message`, in at most 300 printable characters.

    `None` for nothing, or for what shows the service's inside.
    """
    try:
        said = msgspec.json.decode(body, type=_Failure)
    except (ValueError, RecursionError):
        return None
    texts = [text for text in (said.error, said.message) if isinstance(text, str) and not INSIDE.search(text)]
    return printable(texts[0]).rstrip(".。") or None if texts else None


def printable(text: str) -> str:
    """`text` on one line, without control and formatting characters, cut to 300."""
    kept = (" " if unicodedata.category(character)[0] == "C" else character for character in text[: 4 * LONGEST_WORDS])
    return " ".join("".join(kept).split())[:LONGEST_WORDS]


def retry_after(headers: httpx.Headers) -> float | None:
    """The seconds that a `Retry-After` asks for, be it a number or a date; `None` where there is none to understand.

    A date is measured against the service's own `Date`, since two machines' clocks may differ.
    """
    text = headers.get("Retry-After", "")
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    until = _date(text)
    if until is None:
        return None
    now = _date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
