from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlab.core.errors import SeqlabError
from seqlab.text.escape import EMPTY, JOINER, MARK, escape, unescape

LOST_BY_SENTENCEPIECE = "\x00\n\r\x1f▁▅"
HARD = st.text(
    st.one_of(
        st.sampled_from(f"{LOST_BY_SENTENCEPIECE}{JOINER}{EMPTY}{MARK}01\U0010fff0\U0010fff4 a"),
        st.characters(codec="utf-8"),
    )
)


@given(HARD)
def test_unescape_undoes_escape(text: str) -> None:
    assert unescape(escape(text)) == text


@given(HARD)
def test_no_reserved_character_is_left(text: str) -> None:
    escaped = escape(text)
    assert not set(escaped) & {*LOST_BY_SENTENCEPIECE, JOINER, EMPTY}
    assert all(after.isdigit() for before, after in pairwise(escaped + " ") if before == MARK)


@given(HARD, HARD)
def test_different_texts_stay_different(first: str, second: str) -> None:
    assert (escape(first) == escape(second)) == (first == second)


@pytest.mark.parametrize("text", ["", "plain text", "a\tb\x0bc\u2028d", "😀 é", "<s>"])
def test_ordinary_text_is_untouched(text: str) -> None:
    assert escape(text) == text


def test_invalid_unicode_is_refused() -> None:
    with pytest.raises(SeqlabError, match="not valid Unicode"):
        escape("a\ud800")
