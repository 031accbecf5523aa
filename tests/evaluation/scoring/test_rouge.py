import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.significance import _bootstrap_resample

from seqlab.evaluation.scoring import sentence_mean
from seqlab.evaluation.scoring.rouge import rouge, unread_letters
from tests.scoring.corpus import ragged, translated

SIGNATURE = "nrefs:{}|multi:max|bs:100|seed:12345|measure:f1|case:lc|tok:a-z0-9|stem:porter|nltk:3.10.4|version:0.1.2"


def plain(translations: list[str], references: list[tuple[str, ...]], name: str) -> list[float]:
    """F1 of each sentence, 0–100: rouge-score on one pair at a time, and the best of them."""
    scorer = RougeScorer([name], use_stemmer=True)
    return [
        100 * max(scorer.score(text, translation)[name].fmeasure for text in texts)
        for translation, texts in zip(translations, references, strict=True)
    ]


@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rougeL"])
def test_scores_are_those_of_rouge_score_against_the_best_reference(name: str) -> None:
    translations, references = translated(60)
    for texts in (references, ragged(references)):
        expected = plain(translations, texts, name)
        assert rouge(translations, texts, bootstrap_samples=100)[name].score == pytest.approx(np.mean(expected))


def test_hand_computed() -> None:
    # Stems: the cat sat on the mat / the cat sit on a mat. 4 of 6 words, 1 of 5 pairs, and a subsequence of 4; the
    # second sentence has nothing.
    found = rouge(["The cats sat on the mat!", ""], [("the cat sits on a mat",), ("x",)], bootstrap_samples=100)
    scores = {name: score.score for name, score in found.items()}
    assert scores == pytest.approx({"rouge1": 50 * 4 / 6, "rouge2": 50 * 1 / 5, "rougeL": 50 * 4 / 6})


def test_each_metric_takes_its_own_best_reference_whatever_their_order() -> None:
    # The first has all words in another order, the second half of them in order.
    translation, texts = "a b c d", ("d c b a", "a b x y")
    found = rouge([translation], [texts], bootstrap_samples=100)
    assert {name: score.score for name, score in found.items()} == pytest.approx(
        {"rouge1": 100.0, "rouge2": 100 / 3, "rougeL": 50.0}
    )
    turned = rouge([translation], [texts[::-1]], bootstrap_samples=100)
    assert turned == found


@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rougeL"])
def test_the_interval_is_sacrebleus_of_the_sentences_scores(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    translations, references = translated(60)
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    stats: Any = [[score, 1.0] for score in plain(translations, references, name)]
    mean: Any = SimpleNamespace(_compute_score_from_stats=lambda sums: float(sums[0] / sums[1]))
    seed, means = _bootstrap_resample(stats, mean, 200)
    ordered: Any = sorted(means)
    middle, margin = np.mean(ordered), (ordered[194] - ordered[5]) / 2
    found = rouge(translations, references, bootstrap_samples=200)[name]
    assert seed == "12345"
    assert (found.low, found.high) == pytest.approx((middle - margin, middle + margin), rel=1e-5)
    assert found.low < found.score < found.high


def test_intervals_stay_where_scores_can_lie() -> None:
    good, bad = ("a b c d", ("a b c d",)), ("x", ("o p",))
    low = rouge(*zip(good, *[bad] * 9, strict=True), bootstrap_samples=1000)["rouge1"]
    high = rouge(*zip(bad, *[good] * 9, strict=True), bootstrap_samples=1000)["rouge1"]
    assert low.low == 0 < low.high < 100
    assert 0 < high.low < high.high == 100


@pytest.mark.parametrize("translation", ["", " ", "…", "a b"])
@pytest.mark.parametrize("reference", ["", "猫", "a b"])
def test_empty_texts(translation: str, reference: str) -> None:
    expected = 100 if translation == reference == "a b" else 0
    for score in rouge([translation] * 3, [(reference,)] * 3, bootstrap_samples=100).values():
        assert (score.score, score.low, score.high) == (expected, expected, expected)


def test_signature() -> None:
    translations, references = translated(6)
    for texts, number in ((references, "2"), (ragged(references), "var")):
        for score in rouge(translations, texts, bootstrap_samples=100).values():
            assert score.signature == SIGNATURE.format(number)


def test_another_seed_gives_another_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    translations, references = translated(30)
    expected = rouge(translations, references, bootstrap_samples=200)["rouge1"]
    assert rouge(translations, references, bootstrap_samples=200)["rouge1"] == expected
    monkeypatch.setattr(sentence_mean, "BOOTSTRAP_SEED", "1")
    other = rouge(translations, references, bootstrap_samples=200)["rouge1"]
    assert (other.score, other.low == expected.low) == (expected.score, False)


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(ValueError, match="no translations"):
        rouge([], [], bootstrap_samples=100)
    with pytest.raises(ValueError, match="sentence 1 has no reference"):
        rouge(["a"], [()], bootstrap_samples=100)


def test_what_rouge_does_not_read() -> None:
    # `près` is `pr` and `s`, and so is `pr s`: the signature says tok:a-z0-9, and this says how much that leaves out.
    assert rouge(["près"], [("pr s",)], bootstrap_samples=100)["rouge1"].score == 100
    assert unread_letters([("Près du 3,", "É"), ("ab!",)]) == pytest.approx(100 * 2 / 9)
    assert unread_letters([("", "3.5 – …")]) == 0
    assert unread_letters([("Plain English, isn't it?",)]) == 0


def test_what_is_not_asked_for_is_not_imported() -> None:
    code = "import sys, seqlab.evaluation.evaluation; sys.exit('rouge_score' in sys.modules or 'nltk' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
