import pytest

from seqlab.evaluation.scoring.exact_match import exact_match_score
from seqlab.scoring.exact_match import exact_match


def test_any_reference_counts_and_only_the_very_text() -> None:
    translations = ["a", "b", "A", "a ", ""]
    references = [("x", "a"), ("b",), ("a",), ("a",), ("",)]
    assert exact_match(translations, references) == pytest.approx(100 * 3 / 5)


def test_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no translations"):
        exact_match([], [])


def test_the_interval_is_that_of_as_many_coins() -> None:
    """Against the normal approximation of a share: 1,000 sentences, of which 300 match."""
    score = exact_match_score(["a"] * 1000, [("a",)] * 300 + [("b",)] * 700, bootstrap_samples=2000)
    assert score.score == 30.0
    margin = 1.96 * 100 * (0.3 * 0.7 / 1000) ** 0.5
    assert [score.low, score.high] == pytest.approx([30 - margin, 30 + margin], abs=0.25)
    assert score.signature == "nrefs:1|multi:any|bs:2000|seed:12345|case:mixed"


def test_a_score_of_all_or_nothing_has_no_width() -> None:
    for text, share in (("a", 100.0), ("b", 0.0)):
        score = exact_match_score([text] * 9, [("a", "x"), *[("a",)] * 8], bootstrap_samples=100)
        assert (score.score, score.low, score.high) == (share, share, share)
        assert score.signature.startswith("nrefs:var|")
