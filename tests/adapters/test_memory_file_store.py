import pytest

from aoi.adapters.memory_file_store import MemoryFileStore
from aoi.domain.ports import FileStore
from aoi.testing.file_store import FileStoreContract


class TestMemoryFileStore(FileStoreContract):
    @pytest.fixture
    def files(self) -> FileStore:
        return MemoryFileStore()
