"""The ways in which the searches go: each engine's, for a model or an ensemble."""

from collections.abc import Callable
from typing import Any

import pytest

from seqlab.evaluation.search.ensemble import stepwise_of
from seqlab.seq2seq.engines.ahead_model import AheadModel
from seqlab.seq2seq.engines.choice import CPU, PLAIN
from seqlab.seq2seq.engines.cuda.stepwise import ahead
from seqlab.seq2seq.engines.stepwise import StepwiseModel
from tests.training.graphs.stand_in import StandIn

Way = Callable[[Any], Any]


def plain(model: Any) -> StepwiseModel:
    """By the steps of the definition; sentences leave the batch."""
    return PLAIN.searched(stepwise_of(model, PLAIN.stepwise))


def cpu(model: Any) -> StepwiseModel:
    """The model as it is; sentences leave the batch."""
    return CPU.searched(stepwise_of(model, CPU.stepwise))


def cuda(model: Any) -> AheadModel:
    """In fixed shapes, steps captured by what refuses whatever a graph would."""
    return ahead(model, StandIn())


ways = pytest.mark.parametrize("way", [plain, cpu, cuda])
