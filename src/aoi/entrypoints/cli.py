"""The `aoi` command. It imports late, so that `--help` answers at once."""

import argparse
import sys
from collections.abc import Sequence

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    root = argparse.ArgumentParser(
        prog="aoi", description="Automated optical inspection: images in, defects, pictures and a durable record out."
    )
    root.add_argument("--version", action="store_true", help="print the version and leave")
    commands = root.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="serve the HTTP API and the web page")
    _add_inspect(commands.add_parser("inspect", help="inspect image files without a server"))
    _add_regions(commands.add_parser("regions", help="measure the regions of a class mask"))
    database = commands.add_parser("db", help="the database's schema")
    steps = database.add_subparsers(dest="step", metavar="STEP", required=True)
    steps.add_parser("upgrade", help="bring the schema up to date; a backup is made first")
    steps.add_parser("check", help="say whether the database answers and its schema is up to date")
    commands.add_parser("resume", help="take up what a crash left behind")
    return root


def _add_inspect(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="+", metavar="FILE", help="a JPEG, PNG, TIFF or BMP image")
    command.add_argument("--json", action="store_true", help="print one line of JSON for each image")
    command.add_argument("--out", metavar="DIR", help="write the pictures and the analysis of each image there")


def _add_regions(command: argparse.ArgumentParser) -> None:
    command.add_argument("mask", metavar="MASK", help="a PNG of class ids, or in the colours of a mask picture")
    command.add_argument(
        "--names", metavar="NAME,NAME,…", help="the classes' names, from 1; without it, those of the reference model"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = parser().parse_args(arguments)
    if options.version:
        from aoi.domain.version import aoi_version

        print(f"aoi {aoi_version()}")  # noqa: T201  # what the command is for
        return 0
    if options.command is None:
        parser().print_help()
        return EXIT_USAGE
    from aoi.domain.errors import AoiError

    try:
        return _run(options)
    except AoiError as error:
        print(f"aoi: {error.detail}", file=sys.stderr)  # noqa: T201  # the command line speaks on stderr
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


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
