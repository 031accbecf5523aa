import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlab.text.escape import EMPTY, escape, unescape
from seqlab.text.words import join, split

SPLITS = {
    "": [],
    " ": [EMPTY, EMPTY],
    "a cat": ["a", "cat"],
    "a  cat ": ["a", EMPTY, "cat", EMPTY],
    "A cat, asleep.": ["A", "cat", "￭,", "asleep", "￭."],
    "l'homme dort": ["l", "￭'￭", "homme", "dort"],
    'say "hi" (now)?!': ["say", '"￭', "hi", '￭"', "(￭", "now", "￭)", "￭?", "￭!"],
    "a - b": ["a", "-", "b"],
    "a._b": ["a", "￭.￭", "_b"],
    "x_1 3.5": ["x_1", "3", "￭.￭", "5"],
    "a\nb\t c": ["a", "￭\n￭", "b", "￭\t", "c"],
    "e\u0301te\u0301": ["e\u0301te\u0301"],
    "हिन्दी।": ["हिन्दी", "￭।"],
    "می\u200cخواهم": ["می\u200cخواهم"],
    "m²": ["m²"],
    "👩\u200d👧": ["👩", "￭\u200d", "￭👧"],
}


@pytest.mark.parametrize("text", SPLITS)
def test_known_splits(text: str) -> None:
    assert split(text) == SPLITS[text]
    assert join(SPLITS[text]) == text


@given(st.text(st.one_of(st.sampled_from(" \t\n.,'a1_é\u0301\u200d²½Ⅳ￭▁"), st.characters(codec="utf-8"))))
def test_join_undoes_split(text: str) -> None:
    tokens = split(escape(text))
    assert unescape(join(tokens)) == text
    assert not any(" " in token or not token for token in tokens)


def test_a_long_chunk_is_split_like_a_short_one() -> None:
    assert split("don't," * 1000)[:4] == ["don", "￭'￭", "t", "￭,￭"]
    assert join(split("don't," * 1000)) == "don't," * 1000


def test_a_word_is_the_same_token_wherever_it_stands() -> None:
    assert all("cat" in split(text) for text in ("cat", "a cat", "(cat)", "l'cat", "cat.", "\ncat\n", "“cat”"))
