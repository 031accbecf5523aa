import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from seqlab.reporting.report import write_report
from tests.reporting import run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip
HOSTILE = "<script>alert(1)</script><img src=http://example.org/x onerror=alert(1)> | \u202e`x` " + "long" * 80
WIDTHS = (1400, 380)
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

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine's path"),
]


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    translations = [run.translation(number) for number in range(60)]
    translations[0] |= {"source": HOSTILE, "references": [HOSTILE, "Une phrase."], "translation": HOSTILE}
    run.write_run(root, translations=translations)
    hostile = {"source_tokens": [HOSTILE, "b"], "translation_tokens": ["c"], "weights": [[0.4, 0.6]]}
    run.write_json(root / "reports/attention.json", [hostile, run.attention(4), run.attention(9)])
    write_report(run.params(model={"attention": "general"}), root)
    return root / "reports/report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS), timeout=300_000)
        yield browser
        browser.close()


@pytest.fixture(params=[(width, scheme) for width in WIDTHS for scheme in SCHEMES], ids=str)
def page(request: pytest.FixtureRequest, browser: Any, page_path: Path) -> Iterator[Any]:
    """The page, opened in a window; what it asked the browser for, and said, is in `page.events`."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    # A busy machine may be slow; no test here is about time.
    context.set_default_timeout(300_000)
    page = context.new_page()
    page.events = []
    page.on("request", lambda asked: page.events.append(asked.url))
    page.on("console", lambda message: page.events.append(message.text))
    page.on("pageerror", lambda error: page.events.append(str(error)))
    page.on("dialog", lambda dialog: page.events.append(dialog.message))
    page.goto(page_path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    yield page
    context.close()


def test_it_asks_for_nothing_and_says_nothing(page: Any, page_path: Path) -> None:
    page.wait_for_load_state("networkidle")
    assert page.events == [page_path.as_uri()]


def test_the_page_never_scrolls_sideways(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_every_box_that_scrolls_can_be_reached_by_keyboard(page: Any) -> None:
    unreachable = page.evaluate(
        "[...document.querySelectorAll('body *')].filter((each) => each.scrollWidth > each.clientWidth + 1"
        " && ['auto', 'scroll'].includes(getComputedStyle(each).overflowX)"
        " && (each.tabIndex < 0 || !each.getAttribute('aria-label'))).map((each) => each.outerHTML.slice(0, 80))"
    )
    assert unreachable == []


def test_hostile_text_is_shown_as_text(page: Any) -> None:
    assert page.get_by_text("<script>alert(1)</script>").first.is_visible()
    assert page.locator("script, img, main [src]").count() == 0
    assert page.locator("bdi", has_text="⟨U+202E⟩`x`").count() >= 3


def test_text_has_contrast(page: Any) -> None:
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 300
    assert any(name.startswith("text") for name, _, _ in contrasts)
    faint = [name for name, colour, background in contrasts if contrast(colour, background) < 4.5]
    assert faint == []


def test_lines_of_charts_have_contrast(page: Any) -> None:
    colours = page.evaluate(
        """() => ['--first', '--second', '--paper'].map((name) => {
          const context = document.createElement('canvas').getContext('2d');
          context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);
          context.fillRect(0, 0, 1, 1);
          return [...context.getImageData(0, 0, 1, 1).data];
        })"""
    )
    assert all(contrast(colour, colours[2]) >= 3 for colour in colours[:2])


def test_text_of_charts_is_large_enough(page: Any) -> None:
    heights = page.evaluate(
        "[...document.querySelectorAll('svg text')].map((each) => each.getScreenCTM().a *"
        " parseFloat(getComputedStyle(each).fontSize))"
    )
    assert min(heights) >= 9


def test_the_keyboard_skips_to_the_scores(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the scores"
    page.keyboard.press("Enter")
    page.wait_for_url("**#scores")


def test_it_prints(browser: Any, page_path: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    context.set_default_timeout(300_000)
    page = context.new_page()
    page.goto(page_path.as_uri())
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    assert len(page.pdf()) > 10_000
    context.close()


def contrast(colour: list[int], background: list[int]) -> float:
    """Contrast ratio of WCAG 2.2, 1–21."""
    lighter, darker = sorted((luminance(colour), luminance(background)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: list[int]) -> float:
    """Relative luminance of WCAG 2.2."""
    channels = [value / 255 for value in colour[:3]]
    red, green, blue = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
