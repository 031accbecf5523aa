import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu import BLEU

from seqlab.core.errors import SeqlabError
from seqlab.scoring.bleu import reference_streams
from seqlab.significance.bleu_counts import BleuCounter

SIGNATURE = "case:mixed|eff:no|tok:13a|smooth:exp"
# What tokenizers treat in a way of their own, next to words that repeat.
PIECES = (
    "le", "la", "chat", "a.", "3.5", "1,", "-2", "5-6", "l'été", "&amp;", "&quot;x", "<skipped>", "", "...", ",b",
    "(a)", "a\u00a0b.", "c.\t,d", "-\n", "\u2028z", "$5", "A",
)  # fmt: skip
text = st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join)
sentences = st.lists(st.tuples(text, st.lists(text, min_size=1, max_size=3)), min_size=1, max_size=6)


@settings(deadline=None, max_examples=200)
@given(sentences, st.sampled_from([("mixed", "13a"), ("lc", "13a"), ("mixed", "char"), ("lc", "intl")]))
def test_counts_are_those_of_sacrebleu(pairs: list[tuple[str, list[str]]], kind: tuple[str, str]) -> None:
    case, tokenizer = kind
    translations, references = [each for each, _ in pairs], [each for _, each in pairs]
    metric = BLEU(tokenize=tokenizer, lowercase=case == "lc", force=True)
    streams = reference_streams([tuple(each) for each in references])
    counter = BleuCounter(f"nrefs:1|case:{case}|eff:no|tok:{tokenizer}|smooth:exp|version:2.6.0", references)
    assert counter.count(translations).tolist() == metric._extract_corpus_statistics(translations, streams)


def test_one_counter_counts_many_runs() -> None:
    source = random.Random(1)
    references = [" ".join(source.choices(PIECES[:6], k=9)) for _ in range(40)]
    counter = BleuCounter(SIGNATURE, [[each] for each in references])
    metric = BLEU(force=True)
    for _ in range(5):
        translations = [" ".join(source.choices(PIECES, k=source.randint(0, 12))) for _ in references]
        wanted = np.array(metric._extract_corpus_statistics(translations, [references]))
        assert (counter.count(translations) == wanted).all()


def test_an_ngram_does_not_run_into_the_next_sentence() -> None:
    counter = BleuCounter(SIGNATURE, [["a b c"], ["d"]])
    assert counter.count(["x a", "b d"])[:, 3].tolist() == [0, 0]


def test_another_number_of_sentences_is_refused() -> None:
    with pytest.raises(ValueError, match="1 translations for 2 sets"):
        BleuCounter(SIGNATURE, [["a"], ["b"]]).count(["a"])


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "case:mixed|eff:no|tok:13a|smooth:floor",
        "case:mixed|eff:no|tok:none such",
        "case:mixed|eff:no|smooth:exp|tok:spm",
    ],
)
def test_a_bleu_of_another_kind_is_refused(signature: str) -> None:
    with pytest.raises(SeqlabError, match="no significance test for the BLEU of signature"):
        BleuCounter(signature, [["a"]])
