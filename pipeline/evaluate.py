"""Stage evaluate: translate the test set, and score the translations."""

from pathlib import Path

import seqlab.system.interpreter  # noqa: F401
from seqlab.numerics import configure
from seqlab.stage import Stage, run_stage


def main(stage: Stage) -> None:
    """Write scores, translations, BLEU by length, exposure bias and attention maps below reports/."""
    configure(stage.params.runtime)
    # It imports PyTorch, which reads the environment once.
    from seqlab.evaluation.stage import evaluate_stage

    evaluate_stage(stage.params, data=Path("data"), checkpoint=Path("models/best"), reports=Path("reports"))
    stage.outputs += [Path("reports/scores.json"), Path("reports/metrics.json"), Path("reports/translations.jsonl")]
    stage.outputs += [Path("reports/bleu_by_length.csv"), Path("reports/exposure.csv"), Path("reports/attention.json")]


if __name__ == "__main__":
    run_stage("evaluate", main)
