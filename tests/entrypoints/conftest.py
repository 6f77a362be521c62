"""One server for each module: its engine finds two regions of one class and none of another."""

from collections.abc import Generator

import pytest

from aoi.adapters.memory import MemoryEngine
from aoi.domain.defects import DefectClass
from aoi.domain.ports import InferenceEngine
from aoi.testing.examples import some_regions
from servers import Home, Server, serving

CLASSES = (DefectClass(1, "PI_Particle", 23, some_regions(2)), DefectClass(2, "PR_Peeling", 0))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def engine() -> InferenceEngine:
    return MemoryEngine(CLASSES)


@pytest.fixture(scope="module")
def server(home: Home, engine: InferenceEngine) -> Generator[Server]:
    with serving(home.application(engine)) as running:
        yield running
