"""The `aoi` command. It imports late, so that `--help` answers at once."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

AddParser = Callable[..., argparse.ArgumentParser]

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    root = argparse.ArgumentParser(
        prog="aoi",
        description="Automated optical inspection: images in, defects, pictures and a durable record out.",
        epilog="Everything is kept below AOI_HOME, or ./aoi-data. Settings are environment variables (AOI_...).",
    )
    root.add_argument("--version", action="store_true", help="print the version and leave")
    commands = root.add_subparsers(dest="command", metavar="COMMAND").add_parser
    _add(commands, "serve", "serve the HTTP API and the web page")
    _add_inspect(_add(commands, "inspect", "inspect image files without a server"))
    _add_regions(_add(commands, "regions", "measure the regions of a class mask"))
    database = _add(commands, "db", "the database's schema")
    steps = database.add_subparsers(dest="step", metavar="STEP", required=True).add_parser
    _add(steps, "upgrade", "bring the schema up to date; a backup is made first")
    _add(steps, "check", "say whether the database answers and its schema is up to date")
    _add(commands, "resume", "take up what a crash left behind")
    return root


def _add(add_parser: AddParser, name: str, purpose: str) -> argparse.ArgumentParser:
    return add_parser(name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.")


def _add_inspect(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="+", metavar="FILE", help="a JPEG, PNG, TIFF or BMP image")
    command.add_argument("--json", action="store_true", help="print one line of JSON for each image")
    command.add_argument("--out", metavar="DIR", help="write the pictures and the analysis of each image there")


def _add_regions(command: argparse.ArgumentParser) -> None:
    command.add_argument("mask", metavar="MASK", help="a PNG of class ids, or in the colours of a mask picture")
    command.add_argument(
        "--names",
        metavar="NAMES",
        help="the classes' names, from 1, with commas between; without it, those of the reference model",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    root = parser()
    options = root.parse_args(arguments)
    if options.version:
        from aoi.domain.version import aoi_version

        print(f"aoi {aoi_version()}")  # noqa: T201  # what the command is for
        return 0
    if options.command is None:
        root.print_help()
        return EXIT_USAGE
    return _run_reporting(options)


def _run_reporting(options: argparse.Namespace) -> int:
    """Run the command; what goes wrong is told in a sentence on stderr."""
    from aoi.domain.errors import AoiError
    from aoi.settings import InvalidSetting

    try:
        status = _run(options)
        sys.stdout.flush()  # a pipe that is closed shows here, not when the interpreter ends
    except AoiError as error:
        _complain(error.detail)
        return EXIT_USAGE if isinstance(error, InvalidSetting) else EXIT_FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else flushing at exit would complain again
        return EXIT_FAILED
    except KeyboardInterrupt:
        _complain("Interrupted. `aoi resume` finishes what was begun.")
        return EXIT_INTERRUPTED
    return status


def _complain(sentence: str) -> None:
    print(f"aoi: {sentence}", file=sys.stderr)  # noqa: T201  # the command line speaks on stderr


def _run(options: argparse.Namespace) -> int:
    import anyio

    from aoi.settings import read_settings

    settings = read_settings()
    if options.command == "serve":
        from aoi.entrypoints.commands.serve import serve

        return anyio.run(serve, settings)
    if options.command == "inspect":
        from aoi.entrypoints.commands.inspect import inspect

        return anyio.run(inspect, settings, options.files, options.json, options.out)
    if options.command == "regions":
        from aoi.entrypoints.commands.regions import print_regions

        return print_regions(options.mask, options.names)
    if options.command == "db":
        from aoi.entrypoints.commands.database import check, upgrade

        return anyio.run(upgrade if options.step == "upgrade" else check, settings)
    from aoi.entrypoints.commands.resume import resume

    return anyio.run(resume, settings)


if __name__ == "__main__":
    sys.exit(main())
