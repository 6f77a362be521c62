"""Files in a folder of this machine (or one mounted on it), durable when a write returns."""

import logging
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import anyio
import anyio.to_thread
from obstore.store import LocalStore

from aoi.adapters.storage.failures import writing
from aoi.adapters.storage.object_store import ObjectFileStore

logger = logging.getLogger(__name__)

SYNC_THREADS = 8
UPLOAD_IN_PROGRESS = re.compile(r".+#\d+")
"""How the library names a file until it is whole: its own name, `#` and a number. A key has no `#`."""
STALE_SECONDS = 24 * 3600


def sync(path: Path, *, directories: bool = os.name == "posix") -> None:
    """Wait until the file, or the directory's list of names, is on the disk; raises `OSError`.

    Windows cannot do so for a directory: without `directories` one is passed over.
    """
    is_directory = path.is_dir()
    if is_directory and not directories:
        return
    descriptor = os.open(path, os.O_RDONLY if is_directory else os.O_RDWR)  # Windows syncs no file that is read only
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class LocalFileStore(ObjectFileStore):
    """A `FileStore` in the folder `root`, which is made where it is missing.

    The library renames a whole file into place but never syncs; this class does, before a write returns: the file,
    then each directory on its way up to `root`, since any of them may be new, or be another write's and not yet on
    the disk. `sync` is what it does so with. A process that is killed may leave `name#1` behind: no listing shows it,
    and `remove_leftovers` deletes it.
    """

    def __init__(self, root: Path, *, sync: Callable[[Path], None] = sync) -> None:
        self._root = root.absolute()
        self._sync = sync
        self._threads = anyio.CapacityLimiter(SYNC_THREADS)
        with writing():
            self._make_root()
            super().__init__(LocalStore(self._root, automatic_cleanup=True))

    def _make_root(self) -> None:
        missing = [path for path in (self._root, *self._root.parents) if not path.exists()]
        self._root.mkdir(parents=True, exist_ok=True)
        for path in missing:
            self._sync(path.parent)

    def _folders(self, key: str) -> list[Path]:
        """Every folder that holds the file, the nearest first, `root` last."""
        parts = key.split("/")[:-1]
        return [self._root.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]

    async def _settle(self, key: str) -> None:
        await anyio.to_thread.run_sync(self._sync_all, [self._root / key, *self._folders(key)], limiter=self._threads)

    def _sync_all(self, paths: list[Path]) -> None:
        for path in paths:
            self._sync(path)

    async def _tidy(self, key: str) -> None:
        await anyio.to_thread.run_sync(_remove_empty, self._folders(key)[:-1], limiter=self._threads)

    async def remove_leftovers(self, older_than: float = STALE_SECONDS) -> int:
        """Delete what killed processes left more than `older_than` seconds ago; say how many files that were.

        Walks the whole folder, so do it seldom: at the start.
        """
        with writing():
            return await anyio.to_thread.run_sync(
                self._remove_leftovers, time.time() - older_than, limiter=self._threads
            )

    def _remove_leftovers(self, before: float) -> int:
        removed = 0
        for folder, _, names in os.walk(self._root):
            for path in (Path(folder, name) for name in names if UPLOAD_IN_PROGRESS.fullmatch(name)):
                removed += _removed_if_older(path, before)
        return removed


def _removed_if_older(path: Path, before: float) -> bool:
    try:
        if path.stat().st_mtime >= before:
            return False
        path.unlink()
    except FileNotFoundError:  # another process has just finished its write, or was quicker
        return False
    return True


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError as error:  # another file is in it, or it was never made
            logger.debug("%s stays: %s", folder, error.strerror)
            return


def open_local_store(url: str) -> LocalFileStore:
    """The store in the folder that a `file:` URL names; raises `ValueError` where it names none, else as the class."""
    return LocalFileStore(path_of(url))


def path_of(url: str, *, windows: bool = os.name == "nt") -> Path:
    """The folder that a `file:` URL names: `file:./relative`, `file:///absolute`, on Windows `file:///C:/folder` too.

    Raises `ValueError`.
    """
    scheme, _, rest = url.partition(":")
    path = unquote(rest)
    if path.startswith("//"):
        host, slash, path = path[2:].partition("/")
        path = slash + path
        if host not in {"", "localhost"}:
            raise ValueError(f"AOI_STORAGE_URL names the machine {host!r}. Write file:///folder, with three slashes.")
    if scheme != "file" or not path:
        raise ValueError("AOI_STORAGE_URL names no folder. Write file:./folder or file:///folder.")
    if windows and re.match(r"/[A-Za-z]:", path):
        path = path[1:]
    return Path(path)
