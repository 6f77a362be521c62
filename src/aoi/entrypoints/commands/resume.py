"""`aoi resume`, and what `aoi serve` does of it by itself."""

import logging

import anyio
from rich.console import Console

from aoi.bootstrap import open_application
from aoi.domain.errors import AoiError
from aoi.domain.resume_interrupted import Resumed, ResumeInterrupted
from aoi.entrypoints.logs import configure_logs
from aoi.settings import Settings

logger = logging.getLogger(__name__)


async def resume(settings: Settings) -> int:
    """Take up what a crash left behind, once; fails where something is left for later."""
    configure_logs(settings)
    async with open_application(settings) as application:
        resumed = await application.resume_interrupted()
    Console(soft_wrap=True).print(f"{_counts(resumed)}.", highlight=False)
    return 1 if resumed.postponed else 0


async def resume_for_ever(resume_interrupted: ResumeInterrupted, lease_seconds: float) -> None:
    """Take up, now and after every lease's length, what any process left behind."""
    while True:
        try:
            resumed = await resume_interrupted()
        except AoiError as error:
            logger.warning("Interrupted inspections are looked for again later: %s", error.detail)
        except Exception:  # the server goes on serving
            logger.exception("Interrupted inspections are looked for again later.")
        else:
            if resumed != Resumed():
                logger.info("Took up what was interrupted: %s.", _counts(resumed))
        await anyio.sleep(lease_seconds)


def _counts(resumed: Resumed) -> str:
    return (
        f"{resumed.inspected} inspected, {resumed.failed} failed, {resumed.removed} incomplete uploads removed,"
        f" {resumed.postponed} left for later"
    )
