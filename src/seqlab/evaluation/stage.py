"""Stage evaluate, whoever runs it: parameters and folders in, scores out. Call `numerics.configure` before."""

from pathlib import Path

from seqlab.evaluation.evaluation import evaluate
from seqlab.evaluation.scoring.measure import measure
from seqlab.numerics import torch_setup
from seqlab.params.params import Params
from seqlab.params.schema import origin_folder
from seqlab.scoring.tokenization import resolve
from seqlab.seq2seq.engines.choice import choose


def evaluate_stage(params: Params, *, data: Path, checkpoint: Path, reports: Path) -> None:
    """Translate and score the test set below `data`, with the models that `evaluate.ensemble_with` names, if any.

    Args:
        params: All parameters.
        data: Folder with raw/ and tokenized/.
        checkpoint: Checkpoint folder such as models/best.
        reports: Folder to write to.

    Raises:
        SeqlabError: as `seqlab.evaluation.evaluation.evaluate`, or there is no such device.
    """
    torch_setup(params.runtime)
    evaluate(
        params.evaluate,
        tokenize=resolve(params.evaluate.tokenize, params.corpus.target),
        measure=measure(params.corpus.name),
        checkpoint=checkpoint,
        ensemble_with=origin_folder(params.evaluate.ensemble_with),
        tokenized=data / "tokenized",
        raw=data / "raw",
        reports=reports,
        device=params.runtime.device,
        engine=choose(params.runtime.device, params.runtime.engine),
    )
