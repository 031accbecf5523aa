"""The model of a checkpoint, by which of its kept parameters translate: the best, their mean, or all together.

And the models of several checkpoints, which translate together.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from seqlab.core.errors import SeqlabError
from seqlab.evaluation.search.ensemble import Ensemble
from seqlab.seq2seq.checkpoint import count_kept, load_checkpoint, load_tensors, model_tensors
from seqlab.seq2seq.model.seq2seq import Seq2Seq

Parameters = Literal["best", "average", "ensemble"]
# The parameter that names the others; errors of theirs begin with it.
ENSEMBLE_WITH = "evaluate.ensemble_with"


def load_model(folder: Path, parameters: Parameters, device: str = "cpu") -> Seq2Seq | Ensemble:
    """Read the model of a checkpoint.

    Args:
        folder: Checkpoint folder such as models/best.
        parameters: Of the best epoch (best), the mean of those of all kept epochs (average), or all of them, whose
            probabilities are averaged (ensemble).
        device: cpu or cuda.

    Raises:
        SeqlabError: a file is missing or damaged, or the parameters of one epoch alone are kept where several are
            needed.
    """
    if parameters == "best":
        return load_checkpoint(folder, device)
    kept = count_kept(folder)
    if kept < 2:
        raise SeqlabError(
            f"{folder} holds the parameters of one epoch, too few for evaluate.parameters {parameters}; use best, or "
            "train with train.keep_checkpoints 2 or more"
        )
    if parameters == "average":
        return _average(folder, kept).to(device)
    return Ensemble([load_checkpoint(folder, device, rank) for rank in range(1, kept + 1)])


def load_together(
    folder: Path, others: Sequence[Path], parameters: Parameters, device: str = "cpu"
) -> Seq2Seq | Ensemble:
    """Read the model of a checkpoint, and those of `others` that translate together with it.

    Each is read as `load_model` does, and counts the same however many epochs it keeps: parameters are averaged within
    a checkpoint alone, probabilities over the checkpoints.

    Raises:
        SeqlabError: as `load_model`.
    """
    own = load_model(folder, parameters, device)
    return Ensemble([own, *(_other(each, parameters, device) for each in others)]) if others else own


def _other(folder: Path, parameters: Parameters, device: str) -> Seq2Seq | Ensemble:
    try:
        return load_model(folder, parameters, device)
    except SeqlabError as error:
        raise SeqlabError(f"{ENSEMBLE_WITH}: {error}") from None


def _average(folder: Path, kept: int) -> Seq2Seq:
    """The mean of the kept parameters (Vaswani et al. 2017, §6.1; Junczys-Dowmunt et al. 2016), one file at a time."""
    model = load_checkpoint(folder)
    sums: dict[str, Tensor] = {name: tensor.double() for name, tensor in model_tensors(model).items()}
    for rank in range(2, kept + 1):
        for name, tensor in model_tensors(load_checkpoint(folder, rank=rank)).items():
            sums[name] += tensor
    load_tensors(model, {name: (total / kept).to(torch.float32) for name, total in sums.items()})
    return model
