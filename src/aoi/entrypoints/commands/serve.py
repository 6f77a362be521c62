"""`aoi serve`."""

import logging
import signal
from types import FrameType

import anyio
import uvicorn

from aoi.bootstrap import open_application
from aoi.domain.errors import AoiError
from aoi.domain.resume_interrupted import ResumeInterrupted
from aoi.domain.version import aoi_version
from aoi.entrypoints.api.app import create_app
from aoi.entrypoints.api.server import server_configuration
from aoi.entrypoints.logs import configure_logs
from aoi.settings import Settings

logger = logging.getLogger(__name__)


async def serve(settings: Settings) -> int:
    """Serve until a signal comes; what is running then may end within AOI_SHUTDOWN_SECONDS."""
    configure_logs(settings)
    async with open_application(settings) as application:
        server = uvicorn.Server(server_configuration(settings, create_app(application)))
        logger.info("aoi %s keeps its files and records in %s", aoi_version(), settings.home_folder)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_resume_for_ever, application.resume_interrupted, settings.lease_seconds)
            _leave_signals_to_the_server()
            await server.serve()
            tasks.cancel_scope.cancel()
    return 0 if server.started else 1


async def _resume_for_ever(resume_interrupted: ResumeInterrupted, lease_seconds: float) -> None:
    """Take up, now and after every lease's length, what any process left behind."""
    while True:
        try:
            resumed = await resume_interrupted()
        except AoiError as error:
            logger.warning("Interrupted inspections are looked for again later: %s", error.detail)
        else:
            if resumed.inspected or resumed.failed or resumed.removed or resumed.postponed:
                logger.info("Took up interrupted inspections: %s", resumed)
        await anyio.sleep(lease_seconds)


def _leave_signals_to_the_server() -> None:
    """The server raises a signal again once it has shut down; by then it has been obeyed."""

    def obeyed(number: int, _frame: FrameType | None) -> None:
        logger.info("Stopped by signal %s.", signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, obeyed)
