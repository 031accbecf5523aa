"""Stage tokenize: train the tokenizers, encode the text, count what was cut."""

from pathlib import Path

import seqlab.system.interpreter  # noqa: F401
from seqlab.stage import Stage, run_stage
from seqlab.tokenizing.build import build


def main(stage: Stage) -> None:
    """Write data/tokenized and data/statistics.json."""
    tokenized, statistics = Path("data/tokenized"), Path("data/statistics.json")
    build(stage.params.tokenizer, Path("data/raw"), tokenized, statistics)
    stage.outputs += [tokenized, statistics]


if __name__ == "__main__":
    run_stage("tokenize", main)
