"""The API document at `/docs`, in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from aoi.domain.version import aoi_version
from sample_images import png
from servers import Server

pytestmark = pytest.mark.slow


def test_every_operation_is_shown(page: Page, server: Server) -> None:
    page.goto("/docs")
    expect(page.locator(".info .title")).to_contain_text("aoi")
    expect(page.locator(".info .title")).to_contain_text(aoi_version())
    paths = server.client.get("/openapi.json").json()["paths"]
    expect(page.locator(".opblock")).to_have_count(sum(len(operations) for operations in paths.values()))
    expect(page.locator(".opblock-summary-path").filter(has_text="/upload")).to_have_count(1)


def test_an_image_can_be_uploaded_from_the_document(page: Page) -> None:
    page.goto("/docs")
    operation = page.locator(".opblock").filter(has_text="Inspect one image")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.locator("input[type=file]").set_input_files(
        {"name": "board.png", "mimeType": "image/png", "buffer": png()}
    )
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(operation.locator(".live-responses-table")).to_contain_text("img_unique_id")
