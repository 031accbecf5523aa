"""Dropout whose masks are drawn explicitly, so that whoever computes a step twice sees the same ones."""

from dataclasses import dataclass

import torch
from torch import Tensor

# Values of a draw of 16 bits: each element of a mask takes one.
DRAWS = 2**16


class Dropout:
    """The source of one optimizer step's masks, drawn in the order in which they are asked for.

    Args:
        rate: Probability of dropping an element, 0 ≤ rate < 1; rounded to a multiple of 2^-16.
        generator: A CPU generator made for this step alone, so that a resumed run draws the same masks, and a GPU the
            same ones as a CPU.
    """

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        self._dropped = round(rate * DRAWS)
        self._generator = generator

    def mask(self, rows: int, columns: int, device: torch.device) -> Tensor | None:
        """A mask (rows, columns), float32: 0, or 1 / (1 − rate) where an element is kept; None: keep everything."""
        if self._dropped == 0:
            return None
        elements = rows * columns
        # Four draws of 16 bits from each integer of 64: twelve times as fast as bernoulli_().
        words = torch.empty((elements + 3) // 4, dtype=torch.int64).random_(-(2**63), None, generator=self._generator)
        draws = words.view(torch.int16)[:elements].view(rows, columns)
        kept = (draws >= self._dropped - DRAWS // 2).to(device)
        return kept.to(torch.float32).mul_(DRAWS / (DRAWS - self._dropped))


@dataclass(frozen=True)
class Masks:
    """Masks of a recurrent network over packed tokens; None where nothing is dropped.

    Shapes: embedding (tokens, embedding_size); between (tokens, width of a layer's output), one for each layer but the
    last; readout (tokens, readout_size), only in the decoder.
    """

    embedding: Tensor | None = None
    between: tuple[Tensor | None, ...] = ()
    readout: Tensor | None = None

    def rows(self, span: slice) -> "Masks":
        """The masks of a span of the packed tokens."""
        return Masks(
            _rows(self.embedding, span), tuple(_rows(mask, span) for mask in self.between), self.readout_of(span)
        )

    def readout_of(self, rows: slice | Tensor) -> Tensor | None:
        """The readout's mask at some of the packed tokens."""
        return _rows(self.readout, rows)


def drop(values: Tensor, mask: Tensor | None) -> Tensor:
    """Values under a mask of the same shape, in the type of the values."""
    return values if mask is None else values * mask.to(values.dtype)


def _rows(mask: Tensor | None, rows: slice | Tensor) -> Tensor | None:
    return None if mask is None else mask[rows]
