from seqlab.core.special_tokens import UNK
from seqlab.tokenizing.statistics import SplitStatistics


def test_figures_of_a_split_counted_by_hand() -> None:
    statistics = SplitStatistics()
    statistics.examples = 2
    statistics.source.add([[5, UNK, 6], []])
    statistics.source.add([[UNK]])
    statistics.target.add([[4, 4], [4], [4, 4, 4, 4]])
    assert statistics.summary() == {
        "examples": 2,
        "pairs": 3,
        "dropped_pairs": 0,
        "truncated_sources": 0,
        "source": {
            "tokens": 4,
            "mean_length": 1.3333,
            "max_length": 3,
            "unknown_tokens": 2,
            "unknown_rate": 0.5,
            "empty": 1,
        },
        "target": {
            "tokens": 7,
            "mean_length": 2.3333,
            "max_length": 4,
            "unknown_tokens": 0,
            "unknown_rate": 0.0,
            "empty": 0,
        },
    }


def test_empty_texts_alone_have_no_unknown_rate() -> None:
    statistics = SplitStatistics()
    statistics.source.add([[], []])
    assert statistics.source.summary()["unknown_rate"] == 0.0
    assert statistics.source.summary()["mean_length"] == 0.0
