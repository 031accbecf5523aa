"""Steps whose batch is cut into shards: the gradient of the batch, and the same bytes on any number of processes."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count, cycle, product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from seqlab.seq2seq.engines.choice import CPU, CUDA, PLAIN
from seqlab.seq2seq.engines.engine import Engine
from seqlab.text.batches import Batch, Batches
from seqlab.text.encoded import open_split
from seqlab.training.processes.group import ALONE, Group
from seqlab.training.shards import ShardedUpdater, shard
from seqlab.training.update import StepResult, Updater
from seqlab.training.updaters import make_updater
from tests.training.conftest import make_model, make_params

CELLS, ATTENTIONS, RATIOS = ("gru", "lstm", "rnn"), ("none", "dot", "general", "additive"), (1.0, 0.5, 0.0)
SHARDS = 4


class InThreads:
    """A process group whose ranks are threads."""

    def __init__(self, world_size: int) -> None:
        self.size = world_size
        self._barrier = threading.Barrier(world_size, timeout=60)
        self._rows: list[Tensor] = [torch.empty(0)] * world_size

    def group(self, rank: int) -> Group:
        rows, barrier = self._rows, self._barrier

        class Member(Group):
            def gather(self, row: Tensor) -> Tensor:
                rows[rank] = row
                barrier.wait()
                gathered = torch.stack(rows)
                barrier.wait()
                return gathered

        return Member(rank, self.size)


def sharded(group: Group = ALONE, *, engine: Engine = CPU, shards: int = SHARDS, **sections: Any) -> ShardedUpdater:
    params = make_params(model=sections.get("model", {}), train=sections.get("train", {}) | {"shards": shards})
    return ShardedUpdater(make_model(params, 12, 12, seed=3), params.train, 1, engine, group)


@pytest.fixture
def batches(corpus: Path) -> list[Batch]:
    """Of 8 pairs, but the last of 2."""
    found = list(Batches(open_split(corpus / "tokenized/train"), 8, "sentences", 1).epoch(1))
    found.sort(key=lambda batch: -len(batch.source))
    assert [len(batch.source) for batch in found] == [8] * 6 + [2]
    return found


@pytest.mark.parametrize("engine", [PLAIN, CPU, CUDA], ids=lambda engine: engine.name)
def test_the_gradients_of_shards_add_up_to_that_of_the_batch(engine: Engine, batches: list[Batch]) -> None:
    granularities = cycle(["step", "token", "sequence", "token"])
    for number, (cell, attention, ratio) in enumerate(product(CELLS, ATTENTIONS, RATIOS)):
        granularity = next(granularities)
        model: dict[str, Any] = {"cell": cell, "attention": attention, "dropout": 0.0, "layers": 1 + number % 2}
        train = {"teacher_forcing_ratio": ratio, "teacher_forcing_granularity": granularity, "max_grad_norm": 0.0}
        params = make_params(model=model, train=train | {"optimizer": "sgd", "label_smoothing": 0.1})
        whole = Updater(make_model(params, 12, 12, seed=3).double(), params.train, 1, engine)
        # One shard more than the second batch has pairs.
        parts = ShardedUpdater(
            make_model(params, 12, 12, seed=3).double(), params.train.model_copy(update={"shards": 3}), 1, engine
        )
        for batch in (batches[0], batches[-1]):
            expected, found = (each.update(batch, step=5, learning_rate=0.0, place="here") for each in (whole, parts))
            assert found.tokens == expected.tokens
            assert found.loss == pytest.approx(expected.loss, rel=1e-6)
            assert found.nll == pytest.approx(expected.nll, rel=1e-6)
            for of_whole, of_parts in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
                assert of_whole.grad is not None
                assert of_parts.grad is not None
                torch.testing.assert_close(of_parts.grad, of_whole.grad, rtol=1e-10, atol=1e-14)


def trained(updater: Updater, batches: list[Batch]) -> tuple[list[StepResult], list[bytes]]:
    """What some steps gave, the last of a batch of fewer pairs than shards, and the parameters after them."""
    results = [
        updater.update(batch, step=step, learning_rate=0.01, place="here")
        for step, batch in zip(count(1), [*batches[:2], batches[-1]], strict=False)
    ]
    return results, [parameter.detach().numpy().tobytes() for parameter in updater.model.parameters()]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_bytes_do_not_depend_on_how_many_processes_share_the_shards(
    cell: str, attention: str, batches: list[Batch]
) -> None:
    for ratio, size in zip(RATIOS, (2, 3, 4), strict=True):
        options: dict[str, Any] = {
            "model": {"cell": cell, "attention": attention, "dropout": 0.3, "layers": 2, "bidirectional": True},
            "train": {"teacher_forcing_ratio": ratio, "teacher_forcing_granularity": "token"},
        }
        expected = trained(sharded(**options), batches)
        together = InThreads(size)
        with ThreadPoolExecutor(size) as pool:
            updaters = [sharded(together.group(rank), **options) for rank in range(size)]
            found = list(pool.map(lambda updater: trained(updater, batches), updaters))
        assert found == [expected] * size, f"ratio {ratio}, {size} processes"


def test_the_bytes_depend_on_the_shards(batches: list[Batch]) -> None:
    parameters = [trained(sharded(shards=shards), batches)[1] for shards in (2, 4)]
    assert parameters[0] != parameters[1]


def test_each_shard_has_dropout_of_its_own(batches: list[Batch]) -> None:
    """Two shards of the same pairs: with the same masks they would have the gradient of one."""
    rows = torch.arange(4).repeat_interleave(2)
    twice = Batch(*(tensor[rows] for tensor in vars(batches[0]).values()))
    once = shard(twice, slice(0, None, 2))
    losses = {}
    for dropout in (0.0, 0.5):
        options: dict[str, Any] = {"model": {"dropout": dropout}, "train": {"teacher_forcing_ratio": 1.0}}
        of_two = sharded(shards=2, **options).update(twice, step=1, learning_rate=0.0, place="here").loss
        of_one = sharded(shards=1, **options).update(once, step=1, learning_rate=0.0, place="here").loss
        losses[dropout] = of_two - of_one
    assert losses[0.0] == pytest.approx(0, abs=1e-6)
    assert abs(losses[0.5]) > 1e-3


def test_a_shard_is_as_narrow_as_its_pairs(batches: list[Batch]) -> None:
    batch = batches[0]
    parts = [shard(batch, slice(number, None, 3)) for number in range(3)]
    assert sorted(torch.cat([part.indices for part in parts]).tolist()) == sorted(batch.indices.tolist())
    for part in parts:
        assert part.source.shape == (len(part.indices), int(part.source_lengths.max()))
        assert part.target.shape == (len(part.indices), int(part.target_lengths.max()))


@pytest.mark.parametrize("engine", [PLAIN, CPU, CUDA], ids=lambda engine: engine.name)
def test_shards_are_asked_for(engine: Engine) -> None:
    make: Callable[[int], Updater] = lambda shards: make_updater(  # noqa: E731
        engine, make_model(params := make_params(train={"shards": shards}), 9, 9), params.train, 1
    )
    assert type(make(2)) is ShardedUpdater
    assert not isinstance(make(1), ShardedUpdater)
