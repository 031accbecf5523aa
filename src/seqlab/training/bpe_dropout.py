"""BPE-dropout (Provilkov, Emelianenko and Voita 2020, arXiv 1910.13267): words cut by BPE whose merges are left out at
random.

A word begins as its characters. Each step drops every merge that is possible in it with probability p, each for
itself, and makes the first in BPE's order of those that are left; a step that drops all of them ends it. So the number
of merges dropped before the one that is made is geometrically distributed: a step draws one number, however many merges
there are. Where each merge leads is kept, so that thousands of words make a step at once.
"""

from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.core.special_tokens import SPECIAL_TOKENS

# What numbers words and their pieces have in `WordCuts`.
NUMBER = np.dtype(np.int32)


class WordCuts:
    """Words cut into pieces, each known by its number, and the merges that lead from one cut to another.

    They are added as they are met, and are never forgotten; what is drawn does not depend on those that are known.
    """

    def __init__(self, pieces: Sequence[str]) -> None:
        """Take the vocabulary of a BPE model made by `vocabulary.train_model`, special tokens first.

        There a piece that was merged earlier has the lower id, and characters follow.
        """
        self._texts = pieces
        self._ids = {text: index for index, text in enumerate(pieces) if index >= len(SPECIAL_TOKENS)}
        self._merged = {
            (self._ids[text[:place]], self._ids[text[place:]]): index
            for text, index in self._ids.items()
            for place in range(1, len(text))
            if text[:place] in self._ids and text[place:] in self._ids
        }
        self._numbers: dict[bytes, int] = {}
        self._pieces = _Rows()
        # For each cut, the same word as characters; for each merge that is possible in it, in BPE's order, the piece
        # that it makes, where, and the cut that it leads to, -1 as long as nobody asked.
        self._characters = array("i")
        self._merges = _Rows()
        self._places = array("i")
        self._next = array("i")

    def __len__(self) -> int:
        return len(self._numbers)

    def numbers(self, words: Sequence[bytes]) -> NDArray[Any]:
        """The number of each word (words,), given as it is cut: its token ids, as bytes of `NUMBER`."""
        known = self._numbers
        for word in {word for word in words if word not in known}:
            pieces = array("i", word)
            self._add(pieces, self._add(array("i", (each for piece in pieces for each in self._split(piece)))))
        return np.fromiter(map(known.__getitem__, words), dtype=NUMBER, count=len(words))

    def cut(self, words: NDArray[Any], dropout: float, generator: np.random.Generator) -> NDArray[Any]:
        """Cut the words of these numbers (words,) anew; return the numbers of the new cuts (words,).

        Each merge is dropped with probability `dropout`: at 0 the cuts are BPE's own, at 1 characters.
        """
        cuts: NDArray[Any] = _view(self._characters)[words]
        if dropout == 1:
            return cuts
        going = np.arange(len(cuts))
        while len(going):
            firsts, counts = self._merges.spans(cuts[going])
            dropped = generator.geometric(1 - dropout, len(going)) - 1
            makes = dropped < counts
            going = going[makes]
            cuts[going] = self._follow(cuts[going], firsts[makes] + dropped[makes])
        return cuts

    def lengths(self, cuts: NDArray[Any]) -> NDArray[np.int64]:
        """Pieces of each of these cuts (cuts,)."""
        return self._pieces.spans(cuts)[1]

    def tokens(self, cuts: NDArray[Any]) -> NDArray[Any]:
        """The token ids of these cuts, one after another."""
        return self._pieces.gather(cuts)

    def _follow(self, cuts: NDArray[Any], merges: NDArray[np.int64]) -> NDArray[Any]:
        """Make one merge in each cut; both are (cuts,), merges by their place among all that are known."""
        reached: NDArray[Any] = _view(self._next)[merges]
        missing = np.flatnonzero(reached < 0)
        if len(missing):
            asked, first = np.unique(merges[missing], return_index=True)
            for merge, cut in zip(asked.tolist(), cuts[missing[first]].tolist(), strict=True):
                pieces, place = self._pieces[cut], self._places[merge]
                pieces[place : place + 2] = self._merges.values[merge : merge + 1]
                self._next[merge] = self._add(pieces, self._characters[cut])
            reached = _view(self._next)[merges]
        return reached

    def _add(self, pieces: "array[int]", characters: int | None = None) -> int:
        """The number of a cut; the word as `characters` has that number, None if it is this very cut."""
        key = pieces.tobytes()
        if (known := self._numbers.get(key)) is not None:
            return known
        number = self._numbers[key] = len(self._numbers)
        merged = self._merged
        merges = sorted([(merged[pair], place) for place, pair in enumerate(pairwise(pieces)) if pair in merged])
        self._pieces.append(pieces)
        self._characters.append(number if characters is None else characters)
        self._merges.append(array("i", [piece for piece, _ in merges]))
        self._places.extend([place for _, place in merges])
        self._next.extend([-1] * len(merges))
        return number

    def _split(self, piece: int) -> list[int]:
        """The characters of a piece; what is unknown has none, and stays as it is."""
        return [piece] if piece < len(SPECIAL_TOKENS) else [self._ids[character] for character in self._texts[piece]]


def _view(numbers: "array[int]") -> NDArray[Any]:
    """The same numbers, not copied; they cannot become more as long as it is kept."""
    return np.asarray(numbers)


class _Rows:
    """Rows of numbers, to which others are appended."""

    def __init__(self) -> None:
        self.values = array("i")
        self._starts = array("q", [0])

    def __getitem__(self, row: int) -> "array[int]":
        return self.values[self._starts[row] : self._starts[row + 1]]

    def append(self, row: "array[int]") -> None:
        self.values.extend(row)
        self._starts.append(len(self.values))

    def spans(self, rows: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where some rows begin (rows,), and how many numbers they have (rows,)."""
        starts = _view(self._starts)
        return starts[rows], starts[rows + 1] - starts[rows]

    def gather(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The numbers of some rows, one after another."""
        firsts, lengths = self.spans(rows)
        ends = np.cumsum(lengths)
        numbers: NDArray[Any] = _view(self.values)[
            np.repeat(firsts - ends + lengths, lengths) + np.arange(lengths.sum())
        ]
        return numbers
