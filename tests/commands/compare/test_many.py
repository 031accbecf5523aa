"""Five hundred runs stay a page that a browser opens."""

import time
from pathlib import Path

import pytest

from benchmarks.invented_runs import grid, stand_in
from seqlab.commands.compare import compare as module
from seqlab.commands.compare.analysis import BEST_RUNS
from seqlab.commands.compare.compare import compare

LARGEST_BYTES = 20_000_000

pytestmark = pytest.mark.slow


def test_500_runs_stay_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".dvc").mkdir()
    monkeypatch.delenv("DVC_ROOT", raising=False)
    common = {f"section.parameter_{place}": "constant" for place in range(60)}
    runs = grid((0.0, 0.25, 0.5, 0.75, 1.0), (64, 128, 256, 512), 25, sentences=100, **common)
    monkeypatch.setattr(module, "connect", lambda _: stand_in(runs, tmp_path / "store"))
    start = time.perf_counter()
    comparison = compare(tmp_path, tmp_path / "reports")
    seconds = time.perf_counter() - start
    size = sum(path.stat().st_size for path in (tmp_path / "reports").iterdir())
    with capsys.disabled():
        print(f"\n500 runs of 100 sentences: {seconds:.1f} s, {size / 1e6:.1f} MB")  # noqa: T201
    assert len(comparison.view.runs) == 500
    assert size < LARGEST_BYTES
    assert len(comparison.view.analysis.pairs) == BEST_RUNS * (BEST_RUNS - 1) // 2
    assert comparison.view.analysis.against_best[-1].distinct
