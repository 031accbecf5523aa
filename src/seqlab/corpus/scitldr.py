"""SciTLDR-A: abstracts of papers with titles and one-sentence summaries (Cachola et al. 2020)."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.corpus.corpus import Corpus, check_sides
from seqlab.corpus.fetching.download import download
from seqlab.corpus.fetching.pin import Pin
from seqlab.corpus.grouping import fold
from seqlab.corpus.lines import decode_lines
from seqlab.corpus.tidying import tidy
from seqlab.params.corpus import CorpusParams

_BASE = (
    "https://raw.githubusercontent.com/allenai/scitldr/5ccad9c00a60ad75c9e04abf7f27d0f53f983b20/SciTLDR-Data/SciTLDR-A"
)


def _pin(name: str, size: int, sha256: str) -> Pin:
    return Pin(f"scitldr-a/{name}.jsonl", f"{_BASE}/{name}.jsonl", sha256, size, gzipped_in_mirror=True)


PINS = {
    "train": _pin("train", 3_155_015, "b222771d387be585cfdf5ae957b36757138415a352e0a3e3b23f73f87c3b1119"),
    "valid": _pin("dev", 1_124_865, "3191fa98ccc09521332b7a1cd63b1930be4e8df125a235ccd31e40329709525e"),
    "test": _pin("test", 1_204_107, "fb42dd6cd4f4a1928ae8a01a189456fbfe994a07e938bd49f68653933f6503c9"),
}

LICENCE = "Apache License 2.0, for the repository; no separate licence of the data is stated"
CITATION = (
    "Isabel Cachola, Kyle Lo, Arman Cohan and Daniel Weld (2020). TLDR: Extreme Summarization of Scientific Documents. "
    "https://aclanthology.org/2020.findings-emnlp.428."
)
DIRECTIONS = {("abstract", "title"): "headline", ("abstract", "summary"): "summarisation"}


def load(params: CorpusParams, cache: Path) -> Corpus:
    """An abstract to its title, or to its summary (up to four references in valid and test).

    Raises:
        SeqlabError: other sides, or a file cannot be had.
    """
    check_sides("scitldr", params.source, params.target, list(DIRECTIONS))
    counts: Counter[str] = Counter()
    papers = {split: list(_papers(download(pin, cache), counts)) for split, pin in PINS.items()}
    papers["train"] = _without(papers["train"], papers["valid"] + papers["test"], counts)
    return Corpus(
        splits={split: [_example(paper, params.target) for paper in found] for split, found in papers.items()},
        task=DIRECTIONS[params.source, params.target],
        licence=LICENCE,
        citation=CITATION,
        origin=[pin.origin() for pin in PINS.values()],
        notes=["the sentences of an abstract are joined by blanks"],
        counts=counts,
    )


Paper = dict[str, list[str]]


def _papers(path: Path, counts: Counter[str]) -> Iterator[Paper]:
    """Papers as `abstract`, `title` and `summary`, each a list of texts; all but `summary` have one."""
    with open(path, "rb") as stream:
        for number, line in enumerate(decode_lines(stream, path.name), start=1):
            try:
                record = json.loads(line)
                yield {
                    "abstract": [tidy(" ".join(record["source"]), counts)],
                    "title": [tidy(record["title"], counts)],
                    "summary": [tidy(summary, counts) for summary in record["target"]],
                }
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise SeqlabError(f"{path.name}, line {number}: not a paper of SciTLDR ({error})") from None


def _example(paper: Paper, target: str) -> Example:
    return Example(paper["abstract"][0], tuple(paper[target]))


def _without(papers: list[Paper], held_out: list[Paper], counts: Counter[str]) -> list[Paper]:
    """Leave out papers that occur among `held_out`, perhaps in another version: same abstract, title or summary."""
    known = {key for paper in held_out for key in _keys(paper)}
    kept = [paper for paper in papers if known.isdisjoint(_keys(paper))]
    counts["papers of train dropped: their abstract, title or summary is in valid or test"] += len(papers) - len(kept)
    return kept


def _keys(paper: Paper) -> set[tuple[str, str]]:
    return {(field, fold(text)) for field, texts in paper.items() for text in texts}
