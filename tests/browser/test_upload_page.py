"""The page at `/`, in a real browser."""

import json

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from aoi.adapters.memory import MemoryEngine
from aoi.domain.defects import DefectClass
from aoi.domain.errors import EngineUnavailable
from aoi.testing.examples import some_regions
from browser.watched_page import WatchedPage, watched_page
from sample_images import board, png, tiff
from servers import Server

pytestmark = pytest.mark.slow

DROP = """([files]) => {
  const transfer = new DataTransfer();
  for (const [name, bytes] of files) transfer.items.add(new File([Uint8Array.from(bytes)], name));
  document.querySelector("#drop").dispatchEvent(
    new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


def file(content: bytes, name: str = "board.png") -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def choose(page: Page, content: bytes, name: str = "board.png") -> None:
    page.set_input_files("#file", file(content, name))


def drop(page: Page, *contents: bytes) -> None:
    page.evaluate(DROP, [[[f"dropped {number}.png", list(content)] for number, content in enumerate(contents)]])


def answered_id(page: Page) -> str:
    """The id of the image whose result is shown."""
    return page.locator("#facts").inner_text().rpartition(" · ")[2]


def picture_size(page: Page) -> tuple[int, int]:
    """Of the picture that is shown, once it is loaded."""
    page.wait_for_function(
        "() => { const img = document.querySelector('#picture'); return img.complete && img.naturalWidth }"
    )
    width, height = page.evaluate(
        "() => { const i = document.querySelector('#picture'); return [i.naturalWidth, i.naturalHeight] }"
    )
    return width, height


def test_a_click_on_the_area_lets_an_image_be_chosen_and_shows_its_result(page: Page) -> None:
    page.goto("/")
    with page.expect_file_chooser() as chooser:
        page.locator("#drop strong").click()
    chooser.value.set_files(file(png()))
    expect(page.locator("#result-title")).to_have_text("3 defects")
    expect(page.locator("#facts")).to_contain_text("board.png · 48 × 32 · ")
    expect(page.locator("#classes li")).to_have_text(["PI_Particle: 2", "PR_Peeling: 1"])
    rows = page.locator("#regions tr")
    expect(rows).to_have_count(3)
    expect(rows.first.locator("td")).to_have_text(["PI_Particle", "2", "2", "3", "3", "4", "13", "0.90"])
    expect(page.locator("#progress")).to_be_hidden()
    expect(page.locator("#problem")).to_be_hidden()


def test_an_image_can_be_dropped_anywhere(page: Page) -> None:
    page.goto("/")
    drop(page, png())
    expect(page.locator("#result-title")).to_have_text("3 defects")
    expect(page.locator("#facts")).to_contain_text("dropped 0.png")


def test_several_dropped_images_are_refused_instead_of_passed_over(page: Page) -> None:
    page.goto("/")
    drop(page, png(), png())
    expect(page.locator("#problem h2")).to_have_text("One image at a time")


def test_every_picture_can_be_shown_and_opened(page: Page, server: Server) -> None:
    page.goto("/")
    choose(page, png())
    expect(page.locator("#result-title")).to_be_visible()
    identity = answered_id(page)
    for name in ("Overlay", "Input", "Mask", "Combined"):
        button = page.get_by_role("button", name=name)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#views [aria-pressed=true]")).to_have_count(1)
        path = f"/download/image/{identity}/{name.lower()}"
        expect(page.locator("#picture")).to_have_attribute("src", path)
        expect(page.get_by_role("link", name="Full size")).to_have_attribute("href", path)
        assert picture_size(page) == (48, 32)
    link = page.get_by_role("link", name="JSON").get_attribute("href") or ""
    assert link == f"/download/json/{identity}"
    assert server.client.get(link).json()["image_shape"] == {"height": 32, "width": 48}


def test_a_picture_that_no_browser_shows_is_explained(page: Page) -> None:
    page.goto("/")
    choose(page, tiff(), "board.tif")
    expect(page.locator("#picture")).to_be_visible()
    page.get_by_role("button", name="Input").click()
    expect(page.locator("#no-picture")).to_be_visible()
    expect(page.locator("#picture")).to_be_hidden()
    page.get_by_role("button", name="Mask").click()
    expect(page.locator("#picture")).to_be_visible()
    expect(page.locator("#no-picture")).to_be_hidden()


def test_a_clean_image_has_no_defects_and_no_table(page: Page, engine: MemoryEngine) -> None:
    engine.classes = (DefectClass(1, "PI_Particle", 0),)
    page.goto("/")
    choose(page, png())
    expect(page.locator("#result-title")).to_have_text("No defects")
    expect(page.locator("table")).to_be_hidden()


def test_only_the_largest_of_very_many_regions_are_listed(page: Page, engine: MemoryEngine) -> None:
    engine.classes = (DefectClass(1, "PI_Particle", 9, some_regions(502)),)
    page.goto("/")
    choose(page, png(board(640, 640)))
    expect(page.locator("#result-title")).to_have_text("502 defects")
    expect(page.locator("#regions tr")).to_have_count(500)
    expect(page.locator("#more")).to_have_text("and 2 smaller ones: see the JSON.")


def test_labels_are_sent_and_kept_for_the_next_image(page: Page, server: Server) -> None:
    page.goto("/")
    page.get_by_text("Labels", exact=True).click()
    page.get_by_label("Lot").fill(" L-2026-117 ")
    page.get_by_label("Operator").fill("検査員")
    for filename in ("first.png", "second.png"):
        choose(page, png(), filename)
        expect(page.locator("#facts")).to_contain_text(filename)
        known = server.client.get(f"/images/{answered_id(page)}").json()
        assert known["metadata"]["labels"] == {"lot_id": "L-2026-117", "operator": "検査員"}


def test_a_text_file_is_refused_with_the_reason(page: Page, watched: WatchedPage) -> None:
    watched.refusals.add(415)
    page.set_viewport_size({"width": 390, "height": 500})
    page.goto("/")
    page.get_by_text("Labels", exact=True).click()
    choose(page, b"The third panel is scratched.", "notes.txt")
    expect(page.get_by_role("alert").locator("h2")).to_have_text("Unsupported media type")
    expect(page.get_by_role("alert")).to_be_in_viewport()
    expect(page.get_by_role("alert")).to_contain_text("not a JPEG, PNG, TIFF or BMP image")
    expect(page.get_by_role("button", name="Inspect it again")).to_be_hidden()
    expect(page.locator("#result")).to_be_hidden()
    choose(page, png())
    expect(page.locator("#result-title")).to_have_text("3 defects")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_an_image_that_the_engine_failed_on_can_be_inspected_again(
    page: Page, watched: WatchedPage, engine: MemoryEngine
) -> None:
    watched.refusals.add(503)
    engine.error = EngineUnavailable()
    page.goto("/")
    choose(page, png(), "kept.png")
    again = page.get_by_role("button", name="Inspect it again")
    expect(again).to_be_focused()
    again.click()
    expect(again).to_be_focused()
    engine.error = None
    again.press("Enter")
    expect(page.locator("#result-title")).to_have_text("3 defects")
    expect(page.locator("#facts")).to_contain_text("kept.png")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_while_it_inspects_it_says_so_and_takes_no_second_image(page: Page, engine: MemoryEngine) -> None:
    engine.delay = 1.0
    page.goto("/")
    choose(page, png(), "first.png")
    expect(page.get_by_role("status")).to_have_text("Inspecting first.png …")
    expect(page.locator("#file")).to_be_disabled()
    drop(page, png())
    expect(page.locator("#facts")).to_contain_text("first.png")
    expect(page.locator("#file")).to_be_enabled()
    assert engine.inspections


def test_the_keyboard_is_enough(page: Page) -> None:
    page.on("filechooser", lambda chooser: chooser.set_files(file(png())))
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="API")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#file")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#result-title")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Input")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Input")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_is_wider_than_a_narrow_screen(
    browser: Browser, server: Server, engine: MemoryEngine, width: int
) -> None:
    engine.classes = (DefectClass(1, "A_class_with_a_very_long_name_" * 3, 9, some_regions(4)),)
    with watched_page(browser, server.url, viewport={"width": width, "height": 844}) as watched:
        page = watched.page
        page.goto("/")
        page.get_by_text("Labels", exact=True).click()
        assert overflow(page) == 0
        choose(page, png(board(2000, 400)), f"{'long name ' * 20}.png")
        expect(page.locator("#result-title")).to_be_visible()
        assert picture_size(page) == (2000, 400)
        assert overflow(page) == 0
        watched.refusals.add(415)
        choose(page, b"text")
        expect(page.get_by_role("alert")).to_be_visible()
        assert overflow(page) == 0


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    return page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_a_server_that_is_gone_is_explained(page: Page, watched: WatchedPage) -> None:
    page.goto("/")
    page.route("**/upload", lambda route: route.abort("connectionrefused"))
    choose(page, png())
    expect(page.get_by_role("alert").locator("h2")).to_have_text("The server did not answer")
    watched.seen = [text for text in watched.seen if "ERR_CONNECTION_REFUSED" not in text]


def test_an_answer_of_a_proxy_is_explained(page: Page, watched: WatchedPage) -> None:
    watched.refusals.add(502)
    page.goto("/")
    page.route("**/upload", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    choose(page, png())
    expect(page.get_by_role("alert").locator("h2")).to_have_text("The server answered 502")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(
    browser: Browser, server: Server, engine: MemoryEngine, scheme: str
) -> None:
    """WCAG 2.2 asks for a contrast of 4.5 (success criterion 1.4.3)."""
    with watched_page(browser, server.url, color_scheme=scheme) as watched:
        page = watched.page
        watched.refusals.add(415)
        page.goto("/")
        choose(page, png())
        expect(page.locator("#result-title")).to_be_visible()
        seen = contrasts(page)
        choose(page, b"text")
        expect(page.get_by_role("alert")).to_be_visible()
        seen |= contrasts(page)
    assert len(seen) > 10
    assert {text: contrast for text, contrast in seen.items() if contrast < 4.5} == {}


CONTRASTS = """() => {
  const shown = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility()
    && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const background = (one) => {
    const colour = getComputedStyle(one).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" ? background(one.parentElement) : colour;
  };
  return shown.map((one) => [one.textContent.trim().slice(0, 40), getComputedStyle(one).color, background(one)]);
}"""


def contrasts(page: Page) -> dict[str, float]:
    """The contrast of each text that is shown, after WCAG 2.2."""
    found = json.loads(json.dumps(page.evaluate(CONTRASTS)))
    return {text: contrast(luminance(colour), luminance(ground)) for text, colour, ground in found}


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)`, after WCAG 2.2."""
    parts = [int(part) / 255 for part in colour[4:-1].split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
