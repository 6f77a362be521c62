"""Help, and what is said to whoever types something wrong."""

import sys

import pytest

from aoi.domain.version import aoi_version
from commands.running import CommandLine, run
from servers import Home

COMMANDS = (("serve",), ("inspect",), ("regions",), ("db",), ("db", "upgrade"), ("db", "check"), ("resume",))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(aoi: CommandLine, command: tuple[str, ...]) -> None:
    outcome = aoi(*command, "--help")
    assert outcome.status == 0
    assert outcome.out.startswith(f"usage: aoi {' '.join(command)}")
    assert outcome.out.splitlines()[2].endswith(".")


def test_the_help_names_every_command(aoi: CommandLine) -> None:
    outcome = aoi("--help")
    assert outcome.status == 0
    assert all(f"\n    {command[0]} " in outcome.out for command in COMMANDS)


def test_the_help_fits_any_encoding(home: Home) -> None:
    outcome = run(home, "regions", "--help", PYTHONIOENCODING="ascii")
    assert (outcome.status, outcome.err) == (0, "")


def test_the_version_is_printed(aoi: CommandLine) -> None:
    assert (aoi("--version").out, aoi("--version").status) == (f"aoi {aoi_version()}\n", 0)


def test_without_a_command_the_help_is_shown_and_the_status_is_that_of_wrong_usage(aoi: CommandLine) -> None:
    outcome = aoi()
    assert outcome.status == 2
    assert outcome.out.startswith("usage: aoi")


@pytest.mark.parametrize("arguments", [["inspect"], ["inspcet"], ["db"], ["db", "drop"], ["serve", "--prot=80"]])
def test_wrong_usage_is_refused_with_the_usage(aoi: CommandLine, arguments: list[str]) -> None:
    outcome = aoi(*arguments)
    assert outcome.status == 2
    assert outcome.err.startswith("usage: aoi")


@pytest.mark.parametrize(
    ("variable", "value", "hint"),
    [
        ("AOI_PROT", "80", "Did you mean AOI_PORT?"),
        ("AOI_PORT", "eighty", "AOI_PORT is 'eighty'"),
        ("AOI_PORT", "70000", "AOI_PORT is '70000'"),
        ("AOI_LOG_LEVEL", "loud", "AOI_LOG_LEVEL is 'loud'"),
        ("AOI_INFERENCE_URL", "ftp://gpu-box", "AOI_INFERENCE_URL must be embedded:"),
        ("AOI_STORAGE_URL", "http://store", "AOI_STORAGE_URL must begin with file:"),
    ],
)
def test_a_wrong_setting_is_explained_in_one_line(aoi: CommandLine, variable: str, value: str, hint: str) -> None:
    outcome = aoi("resume", **{variable: value})
    assert outcome.status == 2
    assert outcome.complaint.startswith("aoi: ")
    assert hint in outcome.complaint


def test_a_wrong_setting_needs_no_traceback(home: Home) -> None:
    outcome = run(home, "serve", AOI_PORT="eighty")
    assert (outcome.status, outcome.out, len(outcome.err.splitlines())) == (2, "", 1)


def test_help_and_version_load_nothing_that_is_slow(home: Home) -> None:
    outcome = run(home, "--version", PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rpartition("|")[2].strip() for line in outcome.err.splitlines()}
    assert "argparse" in imported
    assert imported.isdisjoint({"litestar", "sqlalchemy", "httpx", "cv2", "numpy", "rich", "msgspec"}), sys.version
