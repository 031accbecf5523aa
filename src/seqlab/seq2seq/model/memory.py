"""What passes from encoder to decoder, and from one step of the decoder to the next."""

from dataclasses import dataclass

from torch import Tensor

from seqlab.seq2seq.model.recurrent import RecurrentState


@dataclass(frozen=True)
class Annotations:
    """What attention looks at (the term is that of Bahdanau et al. 2015).

    Shapes: `values` and `keys` (batch, source_len, hidden_size), zero at padding; `padding` (batch, source_len), True
    at padding, None when the batch has none.
    """

    values: Tensor
    keys: Tensor
    padding: Tensor | None

    def select(self, rows: Tensor) -> "Annotations":
        """Those of these rows of the batch, in this order."""
        values = self.values.index_select(0, rows)
        keys = values if self.keys is self.values else self.keys.index_select(0, rows)
        return Annotations(values, keys, _select(self.padding, rows))

    def first(self, rows: int) -> "Annotations":
        """Those of the batch's first rows."""
        return Annotations(self.values[:rows], self.keys[:rows], None if self.padding is None else self.padding[:rows])


@dataclass(frozen=True)
class Memory:
    """A batch of encoded sources.

    Attributes:
        state: (layers, batch, hidden_size), with which the decoder begins.
        annotations: None without attention.
    """

    state: RecurrentState
    annotations: Annotations | None = None

    @property
    def context(self) -> Tensor:
        """The context vector (batch, hidden_size): the last layer's final state."""
        return self.state.hidden[-1]

    @property
    def rows(self) -> int:
        """Sources in the batch."""
        return self.state.hidden.shape[1]

    def select(self, rows: Tensor) -> "Memory":
        """The memory of these rows of the batch, in this order."""
        annotations = None if self.annotations is None else self.annotations.select(rows)
        return Memory(self.state.select(rows), annotations)

    def first(self, rows: int) -> "Memory":
        """The memory of the batch's first rows."""
        return Memory(self.state.first(rows), None if self.annotations is None else self.annotations.first(rows))


@dataclass(frozen=True)
class DecoderState:
    """The decoder between two steps.

    Shapes: `recurrent` (layers, batch, hidden_size); `readout` (batch, readout_size), the last attentional vector, only
    with input feeding.
    """

    recurrent: RecurrentState
    readout: Tensor | None = None

    def select(self, rows: Tensor) -> "DecoderState":
        """The state of these rows of the batch, in this order."""
        return DecoderState(self.recurrent.select(rows), _select(self.readout, rows))

    def first(self, rows: int) -> "DecoderState":
        """The state of the batch's first rows."""
        return DecoderState(self.recurrent.first(rows), None if self.readout is None else self.readout[:rows])


def _select(tensor: Tensor | None, rows: Tensor) -> Tensor | None:
    return None if tensor is None else tensor.index_select(0, rows)
