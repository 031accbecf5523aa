from pathlib import Path

import pytest

from seqlab.commands.compare.series import MAX_POINTS, exposures, highlighted, learning_curves, length_curves, thinned
from seqlab.core.errors import SeqlabError


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def curves(folder: Path, *scores: str) -> Path:
    """A curves.csv with these validation BLEUs."""
    columns = (
        "epoch,step,train_nll,valid_loss,valid_perplexity,valid_bleu,learning_rate,teacher_forcing_ratio,gradient_norm"
    )
    rows = [f"{step},{step},1,1,1,{score},1,1,1" for step, score in enumerate(scores, start=1)]
    return write(folder / "curves.csv", columns, *rows)


def test_the_best_and_the_worst_stand_out() -> None:
    assert highlighted(3) == [0, 1, 2]
    chosen = highlighted(500)
    assert (len(chosen), chosen[0], chosen[-1]) == (8, 0, 499)
    assert sorted(set(chosen)) == chosen


def test_long_curves_keep_their_ends() -> None:
    points = [[float(step), 1.0] for step in range(1000)]
    short = thinned(points)
    assert (len(short), short[0], short[-1]) == (MAX_POINTS, points[0], points[-1])
    assert thinned(points[:50]) == points[:50]


def test_diverged_epochs_and_runs_without_curves_are_left_out(tmp_path: Path) -> None:
    path = curves(tmp_path, "2.5", "nan", "", "7")
    (curve,) = learning_curves([{}, {"reports/curves.csv": path}], "valid_bleu")
    assert (curve.run, curve.points) == (1, [[1.0, 2.5], [4.0, 7.0]])


def test_a_damaged_curve_is_refused(tmp_path: Path) -> None:
    path = curves(tmp_path, "x")
    with pytest.raises(SeqlabError, match=r"curves\.csv is damaged"):
        learning_curves([{"reports/curves.csv": path}], "valid_bleu")


def test_lengths_by_bucket_and_empty_buckets_left_out(tmp_path: Path) -> None:
    head = "bucket,low,high,examples,bleu,bleu_low,bleu_high"
    first = write(tmp_path / "a.csv", head, "0–5,0,5,3,40,,", "6–9,6,9,0,,,", "10+,10,,3,20,,")
    other = write(tmp_path / "b.csv", head, "0–50,0,50,3,40,,")
    names, curves = length_curves([{"reports/bleu_by_length.csv": path} for path in (first, other, first)])
    assert names == ["0–5", "6–9", "10+"]
    assert [(curve.run, curve.points) for curve in curves] == [(run, [[0, 40.0], [2, 20.0]]) for run in (0, 2)]


def test_exposure_is_a_mean_over_tokens_and_rare_positions_are_not_drawn(tmp_path: Path) -> None:
    rows = ["1,100,1.0,1.0", "2,60,2.0,3.0", "3,2,5,25.0"]
    path = write(tmp_path / "exposure.csv", "position,tokens,gold_nll,own_nll", *rows)
    (found,) = exposures([{}, {"reports/exposure.csv": path}])
    assert found.run == 1
    assert found.gap == pytest.approx((60 * 1.0 + 2 * 20.0) / 162)
    assert (found.gold, found.own) == ([[1, 1], [2, 2]], [[1, 1], [2, 3]])
