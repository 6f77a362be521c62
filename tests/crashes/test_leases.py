"""Who may take an image over, among processes that live."""

import time
from datetime import UTC, datetime

from crashes.history import Histories, History
from crashes.job import Job
from crashes.spawner import Spawner
from crashes.world import World

IMAGES = 6


def test_two_processes_that_restart_at_once_inspect_each_image_once(
    spawner: Spawner, histories: Histories, untouched: History
) -> None:
    past = histories.copy(untouched)
    for _ in range(IMAGES):
        (past,) = histories.go_on([past], Job("upload", last_place="before inspect"))
    job = Job("resume", str(past.folder), hours=1, engine_seconds=0.2)
    both = spawner.run(job, job)
    assert all(life.committed.count("inspected") for life in both), "One of them did all the work."
    assert sum(life.steps.count("after inspect") for life in both) == IMAGES
    assert sum(life.committed.count("inspected") for life in both) == IMAGES
    worlds = past.world.apart()
    assert len(worlds) == IMAGES
    for world in worlds:
        world.assert_inspected(past.sent, attempts=2, interruptions=1)


def test_two_processes_that_restart_at_once_remove_each_incomplete_upload(
    spawner: Spawner, histories: Histories, untouched: History
) -> None:
    past = histories.copy(untouched)
    for _ in range(IMAGES):
        (past,) = histories.go_on([past], Job("upload", last_place="after write original.png"))
    assert len(past.world.files) == IMAGES
    job = Job("resume", str(past.folder), hours=1)
    both = spawner.run(job, job)
    assert sum(life.committed.count("gone") for life in both) == IMAGES
    past.world.assert_empty()


def test_an_engine_that_hangs_keeps_its_lease_until_its_process_is_killed(
    spawner: Spawner, histories: Histories, untouched: History
) -> None:
    past = histories.copy(untouched)
    job = Job("upload", str(past.folder), engine="hangs", lease_seconds=1.0)

    seen: list[tuple[World, datetime]] = []

    def outlive_the_first_lease() -> None:
        time.sleep(2.0)
        seen.append((World.of(past.folder), datetime.now(UTC)))

    (killed,) = spawner.run(job, kill_at="before inspect", meanwhile=outlive_the_first_lease)
    world, then = seen[0]
    (row,) = world.rows["inspections"]
    assert (row["state"], row["attempt"]) == ("inspecting", 1)
    assert datetime.fromisoformat(row["lease_until"]).replace(tzinfo=UTC) > then
    assert killed.was_killed
    assert "after renew" in killed.steps
    time.sleep(1.1)
    (resumed,) = histories.go_on([past], Job("resume"))
    resumed.world.assert_inspected(past.sent, attempts=2, interruptions=1)
