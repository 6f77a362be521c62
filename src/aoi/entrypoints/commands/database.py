"""`aoi db upgrade` and `aoi db check`."""

from rich.console import Console

from aoi.bootstrap import open_database
from aoi.domain.errors import DatabaseUnavailable
from aoi.entrypoints.logs import configure_logs
from aoi.settings import Settings


async def upgrade(settings: Settings) -> int:
    """Bring the schema up to date."""
    configure_logs(settings)
    async with open_database(settings) as database:
        await database.upgrade()
        Console().print(f"The database is at revision {await database.revision()}.", highlight=False)
    return 0


async def check(settings: Settings) -> int:
    """Say whether the database answers and its schema is the one that this aoi needs."""
    configure_logs(settings)
    async with open_database(settings) as database:
        try:
            await database.check()
        except DatabaseUnavailable as error:
            raise DatabaseUnavailable(f"{error.detail} A new or an older one needs `aoi db upgrade`.") from error
        Console().print(f"The database is well, at revision {await database.revision()}.", highlight=False)
    return 0
