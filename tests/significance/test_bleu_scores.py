import numpy as np
import pytest
from sacrebleu import BLEU

from seqlab.significance.bleu_scores import bleu


def test_scores_are_those_of_sacrebleu() -> None:
    source = np.random.default_rng(1)
    # No more 4-grams than 3-grams, and so on.
    totals = np.sort(source.integers(0, 12, size=(4, 500)), axis=0)[::-1]
    # Orders without a match, and without an n-gram, among them.
    matches = np.minimum(source.integers(0, 12, size=(4, 500)) * (source.random((4, 500)) < 0.7), totals)
    counts = np.concatenate([totals[:1], source.integers(1, 14, size=(1, 500)), matches, totals])
    metric = BLEU(force=True)
    wanted = [metric._compute_score_from_stats([int(value) for value in column]).score for column in counts.T]
    assert bleu(counts).tolist() == pytest.approx(wanted, abs=1e-9)
    assert sum(score == 0 for score in wanted) > 20
    assert sum(score > 0 for score in wanted) > 200


def test_one_score_and_a_block_of_scores_are_the_same() -> None:
    counts = np.array([9, 10, 7, 4, 2, 1, 9, 8, 7, 6])
    block = np.tile(counts[:, None, None], (1, 3, 2))
    assert bleu(block).shape == (3, 2)
    assert (bleu(block) == float(bleu(counts))).all()
