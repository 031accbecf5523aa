"""Sequences of token ids in two flat .npy arrays: all tokens one after another, and where each sequence begins."""

import os
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from seqlab.core.errors import SeqlabError
from seqlab.core.special_tokens import EOS, PAD

_TOKEN_TYPES = (np.dtype(np.uint16), np.dtype(np.int32))
_OFFSET_TYPE = np.dtype(np.int64)
_CHUNK = 1 << 20


def token_type(vocab_size: int) -> np.dtype[Any]:
    """Give the smallest type that holds every id of such a vocabulary."""
    return _TOKEN_TYPES[0] if vocab_size <= np.iinfo(np.uint16).max + 1 else _TOKEN_TYPES[1]


class _GrowingArray:
    """A one-dimensional .npy file that grows by appending; its header is right after `finish`."""

    def __init__(self, file: IO[bytes], dtype: np.dtype[Any]) -> None:
        self._file = file
        self._dtype = dtype
        self._length = 0
        self._write_header()

    def append(self, values: NDArray[Any]) -> None:
        self._file.write(values.astype(self._dtype, copy=False).tobytes())
        self._length += len(values)

    def finish(self) -> None:
        self._file.seek(0)
        self._write_header()

    def _write_header(self) -> None:
        header = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": (self._length,)}
        # NumPy pads the header so that it keeps its size when the array grows.
        np.lib.format.write_array_header_1_0(self._file, header)


class SequenceWriter:
    """Appends sequences of token ids; made by `write_sequences`."""

    def __init__(self, tokens: _GrowingArray, offsets: _GrowingArray) -> None:
        self._tokens = tokens
        self._offsets = offsets
        self._end = 0
        self._offsets.append(np.zeros(1, dtype=_OFFSET_TYPE))

    def append(self, sequences: Sequence[Sequence[int]]) -> None:
        """Append sequences of token ids."""
        lengths = np.fromiter(map(len, sequences), dtype=_OFFSET_TYPE, count=len(sequences))
        self.append_flat(np.fromiter(chain.from_iterable(sequences), dtype=np.int32, count=lengths.sum()), lengths)

    def append_flat(self, tokens: NDArray[Any], lengths: NDArray[np.int64]) -> None:
        """Append sequences of these lengths (sequences,), whose token ids (tokens,) are one after another."""
        self._tokens.append(tokens)
        self._offsets.append(self._end + np.cumsum(lengths))
        self._end += len(tokens)


@contextmanager
def write_sequences(folder: Path, name: str, vocab_size: int) -> Iterator[SequenceWriter]:
    """Write `<name>_tokens.npy` and `<name>_offsets.npy`, chunk by chunk; complete once the block ends."""
    with open(folder / f"{name}_tokens.npy", "wb") as tokens, open(folder / f"{name}_offsets.npy", "wb") as offsets:
        arrays = _GrowingArray(tokens, token_type(vocab_size)), _GrowingArray(offsets, _OFFSET_TYPE)
        yield SequenceWriter(*arrays)
        for array in arrays:
            array.finish()


class Sequences:
    """Sequences of token ids on disk. Nothing of them is in memory, however many they are.

    All is read by position: a memory map would become resident little by little, on recent kernels 2 MB for each
    sequence touched, until the process is as large as the corpus.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Open what `write_sequences` wrote.

        Raises:
            SeqlabError: a file is missing or damaged, or the two contradict each other.
        """
        self._tokens = _Array(folder / f"{name}_tokens.npy", _TOKEN_TYPES)
        self._offsets = _Array(folder / f"{name}_offsets.npy", (_OFFSET_TYPE,))
        if not self._fit():
            raise SeqlabError(
                f"{self._offsets.path} is damaged: it does not fit the tokens beside it; "
                "run `dvc repro` to make it anew"
            )

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> NDArray[Any]:
        """Give one sequence of token ids (length,)."""
        return self._gather(*self._spans(np.array([index])))

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Tokens of each sequence (sequences,), read anew."""
        return self.lengths_of(np.arange(len(self)))

    def lengths_of(self, rows: NDArray[Any]) -> NDArray[np.int32]:
        """Tokens of many sequences (rows,), the `rows` ascending; reads past all there are."""
        lengths = np.empty(len(rows), dtype=np.int32)
        for start, offsets in self._chunks():
            low, high = np.searchsorted(rows, (start, start + len(offsets) - 1))
            lengths[low:high] = np.diff(offsets)[rows[low:high] - start]
        return lengths

    def padded(self, rows: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Gather sequences, each followed by EOS and padded by PAD.

        Args:
            rows: (batch,) indices of sequences.

        Returns:
            The ids (batch, longest + 1), and the lengths (batch,) including EOS.
        """
        firsts, lengths = self._spans(rows)
        positions = np.arange(int(lengths.max(initial=0)) + 1)
        ids = np.full((len(rows), len(positions)), PAD, dtype=np.int64)
        ids[positions < lengths[:, None]] = self._gather(firsts, lengths)
        ids[np.arange(len(rows)), lengths] = EOS
        return ids, lengths + 1

    def runs(self, size: int) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
        """Give all sequences, at most `size` at a time: their tokens one after another, and their lengths."""
        for start in range(0, len(self), size):
            offsets = self._offsets.read(start, min(size, len(self) - start) + 1)
            yield self._tokens.read(offsets[0], offsets[-1] - offsets[0]), np.diff(offsets)

    def require_vocabulary(self, vocab_size: int) -> None:
        """Check every token.

        Raises:
            SeqlabError: an id is outside a vocabulary of this size.
        """
        for start in range(0, len(self._tokens), _CHUNK):
            chunk = self._tokens.read(start, min(_CHUNK, len(self._tokens) - start))
            if int(chunk.max()) >= vocab_size or int(chunk.min()) < 0:
                raise SeqlabError(
                    f"{self._tokens.path} holds a token outside the vocabulary of {vocab_size}; run `dvc repro`"
                )

    def _spans(self, rows: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where some sequences begin (rows,), and their lengths (rows,)."""
        bounds = self._offsets.gather((row, 2) for row in rows.tolist()).reshape(-1, 2)
        return bounds[:, 0], bounds[:, 1] - bounds[:, 0]

    def _gather(self, firsts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[Any]:
        return self._tokens.gather(zip(firsts.tolist(), lengths.tolist(), strict=True))

    def _chunks(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """The first sequence of each chunk, and its offsets with the end of its last sequence."""
        for start in range(0, len(self), _CHUNK):
            yield start, self._offsets.read(start, min(_CHUNK, len(self) - start) + 1)

    def _fit(self) -> bool:
        tokens = len(self._tokens)
        if not len(self._offsets) or self._offsets.read(0, 1)[0] != 0 or self._offsets.read(len(self), 1)[0] != tokens:
            return False
        lengths = (np.diff(offsets) for _, offsets in self._chunks())
        return all(int(chunk.min()) >= 0 and int(chunk.max()) <= tokens for chunk in lengths)


class _Array:
    """A flat .npy file, read by position."""

    def __init__(self, path: Path, types: tuple[np.dtype[Any], ...]) -> None:
        array = _open_array(path, types)
        self.path = path
        self._dtype = array.dtype
        self._length = len(array)
        self._start: int = array.offset
        self._descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)

    def __len__(self) -> int:
        return self._length

    def read(self, first: int, length: int) -> NDArray[Any]:
        return self.gather([(first, length)])

    def gather(self, spans: Iterable[tuple[int, int]]) -> NDArray[Any]:
        """Read spans (first, length) one after another into a flat array."""
        width = self._dtype.itemsize
        parts = [(length * width, self._start + first * width) for first, length in spans]
        data = b"".join([os.pread(self._descriptor, size, position) for size, position in parts])
        if len(data) != sum(size for size, _ in parts):
            raise SeqlabError(f"{self.path} became shorter while it was read; run `dvc repro` to make it anew")
        return np.frombuffer(data, dtype=self._dtype)


def _open_array(path: Path, types: tuple[np.dtype[Any], ...]) -> np.memmap[Any, Any]:
    try:
        # Never unpickles: an array of objects is a ValueError here.
        array = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise SeqlabError(f"{path} is missing; run `dvc repro` to make it") from None
    except Exception as error:  # of a dozen kinds: NumPy reads a damaged header with Python's own tokenizer
        raise SeqlabError(f"{path} is damaged: {error}; run `dvc repro` to make it anew") from None
    if array.ndim != 1 or array.dtype not in types:
        names = " or ".join(str(dtype) for dtype in types)
        raise SeqlabError(f"{path} is damaged: not a flat array of {names}; run `dvc repro` to make it anew")
    return array
