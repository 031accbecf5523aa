"""The encoder's final state is that at each sentence's own last token."""

from itertools import product

import pytest
import torch

from seqlab.seq2seq.engines.plain import loss as plain
from tests.seq2seq.model.tiny import tiny_batch, tiny_model


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_final_state_equals_that_of_the_sentence_alone(cell: str, layers: int, bidirectional: bool) -> None:
    model = tiny_model(cell=cell, layers=layers, bidirectional=bidirectional, attention="dot")
    lengths = [2, 5, 1, 5, 3]
    source, source_lengths = tiny_batch(lengths, 9)
    memory = model.encode(source, source_lengths)
    assert memory.annotations is not None
    for row, length in enumerate(lengths):
        sentence = source[row, :length]
        alone = model.encode(sentence[None], torch.tensor([length]))
        torch.testing.assert_close(memory.state.hidden[:, row], alone.state.hidden[:, 0], rtol=0, atol=1e-12)
        plainly = plain.encode(model, sentence[None], torch.tensor([length]), None)
        for layer, state in enumerate(plainly.state):
            hidden, last_cell = state if isinstance(state, tuple) else (state, None)
            torch.testing.assert_close(memory.state.hidden[layer, row], hidden[0, 0], rtol=0, atol=1e-12)
            assert (last_cell is None) == (memory.state.cell is None)
            if last_cell is not None and memory.state.cell is not None:
                torch.testing.assert_close(memory.state.cell[layer, row], last_cell[0, 0], rtol=0, atol=1e-12)
        found = memory.annotations.values[row, :length]
        torch.testing.assert_close(found, plainly.annotations[0], rtol=0, atol=1e-12)
        assert (memory.annotations.values[row, length:] == 0).all()


def test_what_stands_in_the_padding_is_never_looked_at() -> None:
    for cell, bidirectional in product(("gru", "lstm", "rnn"), (False, True)):
        model = tiny_model(cell=cell, bidirectional=bidirectional, attention="additive")
        source, lengths = tiny_batch([1, 4, 2], 9)
        memory = model.encode(source, lengths)
        beyond_the_vocabulary = torch.where(source == 0, 10**6, source)
        other = model.encode(beyond_the_vocabulary, lengths)
        assert memory.annotations is not None
        assert other.annotations is not None
        assert torch.equal(memory.state.hidden, other.state.hidden)
        assert torch.equal(memory.annotations.keys, other.annotations.keys)
