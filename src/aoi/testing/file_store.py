"""What every file store must do.

Subclass `FileStoreContract` in your tests and give it an empty store by a fixture called `files`:

    class TestMyStore(FileStoreContract):
        @pytest.fixture
        def files(self) -> FileStore:
            return MyStore(...)
"""

from collections.abc import AsyncIterator, Iterable

import anyio
import pytest

from aoi.domain.errors import StoredFileMissing
from aoi.domain.ports import FileStore

LARGEST_CHUNK = 1 << 20
LARGE = bytes(range(251)) * (5_300_000 // 251)
"""More than 5 MiB, the smallest part of a multipart upload, and of no round size."""


class Interrupted(Exception):
    """The content of a test failed."""


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def in_chunks_of(content: bytes, sizes: Iterable[int]) -> AsyncIterator[bytes]:
    """The content in chunks of these sizes, over and over."""
    start = 0
    while start < len(content):
        for size in sizes:
            yield content[start : start + size]
            start += size


async def failing(*parts: bytes, error: BaseException) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    raise error


async def endless(part: bytes, stalled: anyio.Event) -> AsyncIterator[bytes]:
    """The part, and then nothing more, for ever."""
    yield part
    stalled.set()
    await anyio.sleep_forever()


async def content_of(files: FileStore, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in files.read(key, start, end)])


async def keys_of(files: FileStore, prefix: str = "") -> set[str]:
    return {key async for key in files.list(prefix)}


class FileStoreContract:
    """Every test is one promise of `aoi.domain.ports.FileStore`."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture
    def files(self) -> FileStore:
        """An empty store."""
        raise NotImplementedError("give your store by a fixture called 'files'")

    async def test_it_is_a_file_store(self, files: FileStore) -> None:
        assert isinstance(files, FileStore)

    @pytest.mark.parametrize("content", [b"", b"\0", LARGE], ids=["nothing", "one byte", "5.3 MB"])
    async def test_a_file_comes_back_as_it_was_written(self, files: FileStore, content: bytes) -> None:
        await files.write("folder/inner/name.bin", in_chunks_of(content, [1, 70_001, 0, 3, 1_300_000]))
        assert await content_of(files, "folder/inner/name.bin") == content
        assert await files.size("folder/inner/name.bin") == len(content)

    async def test_a_stream_without_a_single_chunk_is_an_empty_file(self, files: FileStore) -> None:
        await files.write("empty.bin", chunks())
        assert await files.size("empty.bin") == 0

    async def test_a_file_is_read_in_chunks_of_bounded_size(self, files: FileStore) -> None:
        await files.write("large.bin", chunks(LARGE))
        sizes = [len(chunk) async for chunk in files.read("large.bin")]
        assert 0 < max(sizes) <= LARGEST_CHUNK
        assert sum(sizes) == len(LARGE)

    @pytest.mark.parametrize(
        ("start", "end"),
        [(0, None), (0, 1), (5, 5), (5, 4), (3, 900_000), (1_048_575, 1_048_577), (5_299_000, None), (100, 99_999_999)],
    )
    async def test_a_range_of_a_file_is_read(self, files: FileStore, start: int, end: int | None) -> None:
        await files.write("large.bin", chunks(LARGE))
        assert await content_of(files, "large.bin", start, end) == LARGE[start:end]

    async def test_an_existing_file_is_replaced(self, files: FileStore) -> None:
        await files.write("file.bin", chunks(LARGE))
        await files.write("file.bin", chunks(b"short"))
        assert await content_of(files, "file.bin") == b"short"

    async def test_a_file_is_not_seen_before_it_is_whole(self, files: FileStore) -> None:
        seen: list[set[str]] = []

        async def looking() -> AsyncIterator[bytes]:
            yield LARGE
            yield LARGE
            seen.append(await keys_of(files))
            with pytest.raises(StoredFileMissing):
                await files.size("file.bin")

        await files.write("file.bin", looking())
        assert seen == [set()]

    @pytest.mark.parametrize("before", [b"", b"a few bytes", LARGE], ids=["nothing", "little", "5.3 MB"])
    async def test_content_that_fails_leaves_nothing_and_its_error_passes(
        self, files: FileStore, before: bytes
    ) -> None:
        error = Interrupted()
        with pytest.raises(Interrupted) as caught:
            await files.write("folder/file.bin", failing(before, before, error=error))
        assert caught.value is error
        await self._assert_missing(files, "folder/file.bin")

    async def test_an_operating_systems_error_in_the_content_passes_unchanged(self, files: FileStore) -> None:
        error = OSError("the client's disk, not the store's")
        with pytest.raises(OSError, match="the client's disk") as caught:
            await files.write("file.bin", failing(b"part", error=error))
        assert caught.value is error
        await self._assert_missing(files, "file.bin")

    @pytest.mark.parametrize("before", [b"a few bytes", LARGE * 2], ids=["little", "10.6 MB"])
    async def test_a_cancelled_write_leaves_nothing(self, files: FileStore, before: bytes) -> None:
        stalled = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(files.write, "folder/file.bin", endless(before, stalled))
            await stalled.wait()
            group.cancel_scope.cancel()
        await self._assert_missing(files, "folder/file.bin")

    @pytest.mark.parametrize("seconds", [0.0, 0.001, 0.003, 0.01, 0.03])
    async def test_a_write_cancelled_at_any_time_leaves_all_or_nothing(self, files: FileStore, seconds: float) -> None:
        written = False
        with anyio.move_on_after(seconds):
            await files.write("file.bin", in_chunks_of(LARGE * 2, [300_000]))
            written = True
        assert await keys_of(files) == ({"file.bin"} if written else set())
        assert not written or await content_of(files, "file.bin") == LARGE * 2

    async def test_a_failed_write_can_be_done_again(self, files: FileStore) -> None:
        with pytest.raises(Interrupted):
            await files.write("folder/file.bin", failing(b"part", error=Interrupted()))
        await files.write("folder/file.bin", chunks(b"whole"))
        assert await content_of(files, "folder/file.bin") == b"whole"

    async def test_a_missing_file_is_told_at_the_first_step(self, files: FileStore) -> None:
        await files.write("folder/file.bin", chunks(b"content"))
        for key in ("missing.bin", "folder/missing.bin", "folder"):
            await self._assert_missing(files, key)

    async def test_deleting_passes_over_what_is_missing(self, files: FileStore) -> None:
        for name in ("a", "b", "c"):
            await files.write(f"folder/{name}.bin", chunks(b"content"))
        await files.delete(["missing.bin", "folder/a.bin", "other/missing.bin", "folder/b.bin"])
        assert await keys_of(files) == {"folder/c.bin"}
        await files.delete(["folder/a.bin"])
        await files.delete([])
        assert await keys_of(files) == {"folder/c.bin"}

    async def test_many_files_are_deleted_though_some_are_missing(self, files: FileStore) -> None:
        keys = [f"folder/{number}.bin" for number in range(150)]
        for key in keys[::3]:
            await files.write(key, chunks(b""))
        await files.write("folder/c.bin", chunks(b""))
        await files.delete(keys)
        assert await keys_of(files) == {"folder/c.bin"}

    async def test_a_listing_is_of_one_folder(self, files: FileStore) -> None:
        keys = {"a/1.bin", "a/b/2.bin", "a/b/c/3.bin", "ab/4.bin", "a.bin", "z/a/5.bin"}
        for key in keys:
            await files.write(key, chunks(b"content"))
        assert await keys_of(files) == keys
        assert await keys_of(files, "a/") == {"a/1.bin", "a/b/2.bin", "a/b/c/3.bin"}
        assert await keys_of(files, "a/b/") == {"a/b/2.bin", "a/b/c/3.bin"}
        assert await keys_of(files, "none/") == set()

    async def test_listed_files_can_be_deleted_on_the_way(self, files: FileStore) -> None:
        for number in range(120):
            await files.write(f"many/{number}.bin", chunks(b""))
        async for key in files.list("many/"):
            await files.delete([key])
        assert await keys_of(files) == set()

    async def test_several_files_are_written_at_once(self, files: FileStore) -> None:
        contents = {f"folder/{number}/file.bin": bytes([number]) * (number * 400_000) for number in range(16)}
        async with anyio.create_task_group() as group:
            for key, content in contents.items():
                group.start_soon(files.write, key, in_chunks_of(content, [65_536]))
        for key, content in contents.items():
            assert await content_of(files, key) == content

    async def test_a_file_can_be_read_by_several_at_once(self, files: FileStore) -> None:
        await files.write("large.bin", chunks(LARGE))
        found: list[bytes] = []

        async def read() -> None:
            found.append(await content_of(files, "large.bin"))

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(read)
        assert found == [LARGE] * 4

    async def test_reading_can_stop_early(self, files: FileStore) -> None:
        await files.write("large.bin", chunks(LARGE))
        async for chunk in files.read("large.bin"):
            assert LARGE.startswith(chunk)
            break
        await files.delete(["large.bin"])
        await self._assert_missing(files, "large.bin")

    async def test_a_check_leaves_nothing(self, files: FileStore) -> None:
        await files.check()
        assert await keys_of(files) == set()

    async def _assert_missing(self, files: FileStore, key: str) -> None:
        with pytest.raises(StoredFileMissing):
            await anext(files.read(key))
        with pytest.raises(StoredFileMissing):
            await files.size(key)
        assert key not in await keys_of(files)
