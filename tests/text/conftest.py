"""Corpora and splits made by hand."""

import gzip
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from seqlab import parallel
from seqlab.parallel import Example
from seqlab.text.encoded import EncodedSplit, open_split
from seqlab.text.sequences import write_sequences

WriteRaw = Callable[..., Path]
MakeSplit = Callable[[Sequence[Sequence[int]], Sequence[Sequence[int]]], EncodedSplit]


@pytest.fixture
def write_raw(tmp_path: Path) -> WriteRaw:
    """Write a folder like data/raw; splits not given have one pair."""

    def write(**splits: list[Example]) -> Path:
        for split in parallel.SPLITS:
            parallel.write(tmp_path / "raw" / f"{split}.jsonl", splits.get(split, [Example("a b", ("b a",))]))
        return tmp_path / "raw"

    return write


@pytest.fixture
def make_split(tmp_path: Path) -> MakeSplit:
    """Write and open a split with these sources and targets, of a vocabulary of 100."""

    def make(sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> EncodedSplit:
        folder = tmp_path / "split"
        folder.mkdir(exist_ok=True)
        for name, sequences in (("source", sources), ("target", targets)):
            with write_sequences(folder, name, 100) as writer:
                writer.append(sequences)
        return open_split(folder)

    return make


@pytest.fixture
def random_split(make_split: MakeSplit) -> EncodedSplit:
    """Make 3,000 pairs of random ids, with lengths from 0 to 30 that go together as those of translations do."""
    generator = np.random.default_rng(7)
    lengths = generator.integers(0, 25, size=3000)
    sources = [generator.integers(4, 100, size=length).tolist() for length in lengths]
    targets = [
        generator.integers(4, 100, size=max(0, length + generator.integers(-3, 6))).tolist() for length in lengths
    ]
    return make_split(sources, targets)


@pytest.fixture(scope="session")
def multi30k() -> list[Example]:
    """Give Multi30k's training pairs, German to English."""
    mirror = os.environ.get("SEQLAB_CORPUS_MIRROR")
    folder = Path(mirror) if mirror else Path(__file__).parents[3] / "shared" / "corpora"
    if not (folder / "multi30k" / "train.de.gz").is_file():
        pytest.skip(f"no Multi30k in {folder}: set SEQLAB_CORPUS_MIRROR")
    sides = []
    for language in ("de", "en"):
        with gzip.open(folder / "multi30k" / f"train.{language}.gz", "rt", encoding="utf-8", newline="\n") as file:
            sides.append([line.rstrip("\n") for line in file])
    return [Example(source, (target,)) for source, target in zip(*sides, strict=True)]
