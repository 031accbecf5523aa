"""Make the pictures of the pages from this working copy: `make pictures`.

Needs reports/report.html (`make run`), reports/comparison.html (`seqlab compare`), the runs in mlflow.db, and Chromium
on the path.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from benchmarks.ports import free_port
from seqlab.commands.ui import QUICK
from seqlab.core.errors import SeqlabError
from seqlab.tracking.home import find_home
from seqlab.tracking.publishing.health import check_health
from seqlab.tracking.publishing.server import connect
from seqlab.tracking.publishing.shared_view import view_url
from tools import bottleneck

DOCS = Path(__file__).parents[1] / "docs"
REPORTS = Path("reports").resolve()
# Name, page, the heading that it begins at, height in pixels.
PAGES = (
    ("report", "report.html", "", 1150),
    ("exposure", "report.html", "#exposure", 480),
    ("verdict", "comparison.html", "", 900),
    ("heat-map", "comparison.html", "#heat", 620),
)
WIDTH = 1300
SECONDS = 60


def main() -> None:
    """Take the pictures, and draw bottleneck.png, which is of docs/experiments."""
    bottleneck.main()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("no Chromium on the path; install it, then `make pictures` again")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900})
        for name, file, selector, height in PAGES:
            _page(page, DOCS / f"{name}.png", (REPORTS / file).as_uri(), selector, height)
        with _mlflow() as address:
            _mlflow_view(page, address)
        browser.close()


def _page(page: Page, path: Path, address: str, selector: str, height: int) -> None:
    page.goto(address)
    top = page.locator(selector).bounding_box() if selector else None
    clip = {"x": 0.0, "y": top["y"] - 10 if top else 0.0, "width": float(WIDTH), "height": float(height)}
    page.screenshot(path=path, full_page=True, clip=clip)  # type: ignore[arg-type]


def _mlflow_view(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 1700, "height": 1050})
    page.goto(view_url(address, connect(find_home(Path.cwd())).experiment_id))
    page.get_by_text("Ratio, hidden size and BLEU").first.wait_for(timeout=SECONDS * 1000)
    # An offer of an assistant takes a quarter of the window.
    page.get_by_role("button", name="Close").last.click()
    page.wait_for_timeout(8000)
    page.screenshot(path=DOCS / "mlflow.png")


@contextmanager
def _mlflow() -> Iterator[str]:
    """Serve the runs on a free port meanwhile."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri=sqlite:///mlflow.db", f"--port={port}"]
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [*command, "--workers=1"],
        env=os.environ | QUICK,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as server:
        try:
            _wait_for(address)
            yield address
        finally:
            os.killpg(server.pid, signal.SIGTERM)


@retry(stop=stop_after_delay(SECONDS), wait=wait_fixed(1), retry=retry_if_exception_type(SeqlabError))
def _wait_for(address: str) -> None:
    check_health(address)


if __name__ == "__main__":
    main()
