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

from seqlab.errors import SeqlabError
from seqlab.special_tokens import EOS, PAD

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
        total = int(lengths.sum())
        self._tokens.append(np.fromiter(chain.from_iterable(sequences), dtype=np.int32, count=total))
        self._offsets.append(self._end + np.cumsum(lengths))
        self._end += total


@contextmanager
def write_sequences(folder: Path, name: str, vocab_size: int) -> Iterator[SequenceWriter]:
    """Write `<name>_tokens.npy` and `<name>_offsets.npy`, chunk by chunk; complete once the block ends."""
    with open(folder / f"{name}_tokens.npy", "wb") as tokens, open(folder / f"{name}_offsets.npy", "wb") as offsets:
        arrays = _GrowingArray(tokens, token_type(vocab_size)), _GrowingArray(offsets, _OFFSET_TYPE)
        yield SequenceWriter(*arrays)
        for array in arrays:
            array.finish()


class Sequences:
    """Sequences of token ids on disk; `lengths` (sequences,) int32 is in memory, the offsets are memory-mapped.

    Tokens are read by position: a memory map of them would become resident little by little, on recent kernels 2 MB for
    each sequence touched, until the process is as large as the corpus.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Open what `write_sequences` wrote.

        Raises:
            SeqlabError: a file is missing or damaged, or the two contradict each other.
        """
        tokens_path, offsets_path = folder / f"{name}_tokens.npy", folder / f"{name}_offsets.npy"
        tokens = _open_array(tokens_path, _TOKEN_TYPES)
        self._path = tokens_path
        self._dtype = tokens.dtype
        self._size = len(tokens)
        self._start: int = tokens.offset
        self._descriptor = os.open(tokens_path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)
        self._offsets = np.asarray(_open_array(offsets_path, (_OFFSET_TYPE,)))
        self.lengths = _lengths(self._offsets, self._size, offsets_path)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> NDArray[Any]:
        """Give one sequence of token ids (length,)."""
        return self._read([(int(self._offsets[index]), int(self.lengths[index]))])

    def padded(self, rows: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Gather sequences, each followed by EOS and padded by PAD.

        Args:
            rows: (batch,) indices of sequences.

        Returns:
            The ids (batch, longest + 1), and the lengths (batch,) including EOS.
        """
        lengths = self.lengths[rows].astype(np.int64)
        positions = np.arange(int(lengths.max(initial=0)) + 1)
        ids = np.full((len(rows), len(positions)), PAD, dtype=np.int64)
        ids[positions < lengths[:, None]] = self._read(zip(self._offsets[rows].tolist(), lengths.tolist(), strict=True))
        ids[np.arange(len(rows)), lengths] = EOS
        return ids, lengths + 1

    def require_vocabulary(self, vocab_size: int) -> None:
        """Check every token.

        Raises:
            SeqlabError: an id is outside a vocabulary of this size.
        """
        for start in range(0, self._size, _CHUNK):
            chunk = self._read([(start, min(_CHUNK, self._size - start))])
            if int(chunk.max()) >= vocab_size or int(chunk.min()) < 0:
                raise SeqlabError(f"{self._path} holds a token outside the vocabulary of {vocab_size}; run `dvc repro`")

    def _read(self, spans: Iterable[tuple[int, int]]) -> NDArray[Any]:
        """Read spans (first token, length) one after another into a flat array."""
        width = self._dtype.itemsize
        parts = [(length * width, self._start + first * width) for first, length in spans]
        data = b"".join([os.pread(self._descriptor, size, position) for size, position in parts])
        if len(data) != sum(size for size, _ in parts):
            raise SeqlabError(f"{self._path} became shorter while it was read; run `dvc repro` to make it anew")
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


def _lengths(offsets: NDArray[Any], tokens: int, path: Path) -> NDArray[np.int32]:
    lengths = np.empty(max(len(offsets) - 1, 0), dtype=np.int32)
    sound = len(offsets) > 0 and int(offsets[0]) == 0 and int(offsets[-1]) == tokens
    for start in range(0, len(lengths), _CHUNK):
        chunk = np.diff(offsets[start : start + _CHUNK + 1])
        sound = sound and int(chunk.min()) >= 0 and int(chunk.max()) <= tokens
        lengths[start : start + _CHUNK] = chunk
    if not sound:
        raise SeqlabError(f"{path} is damaged: it does not fit the tokens beside it; run `dvc repro` to make it anew")
    return lengths
