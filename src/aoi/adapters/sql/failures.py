"""What a database can answer instead of a result, in the words of the domain."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from aoi.domain.errors import DatabaseUnavailable

BUSY = "The database is busy. Retry; if it stays so, look for a program that keeps it locked."

_SENTENCES = {
    "SQLITE_BUSY": BUSY,
    "SQLITE_LOCKED": BUSY,
    "SQLITE_CANTOPEN": "The database file cannot be opened. Check AOI_DATABASE_URL, and who may use its folder.",
    "SQLITE_CORRUPT": "The database file is damaged. Restore it from a backup.",
    "SQLITE_FULL": "No space is left for the database. Free some space on its disk, then retry.",
    "SQLITE_IOERR": "The disk of the database failed. Check it, then retry.",
    "SQLITE_NOTADB": "The file is not a SQLite database. Check AOI_DATABASE_URL.",
    "SQLITE_READONLY": "The database cannot be written. Check who may write its file and folder, then retry.",
}


@contextmanager
def domain_errors() -> Generator[None]:
    """Whatever the database raises within becomes `DatabaseUnavailable`, without its SQL and paths."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise DatabaseUnavailable(_sentence(error)) from error


def is_busy(error: BaseException) -> bool:
    """Whether another program's lock stood in the way, so that waiting helps."""
    return _sentence(error) == BUSY


def _sentence(error: BaseException) -> str | None:
    original = error.orig if isinstance(error, DBAPIError) else error
    name = str(getattr(original, "sqlite_errorname", ""))
    return next((sentence for code, sentence in _SENTENCES.items() if name.startswith(code)), None)
