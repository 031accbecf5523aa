import math
from functools import partial

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from seqlab.scoring import bleu
from seqlab.scoring.bleu import reference_streams

corpus_bleu = partial(bleu.corpus_bleu, tokenize="13a")
sentence_bleu = partial(bleu.sentence_bleu, tokenize="13a")

TRANSLATIONS = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."]
# sacreBLEU's own documentation gives 48.53 for these with all references (README, "Using SacreBLEU from Python").
DOCUMENTED = [
    ("The dog bit the man.", "The dog had bit the man."),
    ("It was not unexpected.", "No one was surprised."),
    ("The man bit him first.", "The man had bitten the dog."),
]
RAGGED = [DOCUMENTED[0], DOCUMENTED[1][:1], (*DOCUMENTED[2], "He had just been bitten.")]


def test_documented_figure() -> None:
    assert corpus_bleu(TRANSLATIONS, DOCUMENTED) == pytest.approx(48.53, abs=0.005)


def test_ragged_references_become_streams_with_none() -> None:
    assert reference_streams([("a", "b"), ("c",), ("", "d", "e")]) == [
        ("a", "c", ""),
        ("b", None, "d"),
        (None, None, "e"),
    ]


def test_ragged_references_equal_repeated_ones() -> None:
    # A repeated reference adds no n-gram and no length, so it changes no BLEU: an independent way to make them even.
    even = [(*texts, *[texts[0]] * (3 - len(texts))) for texts in RAGGED]
    streams = [[texts[i] for texts in even] for i in range(3)]
    assert corpus_bleu(TRANSLATIONS, RAGGED) == sacrebleu.corpus_bleu(TRANSLATIONS, streams).score
    assert corpus_bleu(TRANSLATIONS, RAGGED) != corpus_bleu(TRANSLATIONS, [texts[:1] for texts in RAGGED])


def test_an_empty_reference_is_a_reference() -> None:
    # Closest reference length: 0 for the empty translation beside ("", …), 2 where only "b c" is there.
    references = [("a b c d e",), ("", "b c")]
    assert corpus_bleu(["a b c d e", ""], references) == pytest.approx(100)
    assert corpus_bleu(["a b c d e", ""], [references[0], references[1][1:]]) == pytest.approx(
        100 * math.exp(1 - 7 / 5)
    )


def test_case_counts_and_punctuation_is_split_off() -> None:
    assert corpus_bleu(["A b c d."], [("a b c d.",)]) < 100
    assert corpus_bleu(["a b c d ."], [("a b c d.",)]) == pytest.approx(100)


@pytest.mark.parametrize("translation", ["", " ", "x"])
@pytest.mark.parametrize("reference", ["", " ", "a b c d e"])
def test_nothing_in_common_is_zero(translation: str, reference: str) -> None:
    assert corpus_bleu([translation], [(reference,)]) == 0
    assert sentence_bleu(translation, (reference,)) == 0


def test_sentence_bleu_counts_only_orders_that_fit() -> None:
    # Two words have no trigram: exp smoothing over four orders would forbid 100.
    assert sentence_bleu("hello world", ("hello world",)) == pytest.approx(100)
    # Unigrams 2/3, bigrams 1/2, trigrams 0/1 smoothed to 1/2; as long as its reference: no brevity penalty.
    expected = 100 * (2 / 3 * 1 / 2 * 1 / 2) ** (1 / 3)
    assert sentence_bleu("a b x", ("c d e", "a b c")) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("translations", "references", "message"),
    [
        ([], [], "no translations"),
        (["a"], [], "1 translations for 0"),
        (["a", "b"], [("a",), ()], "sentence 2 has no reference"),
    ],
)
def test_refused(translations: list[str], references: list[tuple[str, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        corpus_bleu(translations, references)


@given(st.lists(st.tuples(st.text(), st.lists(st.text(), min_size=1, max_size=3)), min_size=1, max_size=5))
def test_any_text_scores_between_0_and_100(pairs: list[tuple[str, list[str]]]) -> None:
    translations = [translation for translation, _ in pairs]
    references = [tuple(texts) for _, texts in pairs]
    assert 0 <= corpus_bleu(translations, references) <= 100
    assert all(0 <= sentence_bleu(text, texts) <= 100 for text, texts in zip(translations, references, strict=True))
