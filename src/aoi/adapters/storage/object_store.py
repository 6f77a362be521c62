"""Files in an object store: a folder of this machine, S3 or another, all by one library."""

import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio
import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from aoi.adapters.storage.failures import reading, writing
from aoi.adapters.storage.keys import checked_folder, checked_key, is_key
from aoi.domain.errors import AoiError, StorageUnavailable, StoredFileMissing

if TYPE_CHECKING:  # names that the library has for type checkers alone
    from obstore import AsyncWritableFile, GetOptions

logger = logging.getLogger(__name__)

PART_BYTES = 5 << 20
"""A part of a multipart upload (S3 takes none that is smaller); a file up to this size is put at once."""
HANDED_ON_BYTES = 1 << 20
READ_BYTES = 1 << 18
LARGEST_CHUNK_BYTES = 1 << 20
KEYS_A_LISTING = 1000
CLEAN_UP_SECONDS = 20
HEALTH_CONTENT = b"aoi"


class ObjectFileStore:
    """A `FileStore` on any store of obstore.

    A file becomes visible as a whole when its last byte is in. A write holds two parts (10 MiB) in memory at most.
    Raises `ValueError` for a key that is not made as `keys.checked_key` says.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def write(self, key: str, content: AsyncIterator[bytes]) -> None:
        writer = obstore.open_writer_async(self._store, checked_key(key), buffer_size=PART_BYTES, max_concurrency=1)
        try:
            async with aclosing(_gathered(content)) as pieces:
                async for piece in pieces:
                    with writing():
                        await writer.write(piece)
            await self._complete(key, writer)
        except BaseException as error:  # cancellation too: a failed write leaves nothing
            await self._discard(key, writer, error)
            raise

    async def _complete(self, key: str, writer: "AsyncWritableFile") -> None:
        """From here on the write is either done or has failed: a file cannot be cancelled into place by half."""
        with anyio.CancelScope(shield=True), writing():
            await writer.close()
            await self._settle(key)

    async def _discard(self, key: str, writer: "AsyncWritableFile", error: BaseException) -> None:
        with anyio.CancelScope(shield=True), anyio.move_on_after(CLEAN_UP_SECONDS):
            try:
                if await writer.closed():
                    await self.delete([key])
                else:
                    # The library's only way to abort an upload, and it does not say the types of these.
                    await writer.__aexit__(type(error), error, None)  # pyright: ignore[reportUnknownMemberType]
                await self._tidy(key)
            except (AoiError, BaseError, OSError) as failure:
                logger.warning("What a failed write of %s left could not be removed: %s", key, failure)

    async def _settle(self, key: str) -> None:
        """Make the file durable. An object store has done so when it answers."""

    async def _tidy(self, key: str) -> None:
        """Remove what an aborted write leaves besides a file. An object store has nothing of the kind."""

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        if end is not None and end <= start:
            await self.size(key)
            return
        with reading():
            found = await obstore.get_async(self._store, _existing(key), options=_range(start, end))
            async for chunk in found.stream(READ_BYTES):
                for at in range(0, len(chunk), LARGEST_CHUNK_BYTES):
                    yield chunk[at : at + LARGEST_CHUNK_BYTES]

    async def size(self, key: str) -> int:
        with reading():
            found = await obstore.head_async(self._store, _existing(key))
        return found["size"]

    async def delete(self, keys: Collection[str]) -> None:
        doomed = [key for key in keys if is_key(key)]
        try:
            with reading():
                await obstore.delete_async(self._store, doomed)
        except StoredFileMissing:  # a file system stops at the first that is missing
            for key in doomed:
                await self._delete_one(key)

    async def _delete_one(self, key: str) -> None:
        try:
            with reading():
                await obstore.delete_async(self._store, key)
        except StoredFileMissing:
            logger.debug("%s was deleted before.", key)

    async def list(self, prefix: str) -> AsyncIterator[str]:
        with reading():
            # Another overload of `list` answers tables of a library that is not here.
            listing = obstore.list(  # pyright: ignore[reportUnknownMemberType]
                self._store, prefix=checked_folder(prefix), chunk_size=KEYS_A_LISTING
            )
            async for entries in listing:
                for entry in entries:
                    yield entry["path"]

    async def check(self) -> None:
        key = f"health/{uuid.uuid4()}"
        await self.write(key, _once(HEALTH_CONTENT))
        try:
            found = b"".join([chunk async for chunk in self.read(key)])
        finally:
            await self.delete([key])
        if found != HEALTH_CONTENT:
            raise StorageUnavailable(
                "The file store gives back other bytes than it was given. Check the disk behind it."
            )


def _existing(key: str) -> str:
    """The key, where a file can have it: a record by another program may name a path that is none."""
    try:
        return checked_key(key)
    except ValueError as error:
        raise StoredFileMissing from error


def _range(start: int, end: int | None) -> "GetOptions":
    if end is not None:
        return {"range": (start, end)}
    return {"range": {"offset": start}} if start else {}


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _gathered(content: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The stream in larger pieces, since each one handed on costs a step into another thread."""
    piece = bytearray()
    async for chunk in content:
        if not piece and len(chunk) >= HANDED_ON_BYTES:
            yield chunk
            continue
        piece += chunk
        if len(piece) >= HANDED_ON_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
