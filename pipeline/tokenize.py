"""Stage tokenize: train the tokenizers, encode the text, count what was cut."""

from pathlib import Path

import seqlab.system.interpreter  # noqa: F401
from seqlab.params.schema import origin_folder
from seqlab.stage import Stage, run_stage
from seqlab.tokenizing.build import build


def main(stage: Stage) -> None:
    """Write data/tokenized and data/statistics.json."""
    tokenized, statistics = Path("data/tokenized"), Path("data/statistics.json")
    params = stage.params.tokenizer
    build(params, Path("data/raw"), tokenized, statistics, origin=origin_folder(params.take_from))
    stage.outputs += [tokenized, statistics]


if __name__ == "__main__":
    run_stage("tokenize", main)
