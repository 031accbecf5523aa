import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.evaluation.scoring import metrics
from seqlab.evaluation.scoring.metrics import Score, chrf, ter
from tests.scoring.corpus import ragged, translated

VERSION = "2.6.0"
Metric = Callable[..., Score]


def bleu(*texts: Any, **options: Any) -> Score:
    """By words of 13a."""
    return metrics.bleu(*texts, tokenize="13a", **options)


SIGNATURES: dict[Metric, str] = {
    bleu: "nrefs:{}|bs:200|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|version:" + VERSION,
    chrf: "nrefs:{}|bs:200|seed:12345|case:mixed|eff:yes|nc:6|nw:0|space:no|version:" + VERSION,
    ter: "nrefs:{}|bs:200|seed:12345|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:" + VERSION,
}
METRICS = pytest.mark.parametrize("metric", [bleu, chrf, ter], ids=lambda metric: metric.__name__)


def command_line(folder: Path, translations: list[str], streams: list[list[str]]) -> list[dict[str, object]]:
    """What `sacrebleu -i … -m bleu chrf ter --confidence` prints, to six decimals."""
    for name, lines in [("output", translations), *((f"reference{i}", lines) for i, lines in enumerate(streams))]:
        (folder / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    references = [str(folder / f"reference{i}") for i in range(len(streams))]
    command = [sys.executable, "-m", "sacrebleu", *references, "-i", str(folder / "output")]
    command += ["-m", "bleu", "chrf", "ter", "--confidence", "--confidence-n", "200", "-w", "6", "--format", "json"]
    environment = {key: value for key, value in os.environ.items() if key != "SACREBLEU_SEED"}
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=120)
    results: list[dict[str, object]] = json.loads(printed.stdout)
    return results


@pytest.mark.parametrize("streams", [1, 2])
def test_scores_and_signatures_are_those_of_the_command_line(tmp_path: Path, streams: int) -> None:
    translations, references = translated(60)
    lines = [[texts[i] for texts in references] for i in range(streams)]
    printed = command_line(tmp_path, translations, lines)
    for metric, expected in zip((bleu, chrf, ter), printed, strict=True):
        ours = metric(translations, [texts[:streams] for texts in references], bootstrap_samples=200)
        assert ours.score == pytest.approx(expected["score"], abs=1e-6)
        assert (ours.low + ours.high) / 2 == pytest.approx(expected["confidence_mean"], abs=1e-6)
        assert (ours.high - ours.low) / 2 == pytest.approx(expected["confidence_var"], abs=1e-6)
        assert ours.signature == expected["signature"] == SIGNATURES[metric].format(streams)
        assert ours.low < ours.score < ours.high


@METRICS
def test_ragged_references(tmp_path: Path, metric: Metric) -> None:
    # Every sentence has one or two references; the single ones written twice change no score: neither the best match,
    # nor the closest length, nor the mean length that TER divides by.
    translations, references = translated(60)
    uneven = ragged(references)
    even = [texts * 2 if len(texts) == 1 else texts for texts in uneven]
    ours = metric(translations, uneven, bootstrap_samples=200)
    expected = metric(translations, even, bootstrap_samples=200)
    assert (ours.score, ours.low, ours.high) == (expected.score, expected.low, expected.high)
    assert ours.signature == SIGNATURES[metric].format("var")


@METRICS
def test_the_seed_is_ours_whatever_the_environment(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    translations, references = translated(30)
    expected = metric(translations, references, bootstrap_samples=200)
    monkeypatch.setenv("SACREBLEU_SEED", "1")
    assert metric(translations, references, bootstrap_samples=200) == expected
    assert os.environ["SACREBLEU_SEED"] == "1"
    monkeypatch.delenv("SACREBLEU_SEED")
    assert metric(translations, references, bootstrap_samples=200) == expected
    assert "SACREBLEU_SEED" not in os.environ


def test_another_seed_gives_another_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    translations, references = translated(30)
    expected = bleu(translations, references, bootstrap_samples=200)
    monkeypatch.setattr(metrics, "BOOTSTRAP_SEED", "1")
    other = bleu(translations, references, bootstrap_samples=200)
    assert (other.score, other.low == expected.low) == (expected.score, False)


@METRICS
@pytest.mark.parametrize("translation", ["", "\u2028", "a b"])
@pytest.mark.parametrize("reference", ["", " ", "a b"])
def test_empty_texts(metric: Metric, translation: str, reference: str) -> None:
    result = metric([translation] * 3, [(reference,)] * 3, bootstrap_samples=100)
    assert 0 <= result.low <= result.high
    assert result.low == pytest.approx(result.score, rel=1e-6) == pytest.approx(result.high, rel=1e-6)


def test_low_is_never_below_zero() -> None:
    # One good sentence in ten: the mean of the resamples lies nearer to 0 than half the width.
    translations = ["a b c d e f", *["x"] * 9]
    references = [("a b c d e f",), *[("o p q r s t u v w",)] * 9]
    result = bleu(translations, references, bootstrap_samples=1000)
    assert result.low == 0 < result.high


def test_high_is_never_above_100_and_a_perfect_score_is_100() -> None:
    # One bad sentence in ten, on which the mean of the resamples hardly depends but their lower bound does.
    references = [("a b c d e f g h",)] * 9 + [("o p q r",)]
    result = bleu([*["a b c d e f g h"] * 9, "x" + " y" * 40], references, bootstrap_samples=1000)
    assert result.low < result.score < 100 == result.high
    perfect = bleu(["a b c d"] * 3, [("a b c d",)] * 3, bootstrap_samples=100)
    assert (perfect.score, perfect.low, perfect.high) == (100, 100, 100)


def test_ter_may_exceed_100() -> None:
    result = ter(["a b c d e f"] * 3, [("x y",)] * 3, bootstrap_samples=100)
    assert (result.score, result.low, result.high) == (300, 300, 300)


@METRICS
def test_nothing_to_score_is_refused(metric: Metric) -> None:
    with pytest.raises(ValueError, match="no translations"):
        metric([], [], bootstrap_samples=100)


def test_ter_where_some_resamples_have_no_reference_word() -> None:
    score = ter(["a", "b c"], [("",), ("b c",)], bootstrap_samples=200)
    # An edit to nothing counts as a hundred to a hundred.
    assert (score.score, score.low >= 0.0, score.high <= 200.0) == (50.0, True, True)


def test_chrf_where_some_resamples_have_no_match() -> None:
    score = chrf(["abcdef", "zzzzzz"], [("abcdef",), ("qqqqqq",)], bootstrap_samples=100)
    assert 0 <= score.low < score.score < score.high <= 100
