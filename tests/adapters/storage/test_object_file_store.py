import pytest
from obstore.store import MemoryStore

from aoi.adapters.storage.object_store import ObjectFileStore
from aoi.domain.ports import FileStore
from aoi.testing.file_store import FileStoreContract


class TestObjectFileStoreOnAnotherStoreOfItsLibrary(FileStoreContract):
    @pytest.fixture
    def files(self) -> FileStore:
        return ObjectFileStore(MemoryStore())
