"""Stage train: train the encoder–decoder with teacher forcing."""

from pathlib import Path

import seqlab.system.interpreter  # noqa: F401
from seqlab.numerics import configure
from seqlab.params.origin import origin_folder
from seqlab.stage import Stage, run_stage
from seqlab.system.force import is_forced


def main(stage: Stage) -> None:
    """Write models/best, models/last, the digests of all steps, and the curves below reports/."""
    params = stage.params
    configure(params.runtime)
    # They import PyTorch, which reads the environment once.
    from seqlab.numerics import torch_setup
    from seqlab.scoring.tokenization import resolve
    from seqlab.seq2seq.engines.choice import choose
    from seqlab.training.continuation import Continuation
    from seqlab.training.processes.setting import world_size
    from seqlab.training.progress import Progress
    from seqlab.training.run import train
    from seqlab.training.validation import Validation

    torch_setup(params.runtime)
    engine = choose(params.runtime.device, params.runtime.engine)
    stage.stops_itself = True
    tokenized, models, reports = Path("data/tokenized"), Path("models"), Path("reports")
    tokenize = resolve(params.evaluate.tokenize, params.corpus.target)
    validator = Validation.open(tokenized, Path("data/raw"), params.train.validation_max_length, tokenize, engine)
    with Progress() as progress:
        train(
            params,
            tokenized=tokenized,
            models=models,
            reports=reports,
            checkpoints=stage.checkpoints,
            fingerprint=stage.train_fingerprint(),
            continuation=Continuation(stage.checkpoints / "ended", stage.continuation_fingerprint()),
            anew=is_forced,
            engine=engine,
            validator=validator,
            origin=origin_folder(params.train.start_from),
            world_size=world_size(params.train.shards, params.runtime),
            listeners=[progress, stage.recorder.listener],
            stop=stage.stop,
        )
    stage.outputs += [models / "best", models / "last", models / "digests.safetensors"]
    stage.outputs += [reports / name for name in ("curves.csv", "steps.csv", "training.json")]


if __name__ == "__main__":
    run_stage("train", main)
