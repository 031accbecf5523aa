"""The best of many scores, with ties broken by position."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.core.special_tokens import PAD, SOS
from seqlab.seq2seq.model.argmax import BLOCK, block_maxima

Best = Callable[[Tensor, int], tuple[Tensor, Tensor]]


def log_probabilities(scores: Tensor) -> Tensor:
    """Of the scores (rows, vocab) of a next token; −∞ for PAD and SOS, which are never generated but count."""
    result = scores.log_softmax(1)
    for never in (PAD, SOS):  # a list of both as the index would be copied to a GPU at every step
        result[:, never].fill_(-torch.inf)
    return result


def best(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The best scores of each row, falling, and their places; of equal scores the lower place comes first.

    torch.topk alone leaves open which of equal scores it returns. Places of −∞ are in no particular order.

    Args:
        scores: (rows, places).
        count: At most `places`.

    Returns:
        (rows, count) each.
    """
    values, places = scores.topk(min(count + 1, scores.shape[1]), dim=1)
    cut = torch.zeros(len(scores), dtype=torch.bool, device=scores.device)
    if values.shape[1] > count:
        cut = (values[:, count - 1] == values[:, count]) & (values[:, count] > -torch.inf)
    values, places = values[:, :count], places[:, :count]
    if count > 1:
        places, order = places.sort(dim=1)
        values, order = values.gather(1, order).sort(dim=1, descending=True, stable=True)
        places = places.gather(1, order)
    if cut.any():
        exact, exact_places = scores[cut].sort(dim=1, descending=True, stable=True)
        values[cut], places[cut] = exact[:, :count], exact_places[:, :count]
    return values, places


def best_unasked(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """As `best`, but asks for no value, nor for anything that depends on one; a GPU sorts as fast."""
    if count == 1:
        # Of equal ones the first.
        best_of_each = scores.max(1, keepdim=True)
        return best_of_each.values, best_of_each.indices
    values, places = scores.sort(dim=1, descending=True, stable=True)
    return values[:, :count], places[:, :count]


def best_continuations(
    scores: Tensor, offsets: Tensor, count: int, ranked: Best = best
) -> tuple[Tensor, Tensor, Tensor]:
    """The best of score + offset of each sentence, falling; of equal ones the lower row and then the lower place first.

    Looks at whole blocks of places first. Of the blocks, ranked by their best place and then by where they stand, the
    best `count` hold the best `count` places: before a place of any other block comes the best place of each of these.
    That reads the scores once; torch.topk over a vocabulary takes fifteen times as long.

    Args:
        scores: (sentences, rows, places).
        offsets: (sentences, rows), float64; −∞ for a row that takes no part.
        count: At least 1.
        ranked: `best`, or what asks a device for nothing, `best_unasked`.

    Returns:
        score + offset, float64, the row, and the place, (sentences, count) each. Where it is −∞, as at the end of what
        has fewer than `count` places, row and place are any.
    """
    rows, width = scores.shape[1:]
    maxima = block_maxima(scores).double() + offsets[:, :, None]
    blocks = maxima.shape[2]
    _, chosen = ranked(maxima.flatten(1), min(count, rows * blocks))
    chosen = chosen.sort(dim=1).values
    row = chosen // blocks
    places = (chosen % blocks * BLOCK)[:, :, None] + torch.arange(BLOCK, device=scores.device)
    flat = (row * width)[:, :, None] + places.clamp(max=width - 1)
    values = scores.flatten(1).gather(1, flat.flatten(1)).double().view(flat.shape) + offsets.gather(1, row)[:, :, None]
    values, order = ranked(values.masked_fill_(places >= width, -torch.inf).flatten(1), min(count, flat[0].numel()))
    found = flat.flatten(1).gather(1, order)
    if missing := count - values.shape[1]:
        found, values = F.pad(found, (0, missing)), F.pad(values, (0, missing), value=-torch.inf)
    return values, found // width, found % width
