"""`aoi db upgrade`, `aoi db check` and `aoi resume`."""

import sqlite3
from pathlib import Path

from aoi.domain.inspection import State
from commands.running import CommandLine
from servers import Home


def change(home: Home, statement: str) -> None:
    """Change the database behind the program's back."""
    with sqlite3.connect(home.database) as connection:
        connection.execute(statement)
    connection.close()


def test_a_database_that_is_not_there_is_told_how_to_be_made(aoi: CommandLine) -> None:
    outcome = aoi("db", "check")
    assert (outcome.status, outcome.out) == (1, "")
    assert "`aoi db upgrade`" in outcome.complaint
    assert not aoi.home.folder.exists()


def test_an_empty_database_is_told_how_to_be_upgraded(aoi: CommandLine) -> None:
    aoi.home.folder.mkdir()
    sqlite3.connect(aoi.home.database).close()
    outcome = aoi("db", "check")
    assert outcome.status == 1
    assert "no schema" in outcome.complaint
    assert "`aoi db upgrade`" in outcome.complaint


def test_an_upgraded_database_is_well(aoi: CommandLine) -> None:
    upgraded = aoi("db", "upgrade")
    assert upgraded.status == 0
    checked = aoi("db", "check")
    assert checked.status == 0
    revision = upgraded.out.removeprefix("The database is at revision ")
    assert checked.out == f"The database is well, at revision {revision}"


def test_upgrading_what_is_up_to_date_changes_nothing(aoi: CommandLine) -> None:
    assert aoi("db", "upgrade").out == aoi("db", "upgrade").out
    assert [path.name for path in aoi.home.folder.glob("*backup*")] == []


def test_a_database_of_a_newer_version_is_left_alone(aoi: CommandLine, board: Path) -> None:
    aoi("db", "upgrade")
    change(aoi.home, "UPDATE alembic_version SET version_num = '9999'")
    for command in (("db", "check"), ("db", "upgrade"), ("inspect", board), ("serve",)):
        outcome = aoi(*command, AOI_PORT="0")
        assert (outcome.status, outcome.out) == (1, "")
        assert "9999, which this aoi does not know: a newer one wrote it." in outcome.complaint


def test_resuming_where_nothing_was_interrupted_says_so(aoi: CommandLine) -> None:
    outcome = aoi("resume")
    assert outcome.status == 0
    assert outcome.out == "0 inspected, 0 failed, 0 incomplete uploads removed, 0 left for later.\n"


def interrupt(home: Home, identity: str, state: State, interruptions: int = 0) -> None:
    """As if the process had ended in that state, long ago."""
    long_ago = f"lease_until = '2001-01-01 00:00:00.000000', interruptions = {interruptions}"
    change(home, f"UPDATE inspections SET state = '{state}', {long_ago} WHERE id = '{identity}'")
    for table in ("regions", "classes", "images"):
        change(home, f"DELETE FROM {table} WHERE img_unique_id = '{identity}'")


def test_what_was_interrupted_is_taken_up_and_counted(aoi: CommandLine, board: Path) -> None:
    aoi("inspect", *[board] * 4)
    first, second, third, _ = (row["id"] for row in aoi.home.rows("inspections"))
    interrupt(aoi.home, first, State.RECEIVED)
    interrupt(aoi.home, second, State.INSPECTING, interruptions=2)
    interrupt(aoi.home, third, State.RECEIVING)
    outcome = aoi("resume")
    assert outcome.out == "1 inspected, 1 failed, 1 incomplete uploads removed, 0 left for later.\n"
    assert outcome.status == 0
    states = [row["state"] for row in aoi.home.rows("inspections")]
    assert states == [State.INSPECTED, State.FAILED, State.INSPECTED]


def test_what_cannot_be_finished_now_is_left_for_later_and_the_status_says_so(aoi: CommandLine, board: Path) -> None:
    aoi("inspect", board)
    (row,) = aoi.home.rows("inspections")
    interrupt(aoi.home, row["id"], State.RECEIVED)
    change(aoi.home, "CREATE TRIGGER full BEFORE INSERT ON images BEGIN SELECT RAISE(ABORT, 'no more'); END")
    outcome = aoi("resume")
    assert outcome.out == "0 inspected, 0 failed, 0 incomplete uploads removed, 1 left for later.\n"
    assert outcome.status == 1
