"""Files in memory: for tests, and for embedding where nothing is to be kept."""

from collections.abc import AsyncIterator, Collection

from aoi.domain.errors import StoredFileMissing
from aoi.domain.streams import bytes_chunks


class MemoryFileStore:
    """A `FileStore` that holds every file whole, and forgets all with the process."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    async def write(self, key: str, content: AsyncIterator[bytes]) -> None:
        self._files[key] = b"".join([chunk async for chunk in content])

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        async for chunk in bytes_chunks(self._content(key)[start:end]):
            yield chunk

    async def size(self, key: str) -> int:
        return len(self._content(key))

    def _content(self, key: str) -> bytes:
        try:
            return self._files[key]
        except KeyError:
            raise StoredFileMissing from None

    async def delete(self, keys: Collection[str]) -> None:
        for key in keys:
            self._files.pop(key, None)

    async def list(self, prefix: str) -> AsyncIterator[str]:
        for key in [key for key in self._files if key.startswith(prefix)]:
            yield key

    async def check(self) -> None:
        """Memory is always there."""
