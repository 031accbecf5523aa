from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlab.corpus.tidying import TIDIED, tidy, tidy_lines


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        (" Un homme  noir ", "Un homme noir"),
        ("in einer \tWasserfontäne.", "in einer Wasserfontäne."),
        ("\n\nbuy a guitar", "buy a guitar"),
        ("sur \u200b\u200bla", "sur la"),
        ("the sink\u00ad.", "the sink."),
        ("(\x18~600 sentences)", "(~600 sentences)"),
        ("\u00a0We study \u2003", "We study"),
        ("Nummer\u00a028", "Nummer\u00a028"),
        ("Ça va\u202f?", "Ça va\u202f?"),
        ("haven ' t", "haven ' t"),
    ],
)
def test_accidents_go_and_choices_stay(text: str, tidied: str) -> None:
    counts: Counter[str] = Counter()
    assert tidy(text, counts) == tidied
    assert counts[TIDIED] == (text != tidied)


def test_lines_stay_lines() -> None:
    counts: Counter[str] = Counter()
    assert tidy_lines("#Person1#: Hi. \n\n#Person2#:  Hello.\n", counts) == "#Person1#: Hi.\n#Person2#: Hello."
    assert counts[TIDIED] == 1


@given(st.text())
def test_words_stay_and_tidying_twice_changes_nothing(text: str) -> None:
    tidied = tidy(text, Counter())
    assert tidy(tidied, Counter()) == tidied
    assert "".join(c for c in tidied if c.isalnum()) == "".join(c for c in text if c.isalnum())
