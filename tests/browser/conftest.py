"""A browser and a server for each module.

Playwright keeps an event loop in this thread as long as its browser runs, so that it must end with its module.
"""

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, Page

from aoi.adapters.memory import MemoryEngine
from aoi.domain.defects import DefectClass
from aoi.testing.examples import some_regions
from browser.watched_page import WatchedPage, chromium, watched_page
from servers import Home, Server, serving


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def shared_engine() -> MemoryEngine:
    return MemoryEngine()


@pytest.fixture(scope="module")
def server(browser: Browser, home: Home, shared_engine: MemoryEngine) -> Generator[Server]:
    with serving(home.application(shared_engine)) as running:
        yield running


@pytest.fixture
def engine(shared_engine: MemoryEngine) -> MemoryEngine:
    """The server's engine, as every test finds it."""
    shared_engine.classes = (
        DefectClass(1, "PI_Particle", 25, some_regions(2)),
        DefectClass(2, "PR_Peeling", 12, some_regions(1)),
        DefectClass(3, "Copper_Nodule", 0),
    )
    shared_engine.error, shared_engine.delay = None, 0.0
    return shared_engine


@pytest.fixture
def watched(browser: Browser, server: Server, engine: MemoryEngine) -> Generator[WatchedPage]:
    with watched_page(browser, server.url) as opened:
        yield opened


@pytest.fixture
def page(watched: WatchedPage) -> Page:
    return watched.page
