from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.text.encoded import open_split
from seqlab.text.sequences import write_sequences
from tests.text.conftest import MakeSplit


def test_pairs_are_read_row_by_row(make_split: MakeSplit) -> None:
    split = make_split([[5, 6], [7]], [[8], [9, 10, 11]])
    assert len(split) == 2
    assert split.source_lengths.tolist() == [2, 1]
    assert split.target_lengths.tolist() == [1, 3]
    assert split.source(1).tolist() == [7]
    assert split.target(1).tolist() == [9, 10, 11]


def test_both_vocabularies_are_checked(make_split: MakeSplit) -> None:
    split = make_split([[5, 6]], [[8]])
    split.require_vocabularies(7, 9)
    with pytest.raises(SeqlabError, match="source_tokens"):
        split.require_vocabularies(6, 9)
    with pytest.raises(SeqlabError, match="target_tokens"):
        split.require_vocabularies(7, 8)


def test_sides_of_different_size_are_refused(make_split: MakeSplit, tmp_path: Path) -> None:
    make_split([[5, 6], [7]], [[8], [9]])
    with write_sequences(tmp_path / "split", "target", 100) as writer:
        writer.append([[8]])
    with pytest.raises(SeqlabError, match="2 sources but 1 targets"):
        open_split(tmp_path / "split")


def test_a_split_without_pairs_is_refused(make_split: MakeSplit) -> None:
    with pytest.raises(SeqlabError, match="has no pair"):
        make_split([], [])


def test_a_missing_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match="is missing; run `dvc repro`"):
        open_split(tmp_path / "train")
