"""Stage evaluate: translate the test set, and score the translations."""

from pathlib import Path

import seqlab.system.interpreter  # noqa: F401
from seqlab.numerics import configure
from seqlab.params.origin import origin_folder
from seqlab.stage import Stage, run_stage


def main(stage: Stage) -> None:
    """Write scores, translations, BLEU by length, exposure bias and attention maps below reports/."""
    params = stage.params
    configure(params.runtime)
    # They import PyTorch, which reads the environment once.
    from seqlab.evaluation.evaluation import evaluate
    from seqlab.evaluation.scoring.measure import measure
    from seqlab.numerics import torch_setup
    from seqlab.scoring.tokenization import resolve
    from seqlab.seq2seq.engines.choice import choose

    torch_setup(params.runtime)
    reports = Path("reports")
    evaluate(
        params.evaluate,
        tokenize=resolve(params.evaluate.tokenize, params.corpus.target),
        measure=measure(params.corpus.name),
        checkpoint=Path("models/best"),
        ensemble_with=origin_folder(params.evaluate.ensemble_with),
        tokenized=Path("data/tokenized"),
        raw=Path("data/raw"),
        reports=reports,
        device=params.runtime.device,
        engine=choose(params.runtime.device, params.runtime.engine),
    )
    names = ("scores.json", "metrics.json", "translations.jsonl", "bleu_by_length.csv", "exposure.csv")
    stage.outputs += [reports / name for name in (*names, "attention.json")]


if __name__ == "__main__":
    run_stage("evaluate", main)
