"""`aoi resume`."""

from rich.console import Console

from aoi.bootstrap import open_application
from aoi.entrypoints.logs import configure_logs
from aoi.settings import Settings


async def resume(settings: Settings) -> int:
    """Take up what a crash left behind, once; fails where something is left for later."""
    configure_logs(settings)
    async with open_application(settings) as application:
        resumed = await application.resume_interrupted()
    Console().print(
        f"{resumed.inspected} inspected, {resumed.failed} failed, {resumed.removed} incomplete uploads removed,"
        f" {resumed.postponed} left for later.",
        highlight=False,
    )
    return 1 if resumed.postponed else 0
