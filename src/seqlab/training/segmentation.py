"""The training split as an epoch has it: its words cut anew by BPE-dropout, without its text."""

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.text.encoded import EncodedSplit, open_split
from seqlab.text.sequences import write_sequences
from seqlab.text.tokenizer import SIDES, Tokenizer
from seqlab.training.bpe_dropout import NUMBER, WordCuts
from seqlab.training.seeds import stream_seed

# What is drawn hangs on it.
_ROWS = 8192
# Cuts that are kept, of one side: some 200 bytes each. What is drawn does not hang on it.
_MOST_CUTS = 1 << 20
_SPACE = "▁"


class Segmentation:
    """Cuts a split anew for every epoch, both sides; what an epoch has depends on split, seed and its number alone.

    A sequence that would become longer than its side of the encoded corpus may be stays as it was.
    """

    def __init__(self, split: EncodedSplit, tokenizers: tuple[Tokenizer, Tokenizer], dropout: float, seed: int) -> None:
        """Take a split, the tokenizers that encoded it, of kind bpe, and the probability that a merge is left out."""
        self._sides = list(zip(SIDES, (split.sources, split.targets), tokenizers, strict=True))
        self._cutters = [_Cutter(tokenizer, dropout) for tokenizer in tokenizers]
        self._seed = seed

    def epoch(self, number: int) -> EncodedSplit:
        """The split as epoch `number` has it; on disk, like the split itself, as long as it is used.

        Raises:
            OSError: there is no room for it.
        """
        seed = stream_seed(self._seed, "segmentation", number)
        # A file that is open outlives its folder.
        with tempfile.TemporaryDirectory(prefix="seqlab-epoch-") as name:
            for side, ((file, sequences, tokenizer), cutter) in enumerate(zip(self._sides, self._cutters, strict=True)):
                with write_sequences(Path(name), file, tokenizer.vocab_size) as writer:
                    for part, (tokens, lengths) in enumerate(sequences.runs(_ROWS)):
                        # Not the number alone: a seed that ends in 0 is to NumPy the one without it.
                        generator = np.random.default_rng((seed, side + 1, part + 1))
                        writer.append_flat(*cutter.cut(tokens, lengths, generator))
            return open_split(Path(name))


class _Cutter:
    """Cuts the sequences of one side, word by word."""

    def __init__(self, tokenizer: Tokenizer, dropout: float) -> None:
        self._vocabulary = tokenizer.vocabulary
        self._begins_with_space = np.array([piece.startswith(_SPACE) for piece in self._vocabulary])
        self._ends_with_space = np.array([piece.endswith(_SPACE) for piece in self._vocabulary])
        self._max_length = tokenizer.max_length
        self._dropout = dropout
        self._cuts = WordCuts(self._vocabulary)

    def cut(
        self, tokens: NDArray[Any], lengths: NDArray[np.int64], generator: np.random.Generator
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Cut sequences of these lengths (sequences,), whose token ids (tokens,) are one after another; give the same.

        The ids given back are as many as the new lengths say.
        """
        if len(self._cuts) > _MOST_CUTS:
            self._cuts = WordCuts(self._vocabulary)
        tokens = tokens.astype(NUMBER)
        begins = self._word_begins(tokens, lengths)
        rows = np.repeat(np.arange(len(lengths)), lengths)[begins]
        data, width = tokens.tobytes(), NUMBER.itemsize
        bounds = (np.append(begins, len(tokens)) * width).tolist()
        words = self._cuts.numbers([data[low:high] for low, high in pairwise(bounds)])
        cuts = self._cuts.cut(words, self._dropout, generator)
        too_long = self._row_lengths(rows, cuts, len(lengths)) > self._max_length
        cuts = np.where(too_long[rows], words, cuts)
        return self._cuts.tokens(cuts), self._row_lengths(rows, cuts, len(lengths))

    def _word_begins(self, tokens: NDArray[Any], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where words begin (words,): with each sequence, and with the first of the spaces before them.

        No piece holds a space after another character, so that no merge goes beyond a word.
        """
        begins = self._begins_with_space[tokens]
        begins[1:] &= ~self._ends_with_space[tokens[:-1]]
        begins[(np.cumsum(lengths) - lengths)[lengths > 0]] = True
        return np.flatnonzero(begins)

    def _row_lengths(self, rows: NDArray[np.int64], cuts: NDArray[Any], count: int) -> NDArray[np.int64]:
        """Tokens of each of `count` sequences, whose words are in `rows` (words,), cut as `cuts` (words,) says."""
        return np.bincount(np.repeat(rows, self._cuts.lengths(cuts)), minlength=count)
