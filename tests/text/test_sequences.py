import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlab.core.errors import SeqlabError
from seqlab.core.special_tokens import EOS, PAD
from seqlab.text import sequences as sequences_module
from seqlab.text.sequences import Sequences, write_sequences

IDS = [[5, 6, 7], [], [8], [9, 10, 11, 12], []]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with write_sequences(tmp_path, "source", 100) as writer:
        writer.append(IDS)
    return tmp_path


@given(chunks=st.lists(st.lists(st.lists(st.integers(4, 99), max_size=5), max_size=4), max_size=4))
def test_what_is_written_is_read(chunks: list[list[list[int]]], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("split")
    with write_sequences(folder, "source", 100) as writer:
        for chunk in chunks:
            writer.append(chunk)
    everything = [ids for chunk in chunks for ids in chunk]
    sequences = Sequences(folder, "source")
    assert [sequences[index].tolist() for index in range(len(sequences))] == everything
    assert sequences.lengths.tolist() == [len(ids) for ids in everything]


@pytest.mark.parametrize(("vocab_size", "dtype"), [(65_536, np.uint16), (65_537, np.int32)])
def test_the_smallest_type_is_used(vocab_size: int, dtype: type, tmp_path: Path) -> None:
    with write_sequences(tmp_path, "source", vocab_size) as writer:
        writer.append([[vocab_size - 1, 4]])
    sequences = Sequences(tmp_path, "source")
    assert sequences[0].dtype == dtype
    assert sequences[0].tolist() == [vocab_size - 1, 4]
    sequences.require_vocabulary(vocab_size)


def test_files_are_plain_npy(folder: Path) -> None:
    assert np.load(folder / "source_tokens.npy", allow_pickle=False).tolist() == [5, 6, 7, 8, 9, 10, 11, 12]
    assert np.load(folder / "source_offsets.npy", allow_pickle=False).tolist() == [0, 3, 3, 4, 8, 8]


def test_bytes_do_not_depend_on_the_chunks(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with write_sequences(tmp_path / "other", "source", 100) as writer:
        for ids in IDS:
            writer.append([ids])
    for path in folder.glob("*.npy"):
        assert (tmp_path / "other" / path.name).read_bytes() == path.read_bytes()


def test_flat_tokens_are_appended(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with write_sequences(tmp_path / "other", "source", 100) as writer:
        writer.append_flat(np.array([5, 6, 7, 8]), np.array([3, 0, 1]))
        writer.append_flat(np.array([9, 10, 11, 12]), np.array([4, 0]))
    for path in folder.glob("*.npy"):
        assert (tmp_path / "other" / path.name).read_bytes() == path.read_bytes()


@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=20),
    chosen=st.sets(st.integers(0, 19)),
    size=st.integers(1, 9),
)
def test_lengths_are_read_chunk_by_chunk(
    lengths: list[int], chosen: set[int], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("split")
    with write_sequences(folder, "source", 100) as writer:
        writer.append([[9] * length for length in lengths])
    rows = sorted(row for row in chosen if row < len(lengths))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sequences_module, "_CHUNK", size)
        sequences = Sequences(folder, "source")
        assert sequences.lengths_of(np.array(rows, dtype=np.int64)).tolist() == [lengths[row] for row in rows]
        assert sequences.lengths.tolist() == lengths


def test_padded_rows_end_with_eos(folder: Path) -> None:
    ids, lengths = Sequences(folder, "source").padded(np.array([3, 1, 0]))
    assert ids.tolist() == [[9, 10, 11, 12, EOS], [EOS, PAD, PAD, PAD, PAD], [5, 6, 7, EOS, PAD]]
    assert lengths.tolist() == [5, 1, 4]
    assert ids.dtype == lengths.dtype == np.int64


def test_empty_sequences_alone_are_eos(folder: Path) -> None:
    ids, lengths = Sequences(folder, "source").padded(np.array([1, 4]))
    assert ids.tolist() == [[EOS], [EOS]]
    assert lengths.tolist() == [1, 1]


def test_tokens_outside_the_vocabulary_are_found(folder: Path) -> None:
    sequences = Sequences(folder, "source")
    sequences.require_vocabulary(13)
    with pytest.raises(SeqlabError, match="outside the vocabulary of 12"):
        sequences.require_vocabulary(12)
    np.save(folder / "source_tokens.npy", np.array([5, 6, 7, -1, 4, 4, 4, 4], dtype=np.int32))
    with pytest.raises(SeqlabError, match="outside the vocabulary of 13"):
        Sequences(folder, "source").require_vocabulary(13)


def test_a_file_that_shrinks_while_open_is_reported(folder: Path) -> None:
    sequences = Sequences(folder, "source")
    with open(folder / "source_tokens.npy", "r+b") as file:
        file.truncate(130)
    with pytest.raises(SeqlabError, match="became shorter"):
        sequences.padded(np.array([3]))


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


class Explosive:
    """Says so if it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("unpickled",))


GOOD = npy(np.array([5, 6, 7, 8, 9, 10, 11, 12], dtype=np.uint16))
DAMAGED = {
    "empty": b"",
    "no array": b"tokens",
    "cut": GOOD[:-1],
    "header cut": GOOD[:60],
    "pickle": pickle.dumps(Explosive()),
    "objects": npy(np.array([Explosive()] * 8, dtype=object)),
    "zip": b"PK\x03\x04" + GOOD,
    "code in the header": GOOD.replace(b"'shape': (8,)", b"'shape': f(8)"),
    "huge shape": GOOD.replace(b"(8,), }   ", b"(8000,), }"),
    "unclosed header": GOOD.replace(b"(8,), }", b"(8,),  "),
    "negative shape": GOOD.replace(b"(8,), } ", b"(-8,), }"),
    "two-dimensional": npy(np.zeros((4, 2), dtype=np.uint16)),
    "scalar": npy(np.uint16(3)),
    "floats": npy(np.zeros(8)),
    "text": npy(np.array(["a"] * 8)),
    "records": npy(np.zeros(8, dtype=[("a", np.uint16)])),
    "other byte order": npy(np.zeros(8, dtype=">u2")),
}


@pytest.mark.parametrize("name", ["source_tokens.npy", "source_offsets.npy"])
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_array_is_refused(damage: str, name: str, folder: Path) -> None:
    assert DAMAGED[damage] != GOOD
    (folder / name).write_bytes(DAMAGED[damage])
    with pytest.raises(SeqlabError, match=f"{name} is damaged"):
        Sequences(folder, "source")


@pytest.mark.parametrize("name", ["source_tokens.npy", "source_offsets.npy"])
def test_a_missing_array_is_named(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(SeqlabError, match=f"{name} is missing"):
        Sequences(folder, "source")


@pytest.mark.parametrize(
    "offsets",
    [[], [0], [1, 8], [0, 3, 2, 8], [0, 9], [0, 7], [-1, 8], [0, 1 << 40, 8], [0, -(1 << 63), (1 << 63) - 1, 8]],
)
def test_lying_offsets_are_refused(offsets: list[int], folder: Path) -> None:
    np.save(folder / "source_offsets.npy", np.array(offsets, dtype=np.int64))
    with pytest.raises(SeqlabError, match=r"source_offsets\.npy is damaged: it does not fit"):
        Sequences(folder, "source")


@given(data=st.data())
def test_no_mutation_of_the_files_is_worse_than_an_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("split")
    with write_sequences(folder, "source", 100) as writer:
        writer.append(IDS)
    path = folder / data.draw(st.sampled_from(["source_tokens.npy", "source_offsets.npy"]))
    content = bytearray(path.read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[position] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        sequences = Sequences(folder, "source")
    except SeqlabError:
        return
    assert sum(len(sequences[index]) for index in range(len(sequences))) == sequences.lengths.sum()
