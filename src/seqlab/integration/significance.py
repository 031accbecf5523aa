"""Is the difference from the base more than chance?"""

from seqlab.errors import SeqlabError
from seqlab.integration.result import Result
from seqlab.tracking.paired_test import PairedResult, paired_test


def compare_translations(base: Result, result: Result) -> PairedResult:
    """Paired test of two results' translations.

    Raises:
        SeqlabError: they are not of the same test set, or hardly differ.
    """
    references = [tuple(each.references) for each in base.translations]
    if [each.source for each in base.translations] != [each.source for each in result.translations] or references != [
        tuple(each.references) for each in result.translations
    ]:
        raise SeqlabError("no test of the difference: the test sets differ")
    try:
        return paired_test(_texts(base), _texts(result), references)
    except SeqlabError as error:
        raise SeqlabError(f"no test of the difference: {error}") from None


def _texts(result: Result) -> list[str]:
    return [each.translation for each in result.translations]
