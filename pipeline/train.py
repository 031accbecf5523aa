"""Stage train: train the encoder–decoder with teacher forcing."""

from pathlib import Path

import seqlab.system.interpreter  # noqa: F401
from seqlab.numerics import configure
from seqlab.stage import Stage, run_stage
from seqlab.system.force import is_forced


def main(stage: Stage) -> None:
    """Write models/best, models/last, the digests of all steps, and the curves below reports/."""
    configure(stage.params.runtime)
    # It imports PyTorch, which reads the environment once.
    from seqlab.training.stage import train_stage

    stage.stops_itself = True
    train_stage(
        stage.params,
        data=Path("data"),
        models=Path("models"),
        reports=Path("reports"),
        checkpoints=stage.checkpoints,
        fingerprint=stage.train_fingerprint(),
        continuation=stage.continuation_fingerprint(),
        anew=is_forced,
        check=stage.check_inputs,
        progress=True,
        listeners=[stage.recorder.listener],
        stop=stage.stop,
    )
    stage.outputs += [Path("models/best"), Path("models/last"), Path("models/digests.safetensors")]
    stage.outputs += [Path("reports/curves.csv"), Path("reports/steps.csv"), Path("reports/training.json")]


if __name__ == "__main__":
    run_stage("train", main)
