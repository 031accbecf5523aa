"""The best of many scores, with ties broken by position."""

import torch
from torch import Tensor


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
