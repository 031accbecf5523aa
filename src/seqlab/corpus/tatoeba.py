"""Tatoeba: English–French sentence pairs, as collected by ManyThings (the file of 2019-04-07)."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.corpus.corpus import Corpus, check_sides
from seqlab.corpus.fetching.archive import open_zip_member
from seqlab.corpus.fetching.download import download
from seqlab.corpus.fetching.pin import Pin
from seqlab.corpus.grouping import Components, fold, rank
from seqlab.corpus.lines import decode_lines
from seqlab.corpus.tidying import tidy
from seqlab.params.corpus import CorpusParams, TatoebaParams

PIN = Pin(
    path="tatoeba-fra-eng/fra-eng.zip",
    url="https://raw.githubusercontent.com/modelexlab/data/adddaf33ac35572bcfeb421efec29435e7ea9332/fra-eng.zip",
    sha256="161c93f18da3a7e6df611ed961426613260de8af06ccf8c79c977afe5135ac44",
    size=3_424_571,
)
MEMBER = "fra-eng/fra.txt"

LICENCE = "CC BY 2.0 (http://creativecommons.org/licenses/by/2.0); attribution: www.manythings.org/anki and tatoeba.org"
CITATION = "Tatoeba Project, https://tatoeba.org; pairs selected by ManyThings, http://www.manythings.org/anki."

Pairs = list[tuple[str, str]]


def load(params: CorpusParams, cache: Path) -> Corpus:
    """English to French or back; all translations of a sentence are its references.

    The split keeps together all sentences that are linked by translations, in either direction, so that no sentence
    of valid or test, on either side, has a translation or a twin in train.

    Raises:
        SeqlabError: another language, too few sentences for the split, or the file cannot be had.
    """
    check_sides("tatoeba", params.source, params.target, [("en", "fr"), ("fr", "en")])
    counts: Counter[str] = Counter()
    pairs = list(_pairs(download(PIN, cache), counts))
    if params.source == "fr":
        pairs = [(french, english) for english, french in pairs]
    return Corpus(
        splits=_split(pairs, params.tatoeba),
        task="translation",
        licence=LICENCE,
        citation=CITATION,
        origin=[PIN.origin()],
        notes=[
            "split by us: sentences linked by translations, in either direction, share a split; in random order, as "
            "the published file is sorted by length",
            "all translations of a source sentence are its references",
        ],
        counts=counts,
    )


def _pairs(path: Path, counts: Counter[str]) -> Iterator[tuple[str, str]]:
    with open_zip_member(path, MEMBER) as stream:
        for number, line in enumerate(decode_lines(stream, MEMBER), start=1):
            columns = line.split("\t")
            if len(columns) != 2:
                raise SeqlabError(f"{MEMBER}, line {number}: expected English, TAB, French; found {line!r:.80}")
            yield tidy(columns[0], counts), tidy(columns[1], counts)


def _split(pairs: Pairs, params: TatoebaParams) -> dict[str, list[Example]]:
    references: dict[str, dict[str, None]] = {}
    groups = Components()
    for source, target in pairs:
        references.setdefault(source, {})[target] = None
        groups.join(f"source {fold(source)}", f"target {fold(target)}")
    members: dict[str, list[str]] = {}
    for source in sorted(references, key=lambda source: rank(params.seed, source)):
        members.setdefault(groups.root(f"source {fold(source)}"), []).append(source)
    chosen = _chosen(list(members.values()), {"test": params.test_size, "valid": params.valid_size})
    return {split: [Example(source, tuple(references[source])) for source in chosen[split]] for split in chosen}


def _chosen(groups: list[list[str]], sizes: dict[str, int]) -> dict[str, list[str]]:
    """Fill each split with whole groups, in their order, to exactly its size; the rest is train."""
    chosen: dict[str, list[str]] = {split: [] for split in ("train", *sizes)}
    for group in groups:
        fitting = (split for split, size in sizes.items() if len(chosen[split]) + len(group) <= size)
        chosen[next(fitting, "train")] += group
    for split, size in sizes.items():
        if len(chosen[split]) < size:
            raise SeqlabError(
                f"tatoeba has too few source sentences for corpus.tatoeba.{split}_size {size}; choose a smaller one"
            )
    return chosen
