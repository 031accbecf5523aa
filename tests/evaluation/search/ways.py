"""Both ways in which the searches go: sentences leave the batch, as on a CPU; or in fixed shapes, as on a GPU."""

from collections.abc import Callable
from typing import Any

import pytest

from seqlab.seq2seq.engines.searching import AheadModel
from tests.training.graphs.stand_in import StandIn

Way = Callable[[Any], Any]


def shrinking(model: Any) -> Any:
    """The model as it is."""
    return model


def fixed(model: Any) -> AheadModel:
    """The model as it is on a GPU, its steps captured by what refuses whatever a graph would."""
    return AheadModel(model, StandIn())


ways = pytest.mark.parametrize("way", [shrinking, fixed])
