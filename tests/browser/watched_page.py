"""A browser, and pages in it that are watched: whatever a user would not want to see in the console fails the test."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

REQUIRE_BROWSER = "TESTS_REQUIRE_BROWSER"
NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
FAILED_REQUEST = "Failed to load resource: the server responded with a status of "


@contextmanager
def chromium() -> Generator[Browser]:
    """The browser of this machine; without one, the tests are skipped, or fail where they may not be."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        reason = f"there is no {' or '.join(NAMES)} on the path"
        if os.environ.get(REQUIRE_BROWSER):
            pytest.fail(f"{REQUIRE_BROWSER} is set, and {reason}")
        pytest.skip(reason)
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET + sandbox)
        yield browser
        browser.close()


@dataclass
class WatchedPage:
    """A page of the server at `url`. A test says in `refusals` which statuses its requests are to be answered with."""

    page: Page
    url: str
    refusals: set[int] = field(default_factory=set[int])
    seen: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.page.set_default_timeout(20_000)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.seen.append(f"error: {error}"))
        self.page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.seen.append(message.text)

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:", f"blob:{self.url}/")):
            self.seen.append(f"a request that leaves the server: {request.url}")

    @property
    def complaints(self) -> list[str]:
        refused = tuple(f"{FAILED_REQUEST}{status} " for status in self.refusals)
        return [text for text in self.seen if not (refused and text.startswith(refused))]


@contextmanager
def watched_page(browser: Browser, url: str, **context: Any) -> Generator[WatchedPage]:
    """A page with a session of its own; `context` is Playwright's (viewport, colour scheme, …)."""
    session = browser.new_context(base_url=url, **context)
    watched = WatchedPage(session.new_page(), url)
    try:
        yield watched
    finally:
        session.close()
    assert watched.complaints == []
