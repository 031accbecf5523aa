from dataclasses import replace

import pytest

from seqlab.comparison.bleu_counts import BleuCounter
from seqlab.comparison.significance import randomization_p
from seqlab.errors import SeqlabError
from seqlab.integration.result import Result
from seqlab.integration.significance import compare_translations
from tests.integration.samples import result

SIGNATURE = "case:mixed|eff:no|tok:13a|smooth:exp"


def test_p_is_that_of_seqlab_compare() -> None:
    base, other = result(4), result(5)
    counter = BleuCounter(SIGNATURE, [each.references for each in base.translations])
    counts = [counter.count([each.translation for each in side.translations]) for side in (base, other)]
    (p,) = randomization_p(counts, [(0, 1)])
    verdict = compare_translations(base, other)
    assert verdict.p == pytest.approx(p, abs=1e-3)
    assert SIGNATURE in verdict.signature
    assert "ar:10000" in verdict.signature


def test_a_clear_difference_is_significant() -> None:
    assert compare_translations(result(2), result()).significant


@pytest.mark.parametrize("count", [0, 1, 5])
def test_of_hardly_any_difference_no_test_is_made(count: int) -> None:
    base = result(2)
    changed = [
        each.model_copy(update={"translation": each.references[0]}) if place < count else each
        for place, each in enumerate(base.translations)
    ]
    with pytest.raises(SeqlabError, match=f"differs in only {count} of 60 sentences"):
        compare_translations(base, replace(base, translations=changed))


@pytest.mark.parametrize("change", [{"source": "other"}, {"references": ["other"]}])
def test_of_different_test_sets_no_test_is_made(change: dict[str, object]) -> None:
    base = result(2)
    first, *others = base.translations
    other: Result = replace(base, translations=[first.model_copy(update=change), *others])
    with pytest.raises(SeqlabError, match="test sets differ"):
        compare_translations(base, other)
    with pytest.raises(SeqlabError, match="test sets differ"):
        compare_translations(base, replace(base, translations=base.translations[1:]))
