import pytest

from seqlab.scoring.exact_match import exact_match


def test_any_reference_counts_and_only_the_very_text() -> None:
    translations = ["a", "b", "A", "a ", ""]
    references = [("x", "a"), ("b",), ("a",), ("a",), ("",)]
    assert exact_match(translations, references) == pytest.approx(100 * 3 / 5)


def test_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no translations"):
        exact_match([], [])
