from seqlab.reporting.statistics_table import statistics_table
from tests.reporting import run


def test_figures_by_split() -> None:
    table = statistics_table(run.statistics())
    rows = dict(table.rows)
    assert table.splits == ["train", "valid", "test"]
    assert rows["source tokens"] == ["180,000"] * 3
    assert rows["source mean length"] == ["9.04"] * 3
    assert rows["target unknown rate"] == ["0.12 %"] * 3
    assert rows["target empty"] == ["1"] * 3
    assert table.whole == [("vocabulary source", "412"), ("vocabulary target", "530")]


def test_a_figure_that_a_split_lacks() -> None:
    table = statistics_table({"train": {"examples": 9, "dropped": 2}, "test": {"examples": 1}})
    assert table.rows == [("examples", ["9", "1"]), ("dropped", ["2", "–"])]
