"""A model as the searches use it: chosen by where it is."""

from typing import Any

from seqlab.seq2seq.engines.cuda.stepwise import Stepwise
from seqlab.seq2seq.engines.waiting import waits
from seqlab.seq2seq.model.seq2seq import Seq2Seq


def stepwise(model: Any) -> Any:
    """The fastest for the model's device that gives what `seqlab.seq2seq.decoding.stepwise.StepwiseModel` asks for."""
    if isinstance(model, Seq2Seq) and waits(next(model.parameters()).device):
        return Stepwise(model)
    return model
