"""What `aoi inspect` says to people: a table, and why some files have no result."""

import sys
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aoi.entrypoints.commands.inspected_file import InspectedFile

LENGTH_OF_AN_ID = len("YYYYMMDD_HHMMSS_") + 20
WIDTH_WITHOUT_A_TERMINAL = 1000
"""Nothing is folded in a pipe or a file."""


def print_report(files: Sequence[InspectedFile]) -> None:
    """All files on stdout."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_A_TERMINAL)
    console.print(table_of(files))
    for file in files:
        if file.error:
            console.print(f"{escape(file.file)}: {escape(file.error.detail)}", highlight=False)


def table_of(files: Sequence[InspectedFile]) -> Table:
    """A row for each file, its id below its name, so that both are whole on a terminal of 80 columns."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("File and id", overflow="fold", min_width=LENGTH_OF_AN_ID)
    table.add_column("Defects", justify="right", no_wrap=True)
    table.add_column("Classes", overflow="fold")
    table.add_column("Seconds", justify="right", no_wrap=True)
    for file in files:
        table.add_row(_name(file), _defects(file), _classes(file), _seconds(file))
    return table


def _name(file: InspectedFile) -> str:
    return f"{escape(file.file)}\n[dim]{file.img_unique_id}[/dim]" if file.img_unique_id else escape(file.file)


def _defects(file: InspectedFile) -> str:
    return str(file.total_defects) if file.success else "[red]failed[/red]"


def _classes(file: InspectedFile) -> str:
    return escape("\n".join(f"{name} {regions}" for name, regions in (file.defect_classes or {}).items()))


def _seconds(file: InspectedFile) -> str:
    return f"{file.processing_time:.1f}" if file.processing_time else ""
