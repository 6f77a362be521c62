"""A process that dies while a large image is coming in: what a file store has written of it by then."""

import pytest

from aoi.adapters.storage.local import LocalFileStore
from crashes.history import Histories, History
from crashes.job import Job
from crashes.world import files_folder, sent_file
from sample_images import bmp, noise

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def large(untouched: History) -> bytes:
    """Beyond the 5 MiB from which on the store writes to the disk as it goes."""
    return bmp(noise(1700, 1400))


async def test_a_large_image_cut_short_leaves_no_file_to_be_seen(
    histories: Histories, untouched: History, large: bytes
) -> None:
    past = histories.copy(untouched)
    sent_file(past.folder).write_bytes(large)
    (whole,) = histories.go_on([histories.copy(past)], Job("upload", pieces=4))
    steps = whole.lives[-1].steps
    within = [number for number, step in enumerate(steps, start=1) if step.startswith("within body")]
    died = [histories.go_on([histories.copy(past)], Job("upload", pieces=4, last_step=step))[0] for step in within]
    assert any(history.world.in_progress for history in died)
    for history in histories.go_on(died, Job("resume", hours=1)):
        with history.told():
            history.world.assert_empty()
            store = LocalFileStore(files_folder(history.folder))
            assert [key async for key in store.list("")] == []
            await store.remove_leftovers(older_than=-60)
            assert not history.world.in_progress
