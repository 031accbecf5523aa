"""Splits made by hand."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from seqlab.text.encoded import EncodedSplit, open_split
from seqlab.text.sequences import write_sequences

MakeSplit = Callable[[Sequence[Sequence[int]], Sequence[Sequence[int]]], EncodedSplit]


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
