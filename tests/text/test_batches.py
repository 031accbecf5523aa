import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seqlab.core.special_tokens import EOS, PAD
from seqlab.text import batches as batches_module
from seqlab.text.batches import Batch, Batches, sequential
from seqlab.text.encoded import EncodedSplit, open_split
from seqlab.text.sequences import write_sequences
from tests.text.conftest import MakeSplit

By = Literal["sentences", "tokens"]
each_unit = pytest.mark.parametrize(("by", "size"), [("sentences", 32), ("tokens", 400)])


def same(first: Batch, second: Batch) -> bool:
    return all(torch.equal(tensor, vars(second)[name]) for name, tensor in vars(first).items())


def rows(batches: list[Batch]) -> list[int]:
    return [index for batch in batches for index in batch.indices.tolist()]


def check_batch(batch: Batch, split: EncodedSplit) -> None:
    """Compare a batch with rows padded one by one."""
    indices = batch.indices.tolist()
    for ids, lengths, side in (
        (batch.source, batch.source_lengths, split.source),
        (batch.target, batch.target_lengths, split.target),
    ):
        assert ids.dtype == lengths.dtype == torch.int64
        longest = max(len(side(index)) for index in indices) + 1
        expected = []
        for index in indices:
            row = [*side(index).tolist(), EOS]
            expected.append(row + [PAD] * (longest - len(row)))
        assert ids.tolist() == expected
        assert lengths.tolist() == [len(side(index)) + 1 for index in indices]
    source_lengths = batch.source_lengths.tolist()
    assert source_lengths == sorted(source_lengths, reverse=True)


@each_unit
def test_batches_hold_the_padded_pairs(by: By, size: int, random_split: EncodedSplit) -> None:
    for batch in Batches(random_split, size, by, seed=1).epoch(0):
        check_batch(batch, random_split)


@each_unit
def test_an_epoch_holds_each_pair_once(by: By, size: int, random_split: EncodedSplit) -> None:
    batches = list(Batches(random_split, size, by, seed=1).epoch(3))
    assert sorted(rows(batches)) == list(range(len(random_split)))


@given(
    lengths=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=80),
    size=st.integers(1, 30),
    by=st.sampled_from(["sentences", "tokens"]),
)
@settings(deadline=None)
def test_any_corpus_is_covered_within_the_size(
    lengths: list[tuple[int, int]], size: int, by: By, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("split")
    for side, name in enumerate(("source", "target")):
        with write_sequences(folder, name, 100) as writer:
            writer.append([[9] * pair[side] for pair in lengths])
    split = open_split(folder)
    epoch = Batches(split, size, by, seed=1).epoch(0)
    batches = list(epoch)
    assert len(batches) == len(epoch)
    assert sorted(rows(batches)) == list(range(len(lengths)))
    for batch in batches:
        width = max(batch.source.shape[1], batch.target.shape[1])
        assert len(batch.indices) <= size if by == "sentences" else len(batch.indices) * width <= max(size, width)


@each_unit
def test_several_pools_cover_each_pair_once(
    by: By, size: int, random_split: EncodedSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches_module, "_POOL", 256)
    monkeypatch.setattr(batches_module, "_SMALLEST_POOL_IN_BATCHES", 2)
    batches = list(Batches(random_split, size, by, seed=1).epoch(0))
    assert sorted(rows(batches)) == list(range(len(random_split)))
    if by == "sentences":
        assert sum(len(batch.indices) < size for batch in batches) == 1


@pytest.fixture
def large_split(random_split: EncodedSplit, monkeypatch: pytest.MonkeyPatch) -> EncodedSplit:
    """A split that is drawn in 7 parts, 4 of them of 429 pairs and 3 of 428."""
    monkeypatch.setattr(batches_module, "_PART", 450)
    return random_split


@each_unit
def test_several_parts_cover_each_pair_once(by: By, size: int, large_split: EncodedSplit) -> None:
    batches = Batches(large_split, size, by, seed=1)
    for number in (0, 1):
        epoch = list(batches.epoch(number))
        assert sorted(rows(epoch)) == list(range(len(large_split)))
        assert len(batches.epoch(number)) == len(epoch)
        assert len(batches) == pytest.approx(len(epoch), rel=0 if by == "sentences" else 0.05)
    for batch in epoch:
        check_batch(batch, large_split)


def test_a_part_is_a_random_sample_of_the_whole(large_split: EncodedSplit) -> None:
    def part(number: int) -> list[int]:
        return sorted(rows(list(islice(Batches(large_split, 32, "sentences", seed=1).epoch(number), 14))))

    # One of each 7 neighbours, and of the 4 left over.
    assert [row // 7 for row in part(0)] == list(range(429))
    # By chance a seventh is in both.
    assert 30 < len({*part(0)} & {*part(1)}) < 100
    assert len({row % 7 for row in part(0)}) == 7


def test_parts_are_shuffled_each_in_its_own_way(make_split: MakeSplit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches_module, "_PART", 450)
    batches = Batches(make_split([[9]] * 3000, [[9]] * 3000), 428, "sentences", seed=1)
    epoch = list(batches.epoch(0))
    assert len(batches) == len(epoch) == 4 * 2 + 3
    first, second = (np.argsort(batch.indices.numpy()).argsort().astype(float) for batch in epoch[-2:])
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.2


@each_unit
@pytest.mark.parametrize("start", [1, 14, 15, 40, 10_000])
def test_an_epoch_in_parts_is_resumed(by: By, size: int, start: int, large_split: EncodedSplit) -> None:
    whole = list(Batches(large_split, size, by, seed=1).epoch(2))
    rest = list(Batches(large_split, size, by, seed=1).epoch(2, start=start))
    assert len(rest) == max(0, len(whole) - start)
    assert all(same(*pair) for pair in zip(rest, whole[start:], strict=True))
    if start < len(whole):
        assert same(Batches(large_split, size, by, seed=1).epoch(2)[start], whole[start])


def test_a_part_is_read_when_its_turn_comes(large_split: EncodedSplit, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    class Watched(EncodedSplit):
        def lengths_of(self, rows: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
            sizes.append(len(rows))
            return super().lengths_of(rows)

    epoch = iter(Batches(Watched(large_split.sources, large_split.targets), 32, "sentences", seed=1).epoch(0))
    list(islice(epoch, 14))
    assert sizes == [429]
    next(epoch)
    assert sizes == [429, 429]


def test_batches_by_sentences_are_full_but_for_the_last_of_all(random_split: EncodedSplit) -> None:
    batches = Batches(random_split, 128, "sentences", seed=1)
    sizes = sorted(len(batch.indices) for batch in batches.epoch(0))
    assert sizes == [3000 % 128] + [128] * (3000 // 128)
    assert len(batches) == len(sizes)


def test_batches_by_tokens_are_nearly_full(random_split: EncodedSplit) -> None:
    batches = Batches(random_split, 1000, "tokens", seed=1)
    cells = [len(batch.indices) * max(batch.source.shape[1], batch.target.shape[1]) for batch in batches.epoch(0)]
    assert max(cells) <= 1000
    assert np.mean(cells) > 900
    assert len(batches) == len(cells)


def test_a_pair_larger_than_the_budget_is_a_batch_of_its_own(make_split: MakeSplit) -> None:
    split = make_split([[9] * 50, [9], [9] * 2], [[9], [9] * 70, [9]])
    batches = list(Batches(split, 20, "tokens", seed=1).epoch(0))
    assert sorted(batch.indices.tolist() for batch in batches) == [[0], [1], [2]]


@each_unit
def test_an_epoch_depends_on_seed_and_number_alone(by: By, size: int, random_split: EncodedSplit) -> None:
    def order(seed: int, number: int) -> list[int]:
        batches = Batches(random_split, size, by, seed)
        batches.epoch(8)
        return rows(list(batches.epoch(number)))

    assert order(1, 0) == order(1, 0)
    assert len({tuple(order(seed, number)) for seed in (1, 2) for number in (0, 1)}) == 4


def test_the_pairs_of_a_batch_are_others_in_another_epoch(random_split: EncodedSplit) -> None:
    batches = Batches(random_split, 8, "sentences", seed=1)
    first, second = ({frozenset(batch.indices.tolist()) for batch in batches.epoch(number)} for number in (0, 1))
    assert len(first & second) < len(first) / 10


@each_unit
@pytest.mark.parametrize("start", [1, 17, 10_000])
def test_a_resumed_epoch_goes_on_where_it_stopped(by: By, size: int, start: int, random_split: EncodedSplit) -> None:
    whole = list(Batches(random_split, size, by, seed=1).epoch(2))
    resumed = Batches(random_split, size, by, seed=1).epoch(2, start=start)
    rest = list(resumed)
    assert len(resumed) == len(whole)
    assert len(rest) == max(0, len(whole) - start)
    assert all(same(*pair) for pair in zip(rest, whole[start:], strict=True))


def test_batches_come_in_random_order_of_length(random_split: EncodedSplit) -> None:
    lengths = [batch.source.shape[1] for batch in Batches(random_split, 32, "sentences", seed=1).epoch(0)]
    assert abs(np.corrcoef(lengths, range(len(lengths)))[0, 1]) < 0.4


def test_similar_lengths_are_together(random_split: EncodedSplit) -> None:
    def padding(batches: list[Batch]) -> float:
        real = sum(int(batch.source_lengths.sum() + batch.target_lengths.sum()) for batch in batches)
        return 1 - real / sum(batch.source.numel() + batch.target.numel() for batch in batches)

    # Unsorted batches of these lengths are half padding.
    assert padding(list(Batches(random_split, 32, "sentences", seed=1).epoch(0))) < 0.12
    assert padding(list(sequential(random_split, 32))) < 0.2


def test_sequential_gives_each_pair_once_longest_first(random_split: EncodedSplit) -> None:
    batches = list(sequential(random_split, 128))
    for batch in batches:
        check_batch(batch, random_split)
    assert sorted(rows(batches)) == list(range(len(random_split)))
    widths = [batch.source.shape[1] for batch in batches]
    assert widths == sorted(widths, reverse=True)
    assert [len(batch.indices) for batch in batches] == [128] * 23 + [56]


def test_batches_of_one_pair_keep_shapes(make_split: MakeSplit) -> None:
    batch = next(iter(Batches(make_split([[]], [[]]), 16, "tokens", seed=0).epoch(0)))
    assert batch.source.tolist() == batch.target.tolist() == [[EOS]]


PROGRAM = """
import sys
from pathlib import Path
from seqlab.text.batches import Batches
from seqlab.text.encoded import open_split
epoch = Batches(open_split(Path(sys.argv[1])), 32, "sentences", 5).epoch(4)
print([batch.indices.tolist() for batch, _ in zip(epoch, range(3))])
"""


def test_another_process_makes_the_same_batches(random_split: EncodedSplit, tmp_path: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2] / 'src')!r})\n{PROGRAM}"
    output = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "split"], check=True, capture_output=True, text=True
    ).stdout
    epoch = Batches(random_split, 32, "sentences", 5).epoch(4)
    assert output.strip() == str([batch.indices.tolist() for batch in islice(epoch, 3)])
