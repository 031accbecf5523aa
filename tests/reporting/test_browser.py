"""The report in a browser."""

from pathlib import Path
from typing import Any

import pytest

from seqlab.reporting.report import write_report
from tests.browser import HOSTILE, PATIENCE_MS, check_charts, check_page, check_skip_link, needs_browser
from tests.reporting import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser"), needs_browser]


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


def test_it_is_for_everybody(page: Any, page_path: Path) -> None:
    check_page(page, page_path)
    check_charts(page, "--paper", ["--first", "--second"])


def test_no_figure_of_a_table_beside_a_chart_is_out_of_sight(page: Any) -> None:
    narrow = page.viewport_size["width"] < 1000
    boxes = page.evaluate(
        "[...document.querySelectorAll('.beside .scroll')].map((e) => [e.scrollWidth, e.clientWidth])"
    )
    assert boxes
    assert narrow or [needed for needed, shown in boxes if needed > shown] == []


def test_hostile_text_is_shown_as_text(page: Any) -> None:
    assert page.get_by_text("<script>alert(1)</script>").first.is_visible()
    assert page.locator("script, img, main [src]").count() == 0
    assert page.locator("bdi", has_text="⟨U+202E⟩`x`").count() >= 3


def test_the_keyboard_skips_to_the_scores(page: Any) -> None:
    check_skip_link(page, "Skip to the scores", "scores")


def test_it_prints(browser: Any, page_path: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(page_path.as_uri())
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    assert len(page.pdf()) > 10_000
    context.close()
