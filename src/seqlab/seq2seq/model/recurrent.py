"""Recurrent layers, each a single-layer call, with our own dropout masks between them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from seqlab.seq2seq.model.dropout import Dropout, drop
from seqlab.seq2seq.model.gru import GRU, Recurrence
from seqlab.seq2seq.model.packing import Packing

_CELLS: dict[str, type[nn.GRU] | type[nn.LSTM] | type[nn.RNN]] = {"gru": GRU, "lstm": nn.LSTM, "rnn": nn.RNN}


@dataclass(frozen=True)
class RecurrentState:
    """The state of a stack of layers.

    Shapes: hidden (layers, batch, width); cell likewise, only of an LSTM.
    """

    hidden: Tensor
    cell: Tensor | None = None

    def select(self, rows: Tensor) -> "RecurrentState":
        """The state of these rows of the batch, in this order."""
        cell = None if self.cell is None else self.cell.index_select(1, rows)
        return RecurrentState(self.hidden.index_select(1, rows), cell)

    def first(self, rows: int) -> "RecurrentState":
        """The state of the batch's first rows."""
        return RecurrentState(self.hidden[:, :rows], None if self.cell is None else self.cell[:, :rows])


class RecurrentStack(nn.Module):
    """Layers of GRU (Cho et al. 2014), LSTM (Hochreiter and Schmidhuber 1997) or Elman network with tanh.

    One call a layer, so that the masks between layers are ours and not the library's. Packed tokens, so that padding
    costs nothing and changes nothing: the last state is that at each sequence's own last token.
    """

    def __init__(self, cell: str, input_size: int, hidden_size: int, layers: int, bidirectional: bool = False) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.width = hidden_size * (2 if bidirectional else 1)
        sizes = [input_size] + [self.width] * (layers - 1)
        self.layers = nn.ModuleList(_CELLS[cell](size, hidden_size, bidirectional=bidirectional) for size in sizes)

    def masks(self, dropout: Dropout, tokens: int, device: torch.device) -> tuple[Tensor | None, ...]:
        """Draw the masks between the layers, (tokens, width) each."""
        return tuple(dropout.mask(tokens, self.width, device) for _ in range(len(self.layers) - 1))

    def forward(
        self,
        inputs: Tensor,
        packing: Packing,
        state: RecurrentState | None,
        masks: tuple[Tensor | None, ...],
    ) -> tuple[Tensor, RecurrentState]:
        """Outputs of the last layer, and the last state of each.

        Args:
            inputs: (tokens, input_size), packed.
            packing: How they are packed.
            state: First state; None: zero.
            masks: Dropout masks between the layers; empty: none.

        Returns:
            outputs (tokens, width) and the state, where width is hidden_size for each direction.
        """
        hidden, cells = [], []
        for number, layer in enumerate(self.layers):
            inputs, last = _run(layer, _between(inputs, number, masks), packing, _layer_state(state, number))
            hidden.append(_join(last[0]))
            cells += [_join(cell) for cell in last[1:]]
        return inputs, RecurrentState(torch.stack(hidden), torch.stack(cells) if cells else None)

    def unrolled(self, packing: Packing, state: RecurrentState) -> "UnrolledStack | None":
        """The stack for a few of these steps at a time, with one gradient in the end.

        None unless it is of GRUs that are run by hand, in one direction.
        """
        layers = [layer for layer in self.layers if isinstance(layer, GRU) and layer.by_hand(packing)]
        if not layers or self.width > self.hidden_size:
            return None
        return UnrolledStack([Recurrence(layer, packing, state.hidden[n]) for n, layer in enumerate(layers)])


class UnrolledStack:
    """A stack in one direction whose steps are run one after the other, and whose gradient is taken of all at once."""

    def __init__(self, recurrences: list[Recurrence]) -> None:
        self._recurrences = recurrences

    def run(self, inputs: Tensor, start: int, stop: int, masks: tuple[Tensor | None, ...]) -> Tensor:
        """Outputs of the steps from start, where the last call ended, up to stop, without gradient.

        Args:
            inputs: (tokens, input_size), those of these steps.
            start: First step.
            stop: Step after the last.
            masks: Those of these tokens.
        """
        for number, recurrence in enumerate(self._recurrences):
            inputs = recurrence.run(_between(inputs, number, masks), start, stop)
        return inputs

    def differentiable(self, inputs: Tensor, masks: tuple[Tensor | None, ...]) -> tuple[Tensor, RecurrentState]:
        """Outputs of all steps and the last state, with a gradient, when all have been run on these inputs."""
        hidden = []
        for number, recurrence in enumerate(self._recurrences):
            inputs, last = recurrence.differentiable(_between(inputs, number, masks))
            hidden.append(last)
        return inputs, RecurrentState(torch.stack(hidden))


def _between(inputs: Tensor, number: int, masks: tuple[Tensor | None, ...]) -> Tensor:
    return drop(inputs, masks[number - 1]) if number and masks else inputs


def _layer_state(state: RecurrentState | None, number: int) -> Tensor | tuple[Tensor, Tensor] | None:
    if state is None:
        return None
    hidden = state.hidden[number : number + 1].contiguous()
    return hidden if state.cell is None else (hidden, state.cell[number : number + 1].contiguous())


def _run(
    layer: nn.Module, inputs: Tensor, packing: Packing, state: Tensor | tuple[Tensor, Tensor] | None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    if packing.even:
        outputs, last = layer(inputs.view(packing.steps, -1, inputs.shape[1]), state)
        outputs = outputs.flatten(0, 1)
    else:
        packed, last = layer(PackedSequence(inputs, packing.sizes), state)
        outputs = packed.data
    return outputs, last if isinstance(last, tuple) else (last,)


def _join(last: Tensor) -> Tensor:
    """(directions, batch, hidden_size) to (batch, directions · hidden_size)."""
    return last.transpose(0, 1).flatten(1)
