"""The tables of a grid."""

import pandas as pd

from tools.grid import ATTENTION, HIDDEN, RATIO, tables
from tools.tables import LENGTH


def test_tables_are_means_over_seeds() -> None:
    runs = pd.DataFrame(
        {
            ATTENTION: "dot",
            HIDDEN: [64, 64, 128, 128],
            RATIO: 0.5,
            "seed": ["1", "2", "1", "2"],
            "BLEU": [10.0, 20.0, 33.0, 33.0],
            "perplexity under teacher forcing": [3.0, 5.0, 2.0, 2.0],
            "truth": [1.0, 1.0, 0.5, 0.5],
            "own": [1.25, 1.75, 0.75, 0.75],
            "seconds of training": [30.0, 30.0, 40.0, 40.0],
        }
    )
    by_length = pd.DataFrame(
        {
            ATTENTION: "dot",
            HIDDEN: 64,
            RATIO: 0.5,
            LENGTH: ["6–10", "0–5", "6–10", "0–5"],
            "bleu": [1.0, 3.0, 2.0, 5.0],
        }
    )
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in tables(runs, by_length).splitlines()]
    assert lines.count(["dot", "64", "15.0 ± 7.1"]) == lines.count(["dot", "128", "33.0 ± 0.0"]) == 1
    assert ["dot", "64", "4.00 ± 1.41"] in lines
    assert ["dot", "64", "0.50 ± 0.35"] in lines
    assert lines[-3] == [ATTENTION, HIDDEN, RATIO, "0–5", "6–10"]
    assert lines[-1] == ["dot", "64", "0.5", "4.0 ± 1.4", "1.5 ± 0.7"]
