"""One split of the encoded corpus, on disk."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.core.errors import SeqlabError
from seqlab.text.sequences import Sequences


class EncodedSplit:
    """Pairs of source and target token ids, without SOS and EOS."""

    def __init__(self, sources: Sequences, targets: Sequences) -> None:
        self.sources = sources
        self.targets = targets

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def source_lengths(self) -> NDArray[np.int32]:
        """Tokens of each source (pairs,), without EOS; read anew."""
        return self.sources.lengths

    @property
    def target_lengths(self) -> NDArray[np.int32]:
        """Tokens of each target (pairs,), without EOS; read anew."""
        return self.targets.lengths

    def lengths_of(self, rows: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Tokens of each source and of each target (rows,), without EOS; the `rows` of pairs ascend."""
        return self.sources.lengths_of(rows), self.targets.lengths_of(rows)

    def source(self, index: int) -> NDArray[Any]:
        """Give the token ids of one source (length,)."""
        return self.sources[index]

    def target(self, index: int) -> NDArray[Any]:
        """Give the token ids of one target (length,)."""
        return self.targets[index]

    def require_vocabularies(self, source: int, target: int) -> None:
        """Check that every token is in a vocabulary of the size `source` or `target`; reads the whole split.

        Raises:
            SeqlabError: a token is not.
        """
        self.sources.require_vocabulary(source)
        self.targets.require_vocabulary(target)


def open_split(folder: Path) -> EncodedSplit:
    """Open a split written by `build`.

    Raises:
        SeqlabError: a file is missing or damaged, the files contradict each other, or there is no pair.
    """
    split = EncodedSplit(Sequences(folder, "source"), Sequences(folder, "target"))
    if len(split.sources) != len(split.targets):
        raise SeqlabError(
            f"{folder} has {len(split.sources)} sources but {len(split.targets)} targets; "
            "run `dvc repro` to make it anew"
        )
    if not len(split):
        raise SeqlabError(f"{folder} has no pair; run `dvc repro` to make it anew")
    return split
