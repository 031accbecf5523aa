"""The picture of the bottleneck: each hidden size at its best learning rate on validation, by length of the source."""

import io

import numpy as np
import pandas as pd
from matplotlib.container import ErrorbarContainer

from tools.bottleneck import HIDDEN, drawn
from tools.tables import best, with_lengths

RUNS = """\
model.hidden_size,train.learning_rate,seed,valid_bleu,by_length
32,0.001,1,10,"{""11+"": 5.0, ""0–5"": 30.0}"
32,0.001,2,12,"{""11+"": 7.0, ""0–5"": 40.0}"
32,0.1,1,2,"{""11+"": 99.0, ""0–5"": 99.0}"
128,0.001,1,1,"{""11+"": 99.0, ""0–5"": 99.0}"
128,0.1,1,20,"{""11+"": 50.0, ""0–5"": 60.0}"
"""


def test_a_line_for_each_hidden_size_with_its_spread_over_seeds() -> None:
    runs = pd.read_csv(io.StringIO(RUNS))
    (axes,) = drawn(with_lengths(best(runs, [HIDDEN], "train.learning_rate", "valid_bleu"))).axes
    lines = [line for line in axes.containers if isinstance(line, ErrorbarContainer)]
    assert [line.get_label() for line in lines] == ["32", "128"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0–5", "11+"]
    assert [np.asarray(line.lines[0].get_ydata()).tolist() for line in lines] == [[35.0, 6.0], [60.0, 50.0]]
    (bars,) = lines[0].lines[2]
    assert [round(low[1] * -1 + high[1], 2) for low, high in bars.get_segments()] == [14.14, 2.83]
