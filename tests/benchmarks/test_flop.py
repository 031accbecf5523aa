"""The formula for a step's floating-point operations is what PyTorch counts."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.flop import training_flop
from seqlab.core.special_tokens import SOS
from tests.seq2seq.model.tiny import tiny_batch, tiny_model

ROWS, SOURCE_LENGTH, TARGET_LENGTH = 3, 5, 4
KINDS = [("none", False), ("dot", False), ("dot", True), ("general", False), ("additive", False)]
# Layers, in both directions, context, tied output.
SHAPES = [
    (1, False, "initial", False),
    (2, True, "every_step", True),
    (1, True, "initial", True),
    (2, True, "initial", False),
]


@pytest.mark.parametrize(("layers", "bidirectional", "context", "tie_output"), SHAPES)
@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize(("attention", "input_feeding"), KINDS)
def test_the_formula_counts_what_a_plain_forward_pass_does(
    attention: str, input_feeding: bool, cell: str, layers: int, bidirectional: bool, context: str, tie_output: bool
) -> None:
    model = tiny_model(
        cell=cell,
        layers=layers,
        bidirectional=bidirectional,
        context=context,
        tie_output=tie_output,
        attention=attention,
        input_feeding=input_feeding,
    )
    source, source_lengths = tiny_batch([SOURCE_LENGTH] * ROWS, 9)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        memory = model.encode(source, source_lengths)
        state = model.initial_state(memory)
        for _ in range(TARGET_LENGTH):
            _, state, _ = model.step(torch.full((ROWS,), SOS), state, memory)
    size, states = model.config.hidden_size, 2 if cell == "lstm" else 1
    bridges = 2 * ROWS * layers * states * 2 * size * size if bidirectional else 0
    expected = training_flop(model.config, source_lengths, torch.full((ROWS,), TARGET_LENGTH)) // 3
    assert counter.get_total_flops() - bridges == expected


def test_padding_costs_nothing() -> None:
    config = tiny_model(attention="dot").config
    short, long = torch.tensor([2]), torch.tensor([7])
    both = training_flop(config, torch.cat([short, long]), torch.cat([long, short]))
    assert both == training_flop(config, short, long) + training_flop(config, long, short)
