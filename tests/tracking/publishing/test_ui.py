"""The runs in MLflow's own UI, driven as a person would: open the view, select runs, compare, read the figures."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from benchmarks.ports import free_port
from seqlab.core.atomic import write_text
from seqlab.tracking.publishing import model as model_module
from seqlab.tracking.publishing import sync as sync_module
from seqlab.tracking.publishing.shared_view import NAME, view_url
from seqlab.tracking.publishing.sync import Summary, sync
from tests.browser import launched, needs_browser
from tests.tracking.conftest import ROOT, Project
from tests.tracking.mlflow_server import MlflowServer, wait_for

# Ratio, hidden size, BLEU.
GRID = [(0.0, 64, 21.5), (0.0, 256, 24.25), (1.0, 64, 27.75), (1.0, 256, 31.5)]

pytestmark = [pytest.mark.slow, needs_browser]


@pytest.fixture
def summary(project: Project, template_database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Summary]:
    """A real server with the runs of a grid."""
    monkeypatch.setattr(sync_module, "stale_stages", lambda _: {})
    monkeypatch.setattr(model_module, "_save", lambda folder, *_: write_text(folder / "MLmodel", "flavors: {}\n"))
    (project.root / "server").mkdir()
    server = MlflowServer(project.root / "server", template_database)
    server.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    for number, (ratio, hidden_size, bleu) in enumerate(GRID):
        project.set("train", teacher_forcing_ratio=ratio)
        project.set("model", hidden_size=hidden_size)
        project.train(weights=f"weights {number}".encode())
        project.evaluate(bleu)
    yield sync(project.root)
    server.kill()


def test_seqlab_ui_serves_the_database_and_opens_the_view(tracked: Project, tmp_path: Path) -> None:
    opened, port = tmp_path / "opened", free_port()
    browser = tmp_path / "browser"
    write_text(browser, f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    environment = os.environ | {"DISPLAY": ":0", "BROWSER": f"{browser} %s", "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", "from seqlab.cli import main; main()", "ui", "--port", str(port)]
    with subprocess.Popen(command, cwd=tracked.root, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_for(opened.exists, seconds=300)
            wait_for(lambda: bool(opened.read_text("utf-8")))
            view = opened.read_text("utf-8").strip()
            assert view == view_url(f"http://127.0.0.1:{port}", "1")
            assert requests.get(view.partition("#")[0], timeout=30).ok
            taken = subprocess.run(
                command, cwd=tracked.root, env=environment, capture_output=True, text=True, check=False
            )
            assert (taken.returncode, "Traceback" in taken.stderr) == (1, False)
            assert f"port {port} is taken" in taken.stderr
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=60)
        finally:
            # Of a test that fails, too: the block waits for its end.
            process.kill()
    assert process.returncode == 0
    assert f"MLflow   {view}\n" in said
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/health", timeout=5)


def test_the_compare_view_needs_no_configuration(summary: Summary) -> None:
    failures: list[BaseException] = []

    def drive() -> None:
        try:
            _drive(summary)
        except BaseException as error:
            failures.append(error)

    # Playwright's loop and that of the test runner's other users of asyncio keep apart.
    thread = threading.Thread(target=drive)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def _drive(summary: Summary) -> None:
    from playwright.sync_api import expect

    expect.set_options(timeout=120_000)
    with launched() as browser:
        page = browser.new_page(viewport={"width": 1500, "height": 1300})
        page.set_default_timeout(120_000)
        page.goto(summary.server.view)
        expect(page.get_by_text("4 matching runs")).to_be_visible()
        # MLflow names the view that is open.
        expect(page.get_by_test_id("saved-views-trigger")).to_have_text(NAME)
        _shows_the_charts(page, expect)
        _compares(page, expect)


def _shows_the_charts(page: Any, expect: Any) -> None:
    """The view that the link opens: best BLEU first, with the three charts of ratio, hidden size and BLEU."""
    expect(page.get_by_text("Ratio, hidden size and BLEU").first).to_be_visible()
    expect(page.get_by_text("Learning curves").last).to_be_visible()
    expect(page.get_by_text("Parallel Coordinates").first).to_be_visible()
    expect(page.locator(".js-plotly-plot, .parcoords").nth(2)).to_be_visible()
    names = page.get_by_role("link", name="tf").all_inner_texts()
    assert [name.split("-s1-")[0] for name in names] == [
        "tf1.00-h256-gru", "tf1.00-h64-gru", "tf0.00-h256-gru", "tf0.00-h64-gru"
    ]  # fmt: skip


def _compares(page: Any, expect: Any) -> None:
    """Selected runs side by side: the parameters that differ are chosen, and the figures are there."""
    page.get_by_label("Select all runs").check(force=True)
    page.get_by_text("Compare", exact=True).first.click()
    expect(page.get_by_text("Comparing 4 Runs from 1 Experiment")).to_be_visible()
    expect(page.get_by_text("Parallel Coordinates Plot")).to_be_visible()
    for chosen in ("model.hidden_size", "train.teacher_forcing_ratio", "test/bleu"):
        expect(page.locator("[class*=select-selection-item]", has_text=chosen).first).to_be_visible()
    for _, _, bleu in GRID:
        expect(page.get_by_text(f"{bleu:g}", exact=True).first).to_be_attached()
