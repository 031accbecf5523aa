"""What is timed on a GPU: optimizer steps of ours, and of stock loops, kernel after kernel or as a graph."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.measure import ROOT
from benchmarks.multi30k import lengths_alike
from benchmarks.reference.losses import teacher_forcing
from seqlab.core.special_tokens import EOS, PAD, SPECIAL_TOKENS
from seqlab.params.params import load_params
from seqlab.seq2seq.classic import EncoderDecoder, EncoderRNN, Hidden, training_loss
from seqlab.seq2seq.engines.choice import choose
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.seq2seq import Seq2Seq, parts
from seqlab.text.batches import Batch
from seqlab.training.seeds import generator
from seqlab.training.teacher_forcing import toss
from seqlab.training.updaters import make_updater

DEVICE = torch.device("cuda")
# Batches of an epoch of real lengths, of which some are timed; the training split of Multi30k has 113 of 256 pairs.
EPOCH = 108
# Makes steps of so many batches.
Run = Callable[[int], None]


@dataclass(frozen=True)
class GpuShape:
    """The size of a model and its batches; lengths with EOS, the mean where they are real."""

    size: int
    vocabulary: int
    rows: int
    length: int
    cell: str = "gru"
    layers: int = 1

    @property
    def name(self) -> str:
        """For tables."""
        kind = "" if (self.cell, self.layers) == ("gru", 1) else f"{self.cell.upper()} × {self.layers}, "
        return f"{kind}{self.size}, {self.vocabulary:,}, {self.rows}, {self.length}"

    @cached_property
    def model(self) -> Seq2Seq:
        """A new model, on the CPU."""
        options = load_params(ROOT / "params.yaml").model.model_dump() | {
            "cell": self.cell,
            "embedding_size": self.size,
            "hidden_size": self.size,
            "layers": self.layers,
            "bidirectional": False,
            "context": "initial",
            "attention": "dot",
            "input_feeding": False,
            "tie_embeddings": False,
            "tie_output": False,
            "dropout": 0.0,
        }
        config = ModelConfig(source_vocab_size=self.vocabulary, target_vocab_size=self.vocabulary, **options)
        return _drawn(config)

    def batches(self, count: int, *, real: bool) -> list[Batch]:
        """Batches of random tokens, all of one length; or of lengths as Multi30k has them, like beside like.

        Of real lengths they are every nth batch of an epoch, from the shortest sentences to the longest.
        """
        draw = np.random.default_rng(1)
        epoch = EPOCH if real else count
        pairs = epoch * self.rows
        if not real:
            sources = targets = np.full(pairs, self.length)
        else:
            drawn = lengths_alike(draw, self.length, self.length / 3, pairs)
            both = (drawn, drawn * draw.normal(1, 0.15, pairs))
            sources, targets = (np.clip(each.round().astype(int), 3, 4 * self.length) for each in both)
        order = np.lexsort((sources, np.maximum(sources, targets)))
        parts = np.split(order, epoch)[epoch // count // 2 :: epoch // count]
        return [self._batch(draw, sources[part], targets[part]) for part in (parts[n] for n in draw.permutation(count))]

    def _batch(self, draw: np.random.Generator, sources: NDArray[np.int64], targets: NDArray[np.int64]) -> Batch:
        order = np.argsort(-sources, kind="stable")
        sides = []
        for lengths in (sources[order], targets[order]):
            ids = torch.from_numpy(draw.integers(len(SPECIAL_TOKENS), self.vocabulary, (len(lengths), lengths.max())))
            place, last = torch.arange(ids.shape[1])[None, :], torch.from_numpy(lengths)[:, None] - 1
            sides += [ids.masked_fill(place == last, EOS).masked_fill(place > last, PAD), torch.from_numpy(lengths)]
        return Batch(sides[0], sides[1], sides[2], sides[3], torch.arange(len(order)))


def _drawn(config: ModelConfig) -> Seq2Seq:
    """A model with normal parameters: orthogonal ones of this size take a CPU seconds, and timing does not see them."""
    smallest = replace(config, source_vocab_size=8, target_vocab_size=8, embedding_size=4, hidden_size=4)
    model = Seq2Seq(smallest, torch.Generator())
    with torch.device("meta"):
        model.encoder, model.decoder = parts(config)
    model.config = config
    model.to_empty(device="cpu")
    draw = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5 * parameter.shape[-1] ** -0.5, generator=draw)
    return model


def ours(shape: GpuShape, batches: Sequence[Batch], ratio: float, precision: str, engine: str = "fast") -> Run:
    """Our engine's steps, host and all."""
    changes = {
        "teacher_forcing_ratio": ratio,
        "precision": precision,
        "batch_size": shape.rows,
        "batch_by": "sentences",
        "optimizer": "adam",
        "label_smoothing": 0.0,
        "max_grad_norm": 1.0,
        "average_decay": 0.0,
        "teacher_forcing_granularity": "step",
    }
    params = load_params(ROOT / "params.yaml").train.model_copy(update=changes)
    updater = make_updater(choose("cuda", engine), deepcopy(shape.model).to(DEVICE), params, 1)  # type: ignore[arg-type]

    def run(count: int) -> None:
        for step, batch in enumerate(batches[:count], 1):
            updater.begin(batch, step=step, learning_rate=1e-3, place="in a benchmark")
        updater.finish()

    return run


class PaddedEncoder(nn.Module):
    """A stock encoder without packing, which no graph can hold."""

    def __init__(self, encoder: EncoderRNN) -> None:
        super().__init__()
        self._encoder = encoder

    def forward(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, Hidden]:  # noqa: ARG002 (as the stock one)
        """Read a batch, padding and all."""
        states, last = self._encoder.rnn(self._encoder.embedding(source))
        return states, last


class Stock:
    """Steps of a stock loop, `step by step` or `teacher forcing`."""

    def __init__(
        self, kind: str, shape: GpuShape, batches: Sequence[Batch], ratio: float, precision: str, *, graph: bool
    ) -> None:
        self._kind, self._narrow = kind, precision == "bfloat16"
        self._model = EncoderDecoder.of(shape.model).to(DEVICE)
        if graph:
            self._model.encoder = PaddedEncoder(self._model.encoder)  # type: ignore[assignment]
        self._optimizer = torch.optim.Adam(self._model.parameters(), lr=1e-3, fused=True, capturable=graph)
        coins = [
            toss("step", ratio, b.target.shape[0], b.target.shape[1], generator(1, "coins", n))
            for n, b in enumerate(batches, 1)
        ]
        self._batches = list(zip(batches, coins, strict=True))
        self._graph: torch.cuda.CUDAGraph | None = None
        self._static: list[Tensor] = []
        if graph:
            self._capture()

    def __call__(self, count: int) -> None:
        """Steps of so many batches."""
        for batch, coins in self._batches[:count]:
            given = [each.to(DEVICE, non_blocking=True) for each in (batch.source, batch.target, coins)]
            if self._graph is None:
                self._step(given[0], batch.source_lengths, *given[1:])
                continue
            for static, each in zip(self._static, given, strict=True):
                static.copy_(each)
            self._graph.replay()

    def _capture(self) -> None:
        """All batches must be of one shape."""
        batch, coins = self._batches[0]
        self._static = [each.to(DEVICE) for each in (batch.source, batch.target, coins)]
        source, target, there = self._static
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self._step(source, batch.source_lengths, target, there)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        self._optimizer.zero_grad()
        with torch.cuda.graph(graph):
            self._step(source, batch.source_lengths, target, there)
        self._graph = graph

    def _step(self, source: Tensor, lengths: Tensor, target: Tensor, coins: Tensor) -> None:
        self._optimizer.zero_grad()
        with torch.autocast("cuda", torch.bfloat16, enabled=self._narrow):
            if self._kind == "teacher forcing":
                loss = teacher_forcing(self._model, source, lengths, target)
            else:
                loss = training_loss(self._model, source, lengths, target, coins)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
