"""The comparison in a browser."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks.invented_runs import InventedRun, grid, stand_in
from seqlab.commands.compare import compare as module
from seqlab.commands.compare.compare import compare
from tests.browser import HOSTILE, check_charts, check_page, check_skip_link, needs_browser

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser"), needs_browser]


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / ".dvc").mkdir()
    runs = grid((0.0, 0.5, 1.0), (64, 128), 2)
    for run in runs:
        run.exposure = True
    hostile = {"seed": "1", "model.cell": HOSTILE, HOSTILE: HOSTILE}
    runs.append(InventedRun(99, hostile, runs[0].texts, [HOSTILE] * 60, {"mlflow.runName": HOSTILE}))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DVC_ROOT", raising=False)
        patch.setattr(module, "connect", lambda _: stand_in(runs, root / "store"))
        compare(root, root / "reports")
    shutil.rmtree(root / "store")
    return root / "reports/comparison.html"


def column(page: Any, title: str) -> list[str]:
    """Texts of the visible rows under `title` in the table of runs."""
    found: list[str] = page.evaluate(
        """(title) => {
          const table = document.querySelector('#table-of-runs'), rows = [...table.tBodies[0].rows];
          const place = [...table.tHead.rows[0].cells].findIndex((each) => each.textContent.trim() === title);
          return rows.filter((row) => !row.hidden).map((row) => row.cells[place].textContent.trim());
        }""",
        title,
    )
    return found


def test_it_is_for_everybody(page: Any, page_path: Path) -> None:
    check_page(page, page_path)
    check_charts(page, "--paper", [f"--s{place}" for place in range(1, 9)], "figure svg text")


def test_hostile_text_is_shown_as_text(page: Any) -> None:
    assert page.get_by_text("<script>alert(1)</script>").first.is_visible()
    assert page.locator("img, main [src]").count() == 0
    assert page.locator("script").count() == 1


def test_the_table_is_sorted_by_keyboard_alone(page: Any) -> None:
    scores = [float(text) for text in column(page, "BLEU")]
    assert scores == sorted(scores, reverse=True)
    assert page.locator("th[aria-sort]").inner_text().strip().startswith("BLEU")
    page.get_by_role("button", name="Perplexity", exact=True).focus()
    for key, reverse, said in (("Enter", False, "ascending"), ("Space", True, "descending")):
        page.keyboard.press(key)
        shown = [float(text) for text in column(page, "Perplexity")]
        assert shown == sorted(shown, reverse=reverse)
        assert page.locator("th[aria-sort]").count() == 1
        assert page.locator("th[aria-sort]").get_attribute("aria-sort") == said


def test_what_has_no_number_stays_below_the_numbers(page: Any) -> None:
    button = page.get_by_role("button", name="hidden_size", exact=True)
    for _ in range(2):
        button.press("Enter")
        assert column(page, "hidden_size")[-1] == "–"


def test_the_table_is_filtered_by_keyboard_alone(page: Any) -> None:
    page.get_by_label("Show runs with").focus()
    page.keyboard.type("run-1 128")
    assert page.get_by_role("status").inner_text() == f"{len(column(page, 'run'))} of 13 runs"
    shown = column(page, "run")
    assert shown
    assert all(name.startswith("run-1") for name in shown)
    assert set(column(page, "hidden_size")) == {"128"}
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    assert len(column(page, "run")) == 13


def test_a_row_of_runs_is_one_line_high_whatever_is_in_columns_out_of_sight(page: Any) -> None:
    heights = page.evaluate("[...document.querySelectorAll('#table-of-runs tbody tr')].map((row) => row.offsetHeight)")
    assert len(heights) == 13
    assert max(heights) < 45
    page.get_by_label("all columns").check()
    assert (
        max(page.evaluate("[...document.querySelectorAll('#table-of-runs tbody tr')].map((row) => row.offsetHeight)"))
        < 45
    )


def test_less_asked_for_columns_are_shown_by_keyboard(page: Any) -> None:
    commit = page.get_by_role("button", name="commit", exact=True)
    assert not commit.is_visible()
    page.get_by_label("all columns").focus()
    page.keyboard.press("Space")
    assert commit.is_visible()


def test_names_and_headings_stay_in_sight_and_the_page_says_that_there_is_more(page: Any) -> None:
    page.get_by_label("all columns").check()
    assert page.get_by_text("more columns to the right").is_visible()
    shifts = page.evaluate(
        """() => {
          const box = document.querySelector('.runs'), table = box.querySelector('table');
          box.style.maxHeight = '150px';
          box.scrollTo(10000, 10000);
          const [outer, head, name] = [box, table.tHead.rows[0].cells[0], table.tBodies[0].rows[12].cells[0]]
            .map((each) => each.getBoundingClientRect());
          box.removeAttribute('style');
          return [box.scrollLeft, head.left - outer.left, head.top - outer.top, name.left - outer.left];
        }"""
    )
    assert shifts[0] > 0
    assert [abs(shift) < 1 for shift in shifts[1:]] == [True] * 3
    # With collapsed borders the rules would scroll away from under the names.
    assert page.evaluate("getComputedStyle(document.querySelector('#table-of-runs')).borderCollapse") == "separate"


def test_a_box_that_does_not_scroll_promises_nothing(page: Any) -> None:
    width, room = page.evaluate(
        "(({scrollWidth, clientWidth}) => [scrollWidth, clientWidth])(document.querySelector('.runs'))"
    )
    assert page.get_by_text("more columns to the right").is_visible() == (width > room)


def test_single_runs_are_shown_on_demand(page: Any) -> None:
    summary = page.get_by_text("Each run’s curve", exact=True)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = false; })")
    charts = page.locator("#curves figure")
    assert [chart.is_visible() for chart in charts.all()] == [True, True, False, False]
    summary.focus()
    page.keyboard.press("Enter")
    assert all(chart.is_visible() for chart in charts.all())


def test_the_keyboard_skips_to_the_runs(page: Any) -> None:
    check_skip_link(page, "Skip to the runs", "runs")
