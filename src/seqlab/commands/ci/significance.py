"""Is the difference from the base more than chance?"""

from seqlab.commands.ci.result import Result
from seqlab.core.errors import SeqlabError
from seqlab.significance.paired_test import PairedResult, of_the_score, paired_test


def compare_translations(base: Result, result: Result) -> PairedResult:
    """Paired test of two results' translations.

    Raises:
        SeqlabError: they are not of the same test set, or not scored by the same measure.
    """
    references = [each.references for each in base.translations]
    if [each.source for each in base.translations] != [each.source for each in result.translations] or references != [
        each.references for each in result.translations
    ]:
        raise SeqlabError("no test of the difference: the test sets differ")
    measure, score = result.scores.first
    if of_the_score(base.scores[measure.key].signature) != of_the_score(score.signature):
        raise SeqlabError(f"no test of the difference: the signatures of {measure.label} differ")
    return paired_test(_texts(base), _texts(result), references, score.signature, measure)


def _texts(result: Result) -> list[str]:
    return [each.translation for each in result.translations]
