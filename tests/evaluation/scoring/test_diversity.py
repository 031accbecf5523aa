from functools import partial

import pytest

from seqlab.evaluation.scoring import diversity as scoring
from seqlab.scoring.tokenization import bleu_metric

measure = partial(scoring.measure, tokenizer=bleu_metric("13a").tokenizer)
diversity = partial(scoring.diversity, tokenize="13a")


def test_hand_computed() -> None:
    # 13a: know . / I don't know . / No , thanks . – 12 words, 7 of them different; 6 different pairs.
    texts = ["I don't know.", "I don't know.", "No, thanks."]
    found = measure(texts)
    assert found.distinct_1 == pytest.approx(100 * 7 / 12)
    assert found.distinct_2 == pytest.approx(100 * 6 / 12)
    assert (found.different, found.text) == (2, "I don't know.")
    assert found.most_frequent == pytest.approx(100 * 2 / 3)


def test_pairs_do_not_cross_texts_and_case_counts() -> None:
    assert measure(["a b", "c d"]).distinct_2 == 50
    assert measure(["a", "A"]).distinct_1 == 100
    assert measure(["a b", "b a"]).distinct_2 == 50


def test_empty_outputs() -> None:
    found = measure(["", "", "a"])
    assert (found.distinct_1, found.distinct_2) == (100, 0)
    assert (found.different, found.text) == (2, "")
    assert (measure([""]).distinct_1, measure([""]).most_frequent) == (0, 100)


def test_of_equally_frequent_texts_the_first_is_shown() -> None:
    assert measure(["b", "a", "a", "b"]).text == "b"


def test_the_first_references_stand_beside() -> None:
    translations, references = ["a b", "a b"], [("c d", "e f"), ("e f",)]
    assert diversity(translations, references) == {
        "distinct_1": {"score": 50.0, "references": 100.0, "signature": "refs:first|case:mixed|tok:13a|version:2.6.0"},
        "distinct_2": {"score": 25.0, "references": 50.0, "signature": "refs:first|case:mixed|tok:13a|version:2.6.0"},
        "different_outputs": {"score": 1, "references": 2},
        "most_frequent_output": {"score": 100.0, "references": 50.0, "text": "a b"},
    }


def test_the_order_of_sentences_changes_no_figure() -> None:
    texts = ["a b c", "b c", "c", "b c"]
    assert measure(texts) == measure(texts[::-1])


def test_words_are_those_of_the_tokenizer() -> None:
    found = scoring.diversity(["我很好", "我好"], [("他好",)] * 2, tokenize="zh")
    # 我 很 好 我 好: 5 words, 3 of them different.
    assert found["distinct_1"]["score"] == pytest.approx(100 * 3 / 5)
    assert "|tok:zh|" in found["distinct_1"]["signature"]


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="no translations"):
        diversity([], [])
