import sys
import unicodedata

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from seqlab.pages.visible import clip, visible

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Le garçon n’a pas 3 × 4 œufs – « oui » !", "Le garçon n’a pas 3 × 4 œufs – « oui » !"),
        ("a\nb\tc\rd", "a↵b⇥c␍d"),
        ("\x00\x1b[31m\x7f\x85", "␀␛[31m␡⟨U+0085⟩"),
        ("a\u2028b\u2029c", "a↵b¶c"),
        ("abc\u202edef", "abc⟨U+202E⟩def"),
        ("\u2066x\u2069\ufeff\u200b", "⟨U+2066⟩x⟨U+2069⟩⟨U+FEFF⟩⟨U+200B⟩"),
        ("\ud800\uffff\ue000", "⟨U+D800⟩⟨U+FFFF⟩⟨U+E000⟩"),
        ("a\u3164b\u180ec\U000e0101", "a⟨U+3164⟩b⟨U+180E⟩c⟨U+E0101⟩"),
        ("می‌خواهم", "می‌خواهم"),
        ("❤️", "❤️"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
    ],
)
def test_controls_become_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@settings(deadline=None)
@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_nothing_hides_or_reorders(text: str) -> None:
    shown = visible(text)
    assert not set(shown) & set(BIDI)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Co", "Cs", "Zl", "Zp"}


def test_what_unicode_calls_ignorable_becomes_visible() -> None:
    ignorable = regex.findall(r"\p{Default_Ignorable_Code_Point}", "".join(map(chr, range(sys.maxunicode + 1))))
    kept = {each for each in ignorable if visible(each) == each}
    assert kept == {*"\u180b\u180c\u180d\u180f\u200c\u200d", *map(chr, range(0xFE00, 0xFE10))}


@settings(deadline=None)
@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="\u115f\u1160\u3164\uffa0")))
def test_ordinary_text_is_kept(text: str) -> None:
    assert visible(text) == text


def test_line_end_as_told() -> None:
    assert visible("a\nb", "↵\n") == "a↵\nb"


@pytest.mark.parametrize(("length", "left_out"), [(0, 0), (5, 0), (6, 1), (1_000_000, 999_995)])
def test_clip(length: int, left_out: int) -> None:
    assert clip("x" * length, 5) == ("x" * min(length, 5), left_out)
