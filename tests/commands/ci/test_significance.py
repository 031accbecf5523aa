from dataclasses import replace

import pytest

from seqlab.commands.ci.result import Result
from seqlab.commands.ci.significance import compare_translations
from seqlab.commands.compare.analysis import analyse
from seqlab.core.errors import SeqlabError
from seqlab.results.scores import Scores
from seqlab.significance.bleu_counts import BleuCounter
from tests.commands.ci.samples import SIGNATURE, result


def test_p_is_that_of_seqlab_compare() -> None:
    base, other = result(4), result(5)
    counter = BleuCounter(SIGNATURE, [each.references for each in base.translations])
    counts = [counter.count([each.translation for each in side.translations]) for side in (other, base)]
    verdict = compare_translations(base, other)
    assert verdict.p == analyse(counts).against_best[0].randomization
    assert verdict.signature.startswith("ar:10000|seed:12345|nrefs:1|case:mixed")


def test_a_clear_difference_is_significant() -> None:
    assert compare_translations(result(2), result()).significant


@pytest.mark.parametrize("count", [0, 1, 5])
def test_hardly_any_difference_is_not_significant(count: int) -> None:
    base = result(2)
    changed = [
        each.model_copy(update={"translation": each.references[0]}) if place < count else each
        for place, each in enumerate(base.translations)
    ]
    assert not compare_translations(base, replace(base, translations=changed)).significant


def test_of_scores_by_other_bleus_no_test_is_made() -> None:
    base, other = result(2), result()
    characters = SIGNATURE.replace("tok:13a", "tok:char")
    scores = other.scores.model_copy(update={"bleu": other.scores["bleu"].model_copy(update={"signature": characters})})
    with pytest.raises(SeqlabError, match="the signatures of BLEU differ"):
        compare_translations(base, replace(other, scores=scores))
    more = SIGNATURE.replace("bs:1000", "bs:2000")
    scores = other.scores.model_copy(update={"bleu": other.scores["bleu"].model_copy(update={"signature": more})})
    assert compare_translations(base, replace(other, scores=scores)).significant


def test_the_corpus_s_measure_is_tested() -> None:
    """By BLEU the second is far better, by exact match it is no other: no sentence of either is right."""

    def measured(side: Result, measure: str) -> Result:
        content = side.scores.model_dump() | {"measure": measure, "exact_match": {"score": 0.0, "signature": "nrefs:1"}}
        wrong = [each.model_copy(update={"translation": f"{each.translation} x"}) for each in side.translations]
        return replace(side, scores=Scores.model_validate(content), translations=wrong)

    assert compare_translations(measured(result(2), "bleu"), measured(result(), "bleu")).significant
    verdict = compare_translations(measured(result(2), "exact_match"), measured(result(), "exact_match"))
    assert (verdict.p, verdict.signature) == (1.0, "ar:10000|seed:12345|nrefs:1")


@pytest.mark.parametrize("change", [{"source": "other"}, {"references": ["other"]}])
def test_of_different_test_sets_no_test_is_made(change: dict[str, object]) -> None:
    base = result(2)
    first, *others = base.translations
    other: Result = replace(base, translations=[first.model_copy(update=change), *others])
    with pytest.raises(SeqlabError, match="test sets differ"):
        compare_translations(base, other)
    with pytest.raises(SeqlabError, match="test sets differ"):
        compare_translations(base, replace(base, translations=base.translations[1:]))
