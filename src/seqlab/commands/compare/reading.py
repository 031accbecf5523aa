"""Reads what runs wrote, which may be files of somebody else's."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from seqlab.core.errors import SeqlabError
from seqlab.results.metrics import BLEU, Metric
from seqlab.results.parsing import DamagedError, parse_lines, parse_table
from seqlab.results.records import Translation
from seqlab.significance.bleu_counts import Counts
from seqlab.significance.measures import Counter, counter
from seqlab.tracking.fingerprint.canonical import digest
from seqlab.tracking.foreign import LONGEST_LINE, limited_bytes

# Sums, spreads and axes of what is below are numbers, too.
LARGEST_FIGURE = 1e12
# Of all sentences, if each had as many as the one with most: counts are kept in such a table.
MOST_REFERENCES = 1 << 24
R = TypeVar("R", bound=BaseModel)


def read_translations(path: Path) -> list[Translation]:
    """The sentences of a translations.jsonl, in test-set order.

    Raises:
        SeqlabError: the file is damaged, or empty.
    """
    try:
        lines = limited_bytes(path).splitlines()
        if max(map(len, lines), default=0) > LONGEST_LINE:
            raise SeqlabError(f"a line is longer than {LONGEST_LINE} bytes")
        found = list(parse_lines(lines, Translation))
    except (OSError, DamagedError, SeqlabError) as error:
        raise _damaged(path, error) from None
    most = max((len(each.references) for each in found), default=0)
    if not found:
        raise SeqlabError(f"{path} is damaged (no sentences)")
    if len(found) * most > MOST_REFERENCES or not all(abs(each.bleu) < LARGEST_FIGURE for each in found):
        raise SeqlabError(f"{path} is damaged (no test set has such figures, or so many references)")
    return found


def read_counts(paths: Sequence[Path], signature: str, measure: Metric = BLEU) -> list[Counts | str]:
    """What the measure counts in each file's translations; a text that says why not of a file that is damaged, or has
    other sentences.

    The test set is the one that most files have, of several the first: what one of them claims to be scored on says
    nothing of the others.

    Raises:
        SeqlabError: BLEU of this signature is not computed here.
    """
    found: list[Counts | str] = []
    # Test set → what counts in it; and the first file that has it, with how many do.
    counting: dict[str, Counter] = {}
    having: dict[str, list[int]] = defaultdict(list)
    for place, path in enumerate(paths):
        try:
            translations = read_translations(path)
        except SeqlabError as error:
            found.append(str(error))
            continue
        test_set = digest([[each.source, each.references] for each in translations])
        if test_set not in counting:
            counting[test_set] = counter(measure, signature, [each.references for each in translations])
        having[test_set].append(place)
        found.append(counting[test_set].count([each.translation for each in translations]))
    most = max(having.values(), key=len, default=[])
    for place in {place for places in having.values() for place in places}.difference(most):
        found[place] = f"the sentences of {paths[place]} are not those of {paths[most[0]]}"
    return found


def read_table(path: Path, kind: type[R]) -> list[R]:
    """The rows of a table.

    Raises:
        SeqlabError: the file is damaged, or lacks a column.
    """
    try:
        return parse_table(limited_bytes(path), kind)
    except (OSError, DamagedError, SeqlabError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> SeqlabError:
    return SeqlabError(f"{path} is damaged ({error})")
