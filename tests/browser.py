"""Pages in a real browser: its fixtures, and what holds for every page of ours whatever it shows.

A module that asks for `page` has a fixture `page_path`, of its own scope: the file to open.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip
# A busy machine may be slow; no test here is about time.
PATIENCE_MS = 120_000
HOSTILE = "<script>alert(1)</script><img src=http://example.org/x onerror=alert(1)> | \u202e`x` " + "long" * 80
WIDTHS = (1360, 380)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# Every element that holds text of its own, its colour, and the first opaque background behind it, as red green blue.
CONTRASTS = """() => {
  const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const pixel = (colour) => {
    context.clearRect(0, 0, 1, 1); context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const background = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const found = pixel(getComputedStyle(each).backgroundColor);
      if (found[3] === 255) return found;
    }
    return [255, 255, 255, 255];
  };
  return [...document.querySelectorAll('body *')].filter(
    (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())
  ).map((element) => {
    const style = getComputedStyle(element);
    const colour = element instanceof SVGElement ? style.fill : style.color;
    return [element.tagName + '.' + element.className + ' ' + element.textContent.slice(0, 30),
            pixel(colour), background(element)];
  });
}"""
# The colours that custom properties of the page's style come to.
COLOURS = """(names) => names.map((name) => {
  const context = document.createElement('canvas').getContext('2d');
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data];
})"""
UNREACHABLE = """() => [...document.querySelectorAll('body *')].filter((each) =>
  each.scrollWidth > each.clientWidth + 1 && ['auto', 'scroll'].includes(getComputedStyle(each).overflowX)
  && (each.tabIndex < 0 || !each.getAttribute('aria-label'))).map((each) => each.outerHTML.slice(0, 80))"""
# Pixels on the screen, also of a text that is turned.
TEXT_HEIGHTS = """(texts) => [...document.querySelectorAll(texts)].map((each) => {
  const {a, b} = each.getScreenCTM();
  return Math.hypot(a, b) * parseFloat(getComputedStyle(each).fontSize);
})"""

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine's path")


@contextmanager
def launched() -> Iterator[Any]:
    """A browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS), timeout=PATIENCE_MS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for all tests of a module."""
    with launched() as found:
        yield found


@pytest.fixture(scope="module", params=[(width, scheme) for width in WIDTHS for scheme in SCHEMES], ids=str)
def opened(request: pytest.FixtureRequest, browser: Any, page_path: Path) -> Iterator[Any]:
    """The page, opened in a window; what it asked the browser for, and said, is in `page.events`."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.events = []
    page.on("request", lambda asked: page.events.append(asked.url))
    page.on("console", lambda message: page.events.append(message.text))
    page.on("pageerror", lambda error: page.events.append(str(error)))
    page.on("dialog", lambda dialog: page.events.append(dialog.message))
    page.goto(page_path.as_uri())
    yield page
    context.close()


@pytest.fixture
def page(opened: Any) -> Any:
    """The page as it is when it has just been opened, its details unfolded."""
    opened.events.clear()
    opened.reload()
    opened.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    return opened


def check_page(page: Any, page_path: Path) -> None:
    """It asks for nothing and says nothing, never scrolls sideways, and hides nothing from the keyboard or the eye."""
    page.wait_for_load_state("networkidle")
    assert page.events == [page_path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate(UNREACHABLE) == []
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 300
    assert any(name.startswith("text") for name, _, _ in contrasts)
    assert [name for name, colour, background in contrasts if contrast(colour, background) < 4.5] == []


def check_charts(page: Any, paper: str, lines: Sequence[str], texts: str = "svg text") -> None:
    """Lines of the colours `lines`, names of custom properties, are seen on `paper`, and `texts` can be read."""
    background, *colours = page.evaluate(COLOURS, [paper, *lines])
    assert [name for name, colour in zip(lines, colours, strict=True) if contrast(colour, background) < 3] == []
    heights = page.evaluate(TEXT_HEIGHTS, texts)
    assert heights
    assert min(heights) >= 9


def check_skip_link(page: Any, text: str, anchor: str) -> None:
    """The keyboard's first stop leads past the head of the page."""
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == text
    page.keyboard.press("Enter")
    page.wait_for_url(f"**#{anchor}")


def contrast(colour: list[int], background: list[int]) -> float:
    """Contrast ratio of WCAG 2.2, 1–21."""
    lighter, darker = sorted((luminance(colour), luminance(background)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: list[int]) -> float:
    """Relative luminance of WCAG 2.2."""
    channels = [value / 255 for value in colour[:3]]
    red, green, blue = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
