"""A model as the searches use it: chosen by where it is."""

from typing import Any

from seqlab.model.seq2seq import Seq2Seq
from seqlab.seq2seq.engines.cuda.stepwise import Stepwise
from seqlab.seq2seq.engines.waiting import waits


def stepwise(model: Any) -> Any:
    """The fastest for the model's device that gives what `seqlab.decoding.stepwise.StepwiseModel` asks for."""
    if isinstance(model, Seq2Seq) and waits(next(model.parameters()).device):
        return Stepwise(model)
    return model
