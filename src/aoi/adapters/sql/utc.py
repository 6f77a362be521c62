"""Times in the database: UTC without a zone, so that plain SQL means the same in every session."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Takes any time that has a zone, stores it as UTC with its microseconds, gives it back as UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # the name is SQLAlchemy's
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("A time without a zone cannot be stored.")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # as above
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class utc_now(FunctionElement[datetime]):  # noqa: N801  # named as the SQL function that it stands for
    """The database's own clock in UTC, whatever the zone of the session."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(utc_now)
def _standard(_element: utc_now, _compiler: SQLCompiler, **_options: Any) -> str:
    return "CURRENT_TIMESTAMP"


@compiles(utc_now, "postgresql")
def _postgresql(_element: utc_now, _compiler: SQLCompiler, **_options: Any) -> str:
    return "timezone('utc', now())"
