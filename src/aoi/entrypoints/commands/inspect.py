"""`aoi inspect`: the use case of the server, without a server."""

import sys
import time
from pathlib import Path

import msgspec
from msgspec import UNSET
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from aoi.bootstrap import Application, open_application
from aoi.domain.errors import AoiError, UploadRejected
from aoi.domain.image import IncomingImage
from aoi.domain.inspection import Failure
from aoi.entrypoints.commands.inspected_file import InspectedFile, inspected_file, table_of
from aoi.entrypoints.commands.picture_folder import PictureFolder
from aoi.entrypoints.logs import configure_logs
from aoi.settings import Settings


class UnreadableFile(UploadRejected):
    """The file cannot be read."""

    code = "unreadable-file"


async def inspect(settings: Settings, files: list[str], as_json: bool, out: str | None) -> int:
    """Inspect each file; 0 where all were inspected, whatever was found, 1 where one was not."""
    configure_logs(settings)
    done: list[InspectedFile] = []
    async with open_application(settings) as application:
        folder = PictureFolder(Path(out), application.files) if out else None
        with _progress(len(files)) as progress:
            task = progress.add_task("Inspecting", total=len(files))
            for name in files:
                inspected = await _inspect_file(application, name, folder)
                done.append(inspected)
                if as_json:
                    sys.stdout.write(msgspec.json.encode(inspected).decode() + "\n")
                    sys.stdout.flush()
                    inspected.result = UNSET
                progress.advance(task)
    if not as_json:
        Console().print(table_of(done))
    return 0 if all(inspected.success for inspected in done) else 1


def _progress(files: int) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=files == 1 or not sys.stderr.isatty(),
    )


async def _inspect_file(application: Application, name: str, folder: PictureFolder | None) -> InspectedFile:
    started = time.perf_counter()
    try:
        inspection = await application.upload_image(_incoming(name))
        inspected = inspected_file(name, inspection, time.perf_counter() - started)
        if folder is not None and inspection.findings is not None:
            inspected.images = await folder.write(inspection, inspection.findings)
    except AoiError as error:
        return InspectedFile(name, success=False, error=Failure.from_error(error))
    except OSError as error:
        unreadable = UnreadableFile(f"{name} cannot be read: {error.strerror}. Check its name and its rights.")
        return InspectedFile(name, success=False, error=Failure.from_error(unreadable))
    return inspected


def _incoming(name: str) -> IncomingImage:
    if Path(name).is_dir():
        raise UnreadableFile(f"{name} is a folder. Name the image files in it.")
    return IncomingImage.from_path(name)
