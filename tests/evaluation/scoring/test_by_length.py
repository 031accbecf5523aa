import pytest

from seqlab.evaluation.scoring.by_length import bleu_by_length
from seqlab.evaluation.scoring.metrics import bleu
from tests.scoring.corpus import translated

LENGTHS = [0, 1, 5, 6, 10, 11, 41, 300]


def sources(count: int) -> list[str]:
    return [" ".join(["w"] * LENGTHS[row % len(LENGTHS)]) for row in range(count)]


def test_against_plain_recomputation() -> None:
    translations, references = translated(64)
    texts = sources(64)
    buckets = bleu_by_length(
        texts, translations, references, bounds=[5, 10, 20, 40], tokenize="13a", bootstrap_samples=100
    )
    assert [bucket.name for bucket in buckets] == ["0–5", "6–10", "11–20", "21–40", "41+"]
    assert [(bucket.low, bucket.high) for bucket in buckets] == [(0, 5), (6, 10), (11, 20), (21, 40), (41, None)]
    assert [bucket.examples for bucket in buckets] == [24, 16, 8, 0, 16]
    for bucket in buckets:
        rows = [
            row
            for row, text in enumerate(texts)
            if bucket.low <= len(text.split()) and (bucket.high is None or len(text.split()) <= bucket.high)
        ]
        if not rows:
            assert bucket.bleu is None
            continue
        chosen = [translations[row] for row in rows]
        assert bucket.bleu == bleu(chosen, [references[row] for row in rows], tokenize="13a", bootstrap_samples=100)


def test_a_bucket_of_one_length_is_named_by_it() -> None:
    buckets = bleu_by_length([], [], [], bounds=[2, 3], tokenize="13a", bootstrap_samples=100)
    assert [bucket.name for bucket in buckets] == ["0–2", "3", "4+"]


def test_words_are_separated_by_any_whitespace() -> None:
    buckets = bleu_by_length(["a\tb\u2028c\n"], ["x"], [("x",)], bounds=[2, 3], tokenize="13a", bootstrap_samples=100)
    assert [bucket.examples for bucket in buckets] == [0, 1, 0]


def test_sources_without_spaces_are_counted_in_characters() -> None:
    texts = ["我很好。", "他现在找到\u3000旧汽车。", "好"]
    buckets = bleu_by_length(texts, ["x"] * 3, [("x",)] * 3, bounds=[1, 4, 8], tokenize="char", bootstrap_samples=100)
    assert [bucket.examples for bucket in buckets] == [1, 1, 0, 1]
    assert {bucket.unit for bucket in buckets} == {"characters"}


def test_one_bound_and_no_sentences() -> None:
    buckets = bleu_by_length([], [], [], bounds=[1], tokenize="13a", bootstrap_samples=100)
    assert [(bucket.name, bucket.examples, bucket.bleu) for bucket in buckets] == [("0–1", 0, None), ("2+", 0, None)]


def test_unequal_lists_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        bleu_by_length(["a", "b"], ["x"], [("x",)], bounds=[1], tokenize="13a", bootstrap_samples=100)
