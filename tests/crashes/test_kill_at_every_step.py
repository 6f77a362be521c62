"""`kill -9` between any two steps, then a restart: nothing acknowledged is lost, and nothing is left by halves."""

from pathlib import Path

import pytest

from crashes.history import Histories, History, each_world_once
from crashes.job import Job
from crashes.world import files_folder

FEWEST_STEPS = 16
RESTART = Job("resume", hours=1)
SECOND_RESTART = Job("resume", hours=2)


def test_an_upload_killed_at_any_step_is_kept_whole_or_gone(
    histories: Histories, killed_uploads: list[History]
) -> None:
    assert len(killed_uploads) >= FEWEST_STEPS
    for history in histories.go_on(map(histories.copy, killed_uploads), RESTART):
        with history.told():
            history.assert_kept_whole_or_gone()
            assert not history.world.in_progress


def test_an_upload_is_taken_up_only_when_its_lease_has_ended(
    histories: Histories, killed_uploads: list[History]
) -> None:
    for history in histories.go_on(map(histories.copy, each_world_once(killed_uploads)), Job("resume")):
        with history.told():
            assert not history.lives[-1].committed


def test_a_power_cut_at_any_step_takes_nothing_that_was_acknowledged(
    histories: Histories, killed_uploads: list[History]
) -> None:
    copies = [histories.copy(history) for history in killed_uploads]
    lost = sum(cut_power(copy, of) for copy, of in zip(copies, killed_uploads, strict=True))
    assert lost
    for history in histories.go_on(copies, RESTART):
        with history.told():
            history.assert_kept_whole_or_gone()


def cut_power(history: History, written_as: History) -> int:
    """Remove the files that nothing had made durable: itself, then every folder above it, was to be synced."""
    root, synced = files_folder(written_as.folder), written_as.lives[-1].synced
    lost = 0
    for key in history.world.files:
        path = root / key
        since = synced[synced.index(path) :] if path in synced else []
        if not all(folder in since for folder in _folders(path, root)):
            (files_folder(history.folder) / key).unlink()
            lost += 1
    return lost


def _folders(path: Path, root: Path) -> list[Path]:
    return [folder for folder in path.parents if folder.is_relative_to(root)]


@pytest.mark.slow
def test_a_restart_killed_at_any_step_is_made_good_by_the_next(
    histories: Histories, killed_uploads: list[History]
) -> None:
    """At every step of a restart from every world that a killed upload can leave."""
    worlds = each_world_once(killed_uploads)
    assert len(worlds) > 8
    died = [death for world in worlds for death in histories.die_at_every_step(world, RESTART)]
    for history in histories.go_on(each_world_once(died), SECOND_RESTART):
        with history.told():
            history.assert_kept_whole_or_gone()


def test_a_retry_killed_at_any_step_is_finished_or_can_be_made_again(histories: Histories, untouched: History) -> None:
    (failed,) = histories.go_on([histories.copy(untouched)], Job("upload", engine="fails"))
    failed.world.assert_failed(failed.sent, "engine-failed", attempts=1, interruptions=0)
    retries = histories.die_at_every_step(failed, Job("retry"))
    assert len(retries) >= FEWEST_STEPS
    restarted = histories.go_on(retries, RESTART)
    unclaimed = [history for history in restarted if history.attempts == 1]
    assert 0 < len(unclaimed) < len(restarted)
    for history in unclaimed:
        with history.told():
            history.world.assert_failed(failed.sent, "engine-failed", attempts=1, interruptions=0)
    finished = [history for history in restarted if history.attempts > 1]
    for history in finished + histories.go_on(unclaimed, Job("retry", hours=2)):
        with history.told():
            history.world.assert_inspected(failed.sent, history.attempts, interruptions=history.attempts - 2)


@pytest.mark.slow
def test_an_upload_killed_at_any_moment_is_kept_whole_or_gone(histories: Histories, untouched: History) -> None:
    """Within a step too: whether what was just being committed holds is open then."""
    for milliseconds in range(10, 310, 3):
        job = Job("upload", last_second=milliseconds / 1000)
        (history,) = histories.go_on(histories.go_on([histories.copy(untouched)], job), RESTART)
        with history.told():
            if "received" in history.committed or history.world.rows["inspections"]:
                (row,) = history.world.rows["inspections"]
                assert row["attempt"] - history.attempts in {0, 1}
                history.world.assert_inspected(history.sent, row["attempt"], row["attempt"] - 1)
            else:
                history.world.assert_empty()
