"""Logs for people, on stderr."""

import asyncio
import logging
import re
import sys

import structlog

from aoi.settings import Settings

CHATTY = ("alembic", "aiosqlite", "asyncio", "httpcore", "httpx", "multipart", "PIL", "uvicorn.error")
"""Libraries whose warnings are of interest, and nothing below them."""


def configure_logs(settings: Settings) -> None:
    """Send what aoi and its libraries log through structlog, from AOI_LOG_LEVEL on."""
    processors: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
            foreign_pre_chain=processors,
        )
    )
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
    logging.getLogger("uvicorn.error").addFilter(is_unforeseen)
    logging.captureWarnings(capture=True)


def is_unforeseen(record: logging.LogRecord) -> bool:
    """Whether a record is more than the traceback of a request that was cancelled since the server stops."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)


def without_secrets(url: str) -> str:
    """`url` without the user and the query of its address, which may hold a password."""
    return re.sub(r"//(?:[^/?#]*@)?([^?#]*).*", r"//\1", url)
