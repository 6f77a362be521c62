"""`aoi inspect`: the use case of the server, without a server."""

import os
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
from aoi.domain.inspection import Failure, Inspection
from aoi.entrypoints.commands.inspected_file import InspectedFile, inspected_file, refused_file
from aoi.entrypoints.commands.picture_folder import PictureFolder
from aoi.entrypoints.commands.report import print_report
from aoi.entrypoints.logs import configure_logs
from aoi.settings import Settings


class UnreadableFile(UploadRejected):
    """The file cannot be read."""

    code = "unreadable-file"


async def inspect(settings: Settings, files: list[str], as_json: bool, out: str | None) -> int:
    """Inspect each file; 0 where all went well, whatever was found, else 1.

    Raises what keeps every file from being inspected: a setting, the database, a folder that cannot be made.
    """
    configure_logs(settings)
    folder = await PictureFolder.made(Path(out)) if out else None
    done: list[InspectedFile] = []
    try:
        async with open_application(settings) as application:
            with _progress(len(files)) as progress:
                task = progress.add_task("Inspecting", total=len(files))
                for name in files:
                    inspected = await _inspect_file(application, name, folder)
                    if as_json:
                        _print_line(inspected)
                    inspected.result = UNSET  # it may be large, and there may be thousands
                    done.append(inspected)
                    progress.advance(task)
    finally:  # whoever interrupts it wants to know how far it came
        if done and not as_json:
            print_report(done)
    return 1 if any(inspected.error for inspected in done) else 0


def _progress(files: int) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=files == 1 or not sys.stderr.isatty(),
    )


def _print_line(inspected: InspectedFile) -> None:
    """JSON is UTF-8, whatever the terminal takes."""
    sys.stdout.buffer.write(msgspec.json.encode(inspected) + b"\n")
    sys.stdout.buffer.flush()


async def _inspect_file(application: Application, name: str, folder: PictureFolder | None) -> InspectedFile:
    started = time.perf_counter()
    shown = os.fsencode(name).decode(errors="replace")  # a name need not be Unicode
    try:
        inspection = await application.upload_image(_incoming(name))
    except AoiError as error:
        return refused_file(shown, error)
    except OSError as error:
        return refused_file(
            shown, UnreadableFile(f"The file cannot be read: {error.strerror}. Check its name and its rights.")
        )
    inspected = inspected_file(shown, inspection, time.perf_counter() - started)
    if folder is not None:
        await _write_pictures(inspected, inspection, application, folder)
    return inspected


async def _write_pictures(
    inspected: InspectedFile, inspection: Inspection, application: Application, folder: PictureFolder
) -> None:
    """What was inspected stays so, even where its pictures cannot be written."""
    if inspection.findings is None:
        return
    try:
        inspected.images = await folder.write(inspection, inspection.findings, application.files)
    except AoiError as error:
        inspected.error = Failure.from_error(error)


def _incoming(name: str) -> IncomingImage:
    if Path(name).is_dir():
        raise UnreadableFile("This is a folder. Name the image files in it.")
    return IncomingImage.from_path(name)
