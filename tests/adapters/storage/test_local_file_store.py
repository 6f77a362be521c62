import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from aoi.adapters.storage.local import LocalFileStore, open_local_store, path_of, sync
from aoi.domain.errors import StorageFull, StorageUnavailable, StoredFileMissing
from aoi.domain.ports import FileStore
from aoi.testing.file_store import (
    LARGE,
    FileStoreContract,
    Interrupted,
    chunks,
    content_of,
    endless,
    failing,
    in_chunks_of,
    keys_of,
)

pytestmark = pytest.mark.anyio

KEY = "uploads/20261101/id/original.png"


class TestLocalFileStore(FileStoreContract):
    @pytest.fixture
    def files(self, tmp_path: Path) -> FileStore:
        return LocalFileStore(tmp_path / "files")


def names_below(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


async def test_the_file_and_every_folder_on_its_way_are_synced_before_a_write_returns(tmp_path: Path) -> None:
    synced: list[tuple[str, bool]] = []

    def record(path: Path) -> None:
        synced.append((path.relative_to(tmp_path).as_posix(), path.exists()))

    files = LocalFileStore(tmp_path / "home" / "files", sync=record)
    assert synced == [("home", True), (".", True)]
    synced.clear()
    await files.write(KEY, chunks(b"content"))
    assert synced == [
        ("home/files/uploads/20261101/id/original.png", True),
        ("home/files/uploads/20261101/id", True),
        ("home/files/uploads/20261101", True),
        ("home/files/uploads", True),
        ("home/files", True),
    ]


@pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace shows what the system was asked for, and is not here"
)
async def test_the_system_is_asked_to_sync_after_the_file_has_its_name(tmp_path: Path) -> None:
    program = f"""
import anyio, pathlib
from aoi.adapters.storage.local import LocalFileStore
from aoi.domain.streams import bytes_chunks
anyio.run(LocalFileStore(pathlib.Path({str(tmp_path / "files")!r})).write, {KEY!r}, bytes_chunks(b"content"))
"""
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-y", "-e", "trace=fsync,rename,renameat,renameat2", "-o", str(trace)]
    traced = subprocess.run([*command, sys.executable, "-c", program], check=False, capture_output=True, text=True)  # noqa: ASYNC221, the loop has nothing else to do
    if "ptrace" in traced.stderr.lower():
        pytest.skip("this machine does not let strace attach")
    assert traced.returncode == 0, traced.stderr
    calls = trace.read_text().splitlines()
    renamed = next(at for at, call in enumerate(calls) if "rename" in call and "original.png#1" in call)
    synced = [call for call in calls[renamed:] if "fsync" in call]
    for path in ("id/original.png>", "20261101/id>", "uploads/20261101>", "files/uploads>", "files>"):
        assert any(path in call for call in synced), path


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EIO, StorageUnavailable),
        (errno.EACCES, StorageUnavailable),
    ],
)
async def test_what_cannot_be_synced_is_not_stored(tmp_path: Path, code: int, raised: type[Exception]) -> None:
    def fail(path: Path) -> None:
        raise OSError(code, os.strerror(code), str(path))

    files = LocalFileStore(tmp_path, sync=fail)
    with pytest.raises(raised) as caught:
        await files.write(KEY, chunks(b"content"))
    assert str(tmp_path) not in str(caught.value)
    assert await keys_of(files) == set()
    assert names_below(tmp_path) == []


FILL_THE_DISK = """
import anyio, pathlib, sys
from aoi.adapters.storage.local import LocalFileStore
from aoi.domain.errors import StorageFull
from aoi.domain.streams import bytes_chunks

async def fill(disk):
    files = LocalFileStore(disk)
    await files.write("small.bin", bytes_chunks(bytes(200_000)))
    for size in (900_000, 9_000_000):
        try:
            await files.write("large.bin", bytes_chunks(bytes(size)))
        except StorageFull as error:
            print(error, [path.name for path in disk.iterdir()])

anyio.run(fill, pathlib.Path(sys.argv[1]))
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="a small disk of one's own needs unshare")
def test_a_full_disk_is_told_as_such_and_keeps_what_it_had(tmp_path: Path) -> None:
    script = 'mount -t tmpfs -o size=600k tmpfs "$1" || exit 77; exec "$2" -c "$3" "$1"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(tmp_path), sys.executable, FILL_THE_DISK]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode == 77 or done.stderr.startswith("unshare"):
        pytest.skip(f"a disk cannot be mounted here: {done.stderr}")
    assert done.stdout.splitlines() == [f"{StorageFull()} ['small.bin']"] * 2, done.stderr


async def test_a_folder_that_refuses_access_is_told_as_such(tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    with pytest.raises(StorageUnavailable, match="Check the permissions"):
        await LocalFileStore(tmp_path, sync=refuse).write(KEY, chunks(b"content"))


async def test_a_failed_write_leaves_no_part_and_no_empty_folder(tmp_path: Path) -> None:
    files = LocalFileStore(tmp_path)
    for before in (b"few", LARGE * 2):
        with pytest.raises(Interrupted):
            await files.write(KEY, failing(before, error=Interrupted()))
        assert names_below(tmp_path) == []


async def test_a_cancelled_write_leaves_no_part_and_no_empty_folder(tmp_path: Path) -> None:
    files = LocalFileStore(tmp_path)
    await files.write("uploads/other.png", chunks(b"content"))
    stalled = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(files.write, KEY, endless(LARGE * 2, stalled))
        await stalled.wait()
        group.cancel_scope.cancel()
    assert names_below(tmp_path) == ["uploads", "uploads/other.png"]


async def test_a_deleted_file_takes_its_empty_folders_along(tmp_path: Path) -> None:
    files = LocalFileStore(tmp_path)
    await files.write(KEY, chunks(b"content"))
    await files.delete([KEY])
    assert names_below(tmp_path) == []


async def test_a_part_that_a_killed_process_left_is_not_listed_and_is_cleaned_up_when_it_is_old(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    folder.mkdir()
    for name, age in (("old.png#1", 90_000), ("new.png#12", 80_000), ("old.png", 90_000)):
        (folder / name).write_bytes(b"part")
        os.utime(folder / name, (time.time() - age, time.time() - age))
    files = LocalFileStore(tmp_path)
    assert await keys_of(files) == {"uploads/old.png"}
    assert await files.remove_leftovers() == 1
    assert names_below(folder) == ["new.png#12", "old.png"]


async def test_a_file_can_be_written_where_a_killed_process_left_a_part(tmp_path: Path) -> None:
    (tmp_path / "file.bin#1").write_bytes(b"part")
    files = LocalFileStore(tmp_path)
    await files.write("file.bin", in_chunks_of(LARGE * 2, [300_000]))
    assert await content_of(files, "file.bin") == LARGE * 2


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../up.png", "a/../../up.png", "a//b.png", "a/", "a/./b.png", ".hidden", "a\\b", "C:/a.png",
     "ü.png", "a b.png", "a#1", "a\n", "a/" + "x" * 201],
)  # fmt: skip
async def test_a_key_that_could_leave_the_folder_is_refused(tmp_path: Path, key: str) -> None:
    files = LocalFileStore(tmp_path / "files")
    with pytest.raises(ValueError, match="is no key"):
        await files.write(key, chunks(b"content"))
    # A record by another program may name a path of its own: no file has it.
    with pytest.raises(StoredFileMissing):
        await anext(files.read(key))
    with pytest.raises(StoredFileMissing):
        await files.size(key)
    await files.delete([key])
    assert names_below(tmp_path) == ["files"]


async def test_a_key_may_be_long(tmp_path: Path) -> None:
    files = LocalFileStore(tmp_path)
    await files.write("x" * 200, chunks(b"content"))
    assert await content_of(files, "x" * 200) == b"content"


@pytest.mark.parametrize("prefix", ["uploads", "../", "/"])
async def test_a_listing_is_of_a_folder_of_the_store(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        await keys_of(LocalFileStore(tmp_path), prefix)


async def test_a_store_that_is_broken_says_so_without_a_path_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "health").write_bytes(b"a file where a folder belongs")
    files = LocalFileStore(tmp_path)
    with pytest.raises(StorageUnavailable) as caught:
        await files.check()
    assert str(tmp_path) not in str(caught.value)


async def test_a_disk_that_changes_what_it_keeps_does_not_pass_the_check(tmp_path: Path) -> None:
    def spoil(path: Path) -> None:
        if path.is_file():
            path.write_bytes(b"spoilt")

    with pytest.raises(StorageUnavailable, match="other bytes"):
        await LocalFileStore(tmp_path, sync=spoil).check()
    assert names_below(tmp_path) == []


def test_a_root_that_cannot_be_made_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageUnavailable) as caught:
        LocalFileStore(tmp_path / "file" / "files")
    assert str(tmp_path) not in str(caught.value)


async def test_a_url_names_the_folder(tmp_path: Path) -> None:
    files = open_local_store(f"file://{tmp_path}/files")
    await files.write("file.bin", chunks(b"content"))
    assert (tmp_path / "files" / "file.bin").read_bytes() == b"content"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:./aoi-data/files", "aoi-data/files"),
        ("file:aoi-data/files", "aoi-data/files"),
        ("file:/srv/aoi", "/srv/aoi"),
        ("file:///srv/aoi", "/srv/aoi"),
        ("file://localhost/srv/aoi", "/srv/aoi"),
        ("file:///srv/my%20files", "/srv/my files"),
    ],
)
def test_a_file_url_is_read_as_a_path(url: str, path: str) -> None:
    assert path_of(url, windows=False) == Path(path)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///C:/aoi/files", "C:/aoi/files"),
        ("file:C:\\aoi\\files", "C:\\aoi\\files"),
        ("file:.\\aoi-data", ".\\aoi-data"),
        ("file:/srv/aoi", "/srv/aoi"),
    ],
)
def test_a_file_url_is_read_as_a_windows_path(url: str, path: str) -> None:
    assert path_of(url, windows=True) == Path(path)


@pytest.mark.parametrize("url", ["file:", "file://", "file://box/share", "s3://bucket", "./files"])
def test_a_url_that_names_no_folder_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="AOI_STORAGE_URL"):
        path_of(url)


def test_a_directory_cannot_be_synced_everywhere(tmp_path: Path) -> None:
    sync(tmp_path, directories=False)
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "missing", directories=False)


async def test_a_file_that_vanishes_while_it_is_synced_was_not_stored(tmp_path: Path) -> None:
    def vanish(path: Path) -> None:
        path.unlink()
        sync(path)

    with pytest.raises(StorageUnavailable):
        await LocalFileStore(tmp_path, sync=vanish).write("file.bin", chunks(b"content"))


async def test_memory_stays_bounded_while_a_large_file_is_written(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    files = LocalFileStore(tmp_path)

    async def content() -> AsyncIterator[bytes]:
        for _ in range(150):
            yield bytes(1 << 20)

    await files.write("warm.bin", chunks(LARGE * 2))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await files.write("large.bin", content())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


async def test_a_missing_file_is_missing_also_where_its_folder_is_a_file(tmp_path: Path) -> None:
    files = LocalFileStore(tmp_path)
    await files.write("file.bin", chunks(b"content"))
    with pytest.raises((StoredFileMissing, StorageUnavailable)):
        await files.size("file.bin/inner.bin")


async def test_leftovers_that_others_finish_meanwhile_are_passed_over(tmp_path: Path) -> None:
    files = LocalFileStore(tmp_path)
    half, whole = tmp_path / "a#1", tmp_path / "a"
    ended = threading.Event()

    def write_on_and_on() -> None:
        while not ended.is_set():
            half.write_bytes(b"half")
            half.rename(whole)

    writer = threading.Thread(target=write_on_and_on)
    writer.start()
    try:
        assert [await files.remove_leftovers() for _ in range(300)] == [0] * 300
    finally:
        ended.set()
        writer.join()
