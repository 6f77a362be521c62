"""Every port in memory: for tests, and for services that embed aoi and keep nothing.

An image reader has nothing outside its own memory: `aoi.adapters.image_reader` serves as it is.
"""

from aoi.adapters.memory_database import MemoryDatabase
from aoi.adapters.memory_engine import MemoryEngine
from aoi.adapters.memory_file_store import MemoryFileStore

__all__ = ["MemoryDatabase", "MemoryEngine", "MemoryFileStore"]
