"""Every cell with every attention learns to reverse, and every other option to copy."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from seqlab.core.special_tokens import EOS, PAD
from seqlab.evaluation.search.beam import beam_search
from seqlab.seq2seq.decoding.greedy import greedy
from seqlab.seq2seq.engines.cpu.loss import teacher_forced_loss
from seqlab.seq2seq.model.config import ModelConfig
from seqlab.seq2seq.model.seq2seq import Seq2Seq
from seqlab.training.teacher_forcing import toss
from tests.seq2seq.model.tiny import tiny_config

SYMBOLS = 6
SHAPE = tiny_config(source_vocab_size=4 + SYMBOLS, target_vocab_size=4 + SYMBOLS, embedding_size=16, hidden_size=32)


def pairs(count: int, longest: int, task: str, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Random sources and what the task makes of them, (count, longest + 1) each; and their lengths, EOS included."""
    lengths = torch.randint(1, longest + 1, (count, 1), generator=generator)
    source = torch.randint(4, 4 + SYMBOLS, (count, longest + 1), generator=generator)
    places = torch.arange(longest + 1)[None, :]
    target = source.gather(1, (lengths - 1 - places).clamp(min=0)) if task == "reverse" else source
    ended, ends = places > lengths, places == lengths
    source, target = (tokens.masked_fill(ended, PAD).masked_fill(ends, EOS) for tokens in (source, target))
    return source, target, lengths.squeeze(1) + 1


def learn(shape: ModelConfig, task: str, longest: int, steps: int, ratio: float) -> Seq2Seq:
    """Train on fresh pairs at each step."""
    generator = torch.Generator().manual_seed(0)
    model = Seq2Seq(shape, generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, steps)
    for _ in range(steps):
        source, target, lengths = pairs(64, longest, task, generator)
        coins = toss("step", ratio, 64, longest + 1, generator)
        output = teacher_forced_loss(model, source, lengths, target, lengths, coins)
        optimizer.zero_grad()
        output.loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model


def accuracy(model: Seq2Seq, task: str, longest: int) -> float:
    """Fraction of 200 new sources whose greedy translation is right from end to end."""
    source, target, lengths = pairs(200, longest, task, torch.Generator().manual_seed(1))
    found = greedy(model, source, lengths, max_length=longest + 2)
    right = [hypothesis.tokens == target[row, : lengths[row] - 1].tolist() for row, hypothesis in enumerate(found)]
    return sum(right) / len(right)


def test_a_plain_gru_learns_to_copy() -> None:
    assert accuracy(learn(SHAPE, "copy", 3, 250, 0.5), "copy", 3) >= 0.97


def test_attention_learns_to_reverse() -> None:
    shape = replace(SHAPE, attention="dot", bidirectional=True)
    model = learn(shape, "reverse", 5, 250, 0.75)
    assert accuracy(model, "reverse", 5) >= 0.97
    source, _, lengths = pairs(40, 5, "reverse", torch.Generator().manual_seed(2))
    together = beam_search(model, source, lengths, beam_size=4, length_penalty=1.0, n_best=4, max_length=10)
    for row, hypotheses in enumerate(together):
        (alone,) = beam_search(
            model,
            source[row : row + 1],
            lengths[row : row + 1],
            beam_size=4,
            length_penalty=1.0,
            n_best=4,
            max_length=10,
        )
        assert [found.tokens for found in hypotheses] == [found.tokens for found in alone]
        assert [found.score for found in hypotheses] == pytest.approx([found.score for found in alone], abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("attention", ["none", "dot", "general", "additive"])
@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_every_cell_and_attention_learns(cell: str, attention: str, bidirectional: bool) -> None:
    # Without attention everything must pass through one vector: shorter sequences.
    longest = 3 if attention == "none" else 5
    shape = replace(SHAPE, cell=cell, attention=attention, bidirectional=bidirectional)
    assert accuracy(learn(shape, "reverse", longest, 500, 0.75), "reverse", longest) >= 0.97


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"context": "every_step"},
        {"layers": 2, "cell": "lstm"},
        {"attention": "dot", "input_feeding": True},
        {"attention": "additive", "input_feeding": True, "context": "every_step", "tie_output": True},
        {"tie_output": True, "bidirectional": True},
    ],
)
def test_every_other_option_learns(options: dict[str, object]) -> None:
    assert accuracy(learn(replace(SHAPE, **options), "copy", 3, 500, 0.75), "copy", 3) >= 0.97  # type: ignore[arg-type]
