from datetime import UTC, datetime

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from aoi.adapters.sql.utc import UtcDateTime, utc_now

TIME = datetime(2026, 11, 22, 9, 30, 15, 123456, tzinfo=UTC)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError, match="without a zone"):
        UtcDateTime().process_bind_param(TIME.replace(tzinfo=None), sqlite.dialect())


def test_the_database_tells_the_time_in_utc() -> None:
    assert str(utc_now().compile(dialect=sqlite.dialect())) == "CURRENT_TIMESTAMP"
    assert str(utc_now().compile(dialect=postgresql.dialect())) == "timezone('utc', now())"
