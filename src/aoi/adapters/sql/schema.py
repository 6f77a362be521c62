"""The schema's revisions; Alembic is loaded only where one is to change."""

from pathlib import Path
from threading import Lock
from typing import Literal

from sqlalchemy import Connection, inspect, text

from aoi.domain.errors import DatabaseUnavailable

EXPECTED_REVISION = "0002"
"""The revision that this program reads and writes."""

KNOWN_REVISIONS = ("0001", EXPECTED_REVISION)

Direction = Literal["upgrade", "downgrade"]

_one_at_a_time = Lock()  # Alembic keeps what it works on in variables of its modules


def revision_of(connection: Connection) -> str | None:
    """The revision of this database; `None` where it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(text("SELECT version_num FROM alembic_version"))


def require_expected(revision: str | None) -> None:
    """Raises `DatabaseUnavailable` where the schema is not the one that this program reads and writes."""
    require_known(revision)
    if revision != EXPECTED_REVISION:
        raise DatabaseUnavailable(
            f"The database has {f'the schema {revision}' if revision else 'no schema'}, and this aoi needs "
            f"{EXPECTED_REVISION}. Upgrade the database."
        )


def require_known(revision: str | None) -> None:
    """Raises `DatabaseUnavailable` for a revision that this program has never heard of."""
    if revision is not None and revision not in KNOWN_REVISIONS:
        raise DatabaseUnavailable(
            f"The database has the schema {revision}, which this aoi does not know: a newer one wrote it. "
            "Install that version, or restore a backup from before it."
        )


def migrate(connection: Connection, direction: Direction, revision: str) -> None:
    """Takes the schema to `revision` (`head`, `base` or a name) within the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _one_at_a_time:
        getattr(command, direction)(config, revision)
