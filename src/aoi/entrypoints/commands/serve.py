"""`aoi serve`."""

import asyncio
import logging
import signal
import socket
from types import FrameType

import anyio
import uvicorn

from aoi.bootstrap import open_application
from aoi.domain.inspect_received import CLEAN_UP_SECONDS
from aoi.domain.version import aoi_version
from aoi.entrypoints.api.app import create_app
from aoi.entrypoints.api.server import server_configuration
from aoi.entrypoints.commands.listening import address_to_open, listening
from aoi.entrypoints.commands.resume import resume_for_ever
from aoi.entrypoints.logs import configure_logs, without_secrets
from aoi.settings import Settings

logger = logging.getLogger(__name__)


async def serve(settings: Settings) -> int:
    """Serve until a signal comes; what is running then may end within AOI_SHUTDOWN_SECONDS.

    Raises `AddressUnusable`, and what keeps the application from being opened.
    """
    configure_logs(settings)
    async with listening(settings.host, settings.port) as sockets, open_application(settings) as application:
        server = AnnouncingServer(server_configuration(settings, create_app(application)), settings)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(resume_for_ever, application.resume_interrupted, settings.lease_seconds)
            _leave_signals_to_the_server()
            await server.serve(sockets)
            tasks.cancel_scope.cancel()
    logger.info("Stopped.")
    return 0


class AnnouncingServer(uvicorn.Server):
    """Says what an operator wants to know when it has started, and when it stops."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        settings = self._settings
        logger.info("aoi %s is running on %s", aoi_version(), address_to_open(settings.host, sockets or []))
        logger.info("Home:     %s", settings.home_folder)
        logger.info("Engine:   %s", without_secrets(settings.inference_url))
        logger.info("Database: %s", without_secrets(settings.effective_database_url))
        logger.info("Files:    %s", without_secrets(settings.effective_storage_url))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let what is running end."""
        logger.info("Stopping. What is running may end within %s seconds.", self._settings.shutdown_seconds)
        await super().shutdown(sockets)
        await self._end_what_still_runs()
        if self.force_exit:
            await self.lifespan.shutdown()

    async def _end_what_still_runs(self) -> None:
        """Requests that took too long give back what they worked on, while the database is still open."""
        if self.force_exit:  # else they are cancelled already; a second time would disturb their cleaning up
            for task in self.server_state.tasks:
                task.cancel()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=CLEAN_UP_SECONDS)


def _leave_signals_to_the_server() -> None:
    """The server raises a signal again once it has shut down; by then it has been obeyed."""

    def obeyed(number: int, _frame: FrameType | None) -> None:
        logger.debug("Signal %s was obeyed.", signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, obeyed)
